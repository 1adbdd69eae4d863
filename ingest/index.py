"""Rows → Snapshot: publish what the store holds, if it is not what is published already."""

from collections.abc import Mapping

from assistant.kernel.knowledge import EmbedderIdentity, SnapshotManifest, documents_digest
from assistant.ports import DocumentStore, IndexWriter
from ingest.chunk import CHUNKER


def index(
    tenant: str, store: DocumentStore, writer: IndexWriter, embedder: EmbedderIdentity, *, force: bool = False
) -> SnapshotManifest:
    """The manifest in use afterwards: a new generation when documents or embedder changed, or ``force``.

    Ends only when what is published is what the store holds, so that of two ingests at once neither
    publishes over the other's documents.
    """
    while True:
        documents = store.hashes(tenant)
        current = writer.current(tenant)
        if current is not None and not force and _matches(current, documents, embedder):
            return current
        chunks, vectors = store.live_chunks(tenant, embedder)
        writer.publish(tenant, chunks, vectors, embedder, documents, CHUNKER)
        force = False


def _matches(manifest: SnapshotManifest, documents: Mapping[str, str], embedder: EmbedderIdentity) -> bool:
    return manifest.embedder == embedder and manifest.documents_sha256 == documents_digest(documents)
