"""Rows → Snapshot: publish what the store holds, if it is not what is published already."""

from collections.abc import Mapping

from assistant.kernel.knowledge import SNAPSHOT_FORMAT, EmbedderIdentity, SnapshotManifest, documents_digest
from assistant.ports import DocumentStore, Embedder, IndexWriter
from ingest.chunk import CHUNKER

EMBEDDED_AT_ONCE = 256


def index(
    tenant: str, store: DocumentStore, writer: IndexWriter, embedder: Embedder, *, force: bool = False
) -> SnapshotManifest:
    """The manifest in use afterwards: a new generation when documents or embedder changed, or ``force``.

    Ends only when what is published is what the store holds, so that of two ingests at once neither
    publishes over the other's documents. Chunks stored for another embedder are embedded first.
    """
    identity = embedder.identity
    while True:
        documents = store.hashes(tenant)
        current = writer.current(tenant)
        if current is not None and not force and _matches(current, documents, identity):
            return current
        texts = sorted(store.not_embedded(tenant, identity), key=len)  # A batch pads little.
        for start in range(0, len(texts), EMBEDDED_AT_ONCE):
            some = texts[start : start + EMBEDDED_AT_ONCE]
            store.add_vectors(identity, dict(zip(some, embedder.embed(some), strict=True)))
        chunks, vectors = store.live_chunks(tenant, identity)
        writer.publish(tenant, chunks, vectors, identity, documents, CHUNKER)
        force = False


def _matches(manifest: SnapshotManifest, documents: Mapping[str, str], embedder: EmbedderIdentity) -> bool:
    if manifest.format != SNAPSHOT_FORMAT:
        return False
    return manifest.embedder == embedder and manifest.documents_sha256 == documents_digest(documents)
