"""Rows → Snapshot: publish what the store holds, if it is not what is published already.

Words first: what is new is searchable by words once it is parsed, by meaning when it has been embedded. Vectors are
published every ``PUBLISHED_AFTER`` texts, so that a long ingest is of use before it ends.
"""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import SnapshotManifest
from assistant.ports import DocumentStore, Embedder, IndexChange, IndexWriter
from ingest.chunk import CHUNKER

EMBEDDED_AT_ONCE = 256
PUBLISHED_AFTER = 4096

TextVectors = dict[str, NDArray[np.float32]]
OnEmbedded = Callable[[int, int], None]
"""Told how many more texts have a vector, and how many are still to get one."""


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

    Of two ingests at once neither publishes over the other's documents.
    """
    identity, embedded = embedder.identity, 0
    while True:
        documents, current = store.hashes(tenant), writer.current(tenant)
        whole = force or current is None or current.embedder != identity
        published = {} if whole else writer.documents(tenant)
        new = [key for key, mark in documents.items() if published.get(key) != mark]
        removed = published.keys() - documents.keys()
        if whole or new or removed:
            found = store.indexed(tenant, new)
            texts = {chunk.embedding_text() for document in found for chunk in document.chunks}
            vectors = store.vectors(identity, list(texts))
            if current is not None and whole:  # What is in use has all its vectors; it is replaced by no less.
                for computed in _embed(texts - vectors.keys(), store, embedder, on_embedded):
                    vectors |= computed
                    embedded += len(computed)
            writer.publish(tenant, IndexChange(found, removed, vectors, whole), identity, CHUNKER)
            force = False
        elif waiting := writer.waiting(tenant):
            known = store.vectors(identity, list(waiting))
            if known:
                writer.attach(tenant, known)
            for computed in _embed(waiting - known.keys(), store, embedder, on_embedded):
                writer.attach(tenant, computed)
                embedded += len(computed)
        else:
            return Published(writer.tidy(tenant), embedded)


def _embed(
    texts: Collection[str], store: DocumentStore, embedder: Embedder, on_embedded: OnEmbedded
) -> Iterator[TextVectors]:
    """Vectors of ``texts``, some thousand at a time, in order of length, so that a batch pads little.

    They are kept as they come: whoever is stopped in the middle goes on there.
    """
    ordered = sorted(texts, key=lambda text: (len(text), text))
    on_embedded(0, len(ordered))
    some: TextVectors = {}
    for start in range(0, len(ordered), EMBEDDED_AT_ONCE):
        batch = ordered[start : start + EMBEDDED_AT_ONCE]
        computed = dict(zip(batch, embedder.embed(batch), strict=True))
        store.add_vectors(embedder.identity, computed)
        on_embedded(len(batch), len(ordered) - start - len(batch))
        some |= computed
        if len(some) >= PUBLISHED_AFTER:
            yield some
            some = {}
    if some:
        yield some
