"""Rows → Snapshot: publish what the store holds, if it is not what is published already.

Words first: what is new is searchable by words once it is parsed, by meaning when it has been embedded. Vectors are
published as they come, so that a long ingest is of use before it ends.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import NamedTuple

from assistant.kernel.errors import SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import IndexedDocument, SnapshotManifest, documents_digest
from assistant.ports import DocumentStore, Embedder, IndexChange, IndexWriter
from ingest.chunk import CHUNKER
from ingest.copies import find_copies
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
    own: Collection[str] = (),
    backlog: bool = True,
    force: bool = False,
    on_embedded: OnEmbedded = lambda _, __: None,
) -> Published:
    """Publish generations until what is published is what the store holds, then embed what waits for it.

    Near-duplicates of other documents are left out. All is published anew with another embedder, where a part is damaged, or
    with ``force``. Documents of ``own`` keys are embedded in any case; what else waits, as of an ingest that was stopped, with
    ``backlog`` and unless somebody else does it.
    """
    identity = embedder.identity
    store.leave_out(tenant, find_copies)
    embedded = _publish(tenant, store, writer, embedder, force=force, on_embedded=on_embedded)
    with writer.embedding(tenant) as alone:
        waiting = writer.waiting(tenant)
        todo = waiting if backlog and alone else waiting & _texts(store.indexed(tenant, own))
        if known := store.vectors(identity, list(todo)):
            writer.attach(tenant, known, identity)
        for computed in embed(todo - known.keys(), embedder, store, on_embedded):
            writer.attach(tenant, computed, identity)
            embedded += len(computed)
        if alone:
            with suppress(WriterBusy):  # Somebody publishes; who comes next will tidy up.
                writer.tidy(tenant)
    manifest = writer.current(tenant)
    assert manifest is not None
    return Published(manifest, embedded)


def _publish(
    tenant: str,
    store: DocumentStore,
    writer: IndexWriter,
    embedder: Embedder,
    *,
    force: bool,
    on_embedded: OnEmbedded,
) -> int:
    """Publish what the store holds, words first; returns how many texts were embedded for it."""
    identity, embedded = embedder.identity, 0
    while True:
        documents, current = store.published(tenant), writer.current(tenant)
        whole = force or current is None or current.embedder != identity
        if not whole and current and current.documents_sha256 == documents_digest(documents):
            return embedded
        try:
            published = {} if whole else writer.documents(tenant)
        except SnapshotMismatch:  # A part is damaged.
            whole, published = True, {}
        found = store.indexed(tenant, [key for key, mark in documents.items() if published.get(key) != mark])
        texts = _texts(found)
        vectors = store.vectors(identity, list(texts))
        if current is not None and whole:  # What is in use has all its vectors; it is replaced by no less.
            for computed in embed(texts - vectors.keys(), embedder, store, on_embedded):
                vectors |= computed
                embedded += len(computed)
        removed = published.keys() - documents.keys()
        writer.publish(tenant, IndexChange(found, removed, vectors, whole), identity, CHUNKER)
        force = False


def _texts(documents: Iterable[IndexedDocument]) -> set[str]:
    return {chunk.embedding_text() for document in documents for chunk in document.chunks}
