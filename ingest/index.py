"""Rows → Snapshot: publish what the store holds, if it is not what is published already.

Words first: what is new is searchable by words once it is parsed, by meaning when it has been embedded. Vectors are
published as they come, so that a long ingest is of use before it ends.
"""

from typing import NamedTuple

from assistant.kernel.knowledge import SnapshotManifest
from assistant.ports import DocumentStore, Embedder, IndexChange, IndexWriter
from ingest.chunk import CHUNKER
from ingest.embed import OnEmbedded, embed


class Published(NamedTuple):
    """What is in use afterwards, and how many texts had to be embedded for it."""

    manifest: SnapshotManifest
    embedded: int


def index(
    tenant: str,
    store: DocumentStore,
    writer: IndexWriter,
    embedder: Embedder,
    *,
    force: bool = False,
    on_embedded: OnEmbedded = lambda _, __: None,
) -> Published:
    """Publish generations until what is published is what the store holds; all of it anew with another embedder, or ``force``.

    Of two ingests at once neither publishes over the other's documents, and neither embeds them for the other.
    """
    identity, embedded, own = embedder.identity, 0, set[str]()
    while True:
        documents, current = store.hashes(tenant), writer.current(tenant)
        whole = force or current is None or current.embedder != identity
        published = {} if whole else writer.documents(tenant)
        new = [key for key, mark in documents.items() if published.get(key) != mark]
        removed = published.keys() - documents.keys()
        if not (whole or new or removed):
            break
        found = store.indexed(tenant, new)
        own |= (texts := {chunk.embedding_text() for document in found for chunk in document.chunks})
        vectors = store.vectors(identity, list(texts))
        if current is not None and whole:  # What is in use has all its vectors; it is replaced by no less.
            for computed in embed(texts - vectors.keys(), embedder, store, on_embedded):
                vectors |= computed
                embedded += len(computed)
        writer.publish(tenant, IndexChange(found, removed, vectors, whole), identity, CHUNKER)
        force = False
    with writer.embedding(tenant) as alone:
        waiting = writer.waiting(tenant)
        todo = waiting if alone else waiting & own
        if known := store.vectors(identity, list(todo)):
            writer.attach(tenant, known)
        for computed in embed(todo - known.keys(), embedder, store, on_embedded):
            writer.attach(tenant, computed)
            embedded += len(computed)
    return Published(writer.tidy(tenant), embedded)
