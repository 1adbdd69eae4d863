"""The in-memory twins of IndexReader and IndexWriter."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    SnapshotManifest,
    documents_digest,
)  # fmt: skip
from assistant.ports import Vectors
from assistant.text.words import content_stems


@dataclass(frozen=True)
class MemorySnapshot:
    manifest: SnapshotManifest
    by_id: Mapping[str, Chunk]
    vectors: Mapping[str, NDArray[np.float32]]

    def dense(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        ids = [chunk.id for chunk in self.by_id.values() if chunk.audience in audiences]
        scores = self.similarities(vector, audiences, ids)
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]

    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]:
        held = {
            chunk.id: stems.keys() & content_stems(chunk.embedding_text(), chunk.language)
            for chunk in self.by_id.values()
            if chunk.audience in audiences
        }
        holding = Counter(stem for found in held.values() for stem in found)
        scores = {
            chunk_id: sum(stems[stem] * log1p(len(held) / holding[stem]) for stem in sorted(found))
            for chunk_id, found in held.items()
        }
        found = [(chunk_id, score) for chunk_id, score in scores.items() if score > 0]
        return sorted(found, key=lambda item: (-item[1], item[0]))[:limit]

    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]:
        return {chunk_id: float(self.vectors[chunk_id] @ vector) for chunk_id in self.chunks(audiences, ids)}

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        known = (self.by_id[chunk_id] for chunk_id in ids if chunk_id in self.by_id)
        return {chunk.id: chunk for chunk in known if chunk.audience in audiences}


class MemoryIndex:
    """IndexReader and IndexWriter in one."""

    def __init__(self) -> None:
        self._snapshots: dict[str, MemorySnapshot] = {}

    def snapshot(self, tenant: str) -> MemorySnapshot | None:
        return self._snapshots.get(tenant)

    def current(self, tenant: str) -> SnapshotManifest | None:
        snapshot = self._snapshots.get(tenant)
        return snapshot.manifest if snapshot else None

    def publish(
        self,
        tenant: str,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        documents: Mapping[str, str],
        chunker: str,
    ) -> SnapshotManifest:
        before = self.current(tenant)
        manifest = SnapshotManifest(
            tenant=tenant,
            generation=before.generation + 1 if before else 1,
            created_at="2026-01-01T00:00:00+00:00",
            embedder=embedder,
            chunker=chunker,
            documents=len(documents),
            chunks=len(chunks),
            documents_sha256=documents_digest(documents),
            files={},
        )
        ids = [chunk.id for chunk in chunks]
        self._snapshots[tenant] = MemorySnapshot(
            manifest, dict(zip(ids, chunks, strict=True)), dict(zip(ids, vectors, strict=True))
        )
        return manifest
