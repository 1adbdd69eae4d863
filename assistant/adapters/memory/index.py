"""The in-memory twins of IndexReader and IndexWriter."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    SnapshotManifest,
    documents_digest,
)
from assistant.ports import ExactVectors, Forbidden, IndexChange, Vectors, nothing_forbidden
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
        known = (chunk_id for chunk_id in self.chunks(audiences, ids) if chunk_id in self.vectors)
        return {chunk_id: float(self.vectors[chunk_id] @ vector) for chunk_id in known}

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        known = (self.by_id[chunk_id] for chunk_id in ids if chunk_id in self.by_id)
        return {chunk.id: chunk for chunk in known if chunk.audience in audiences}

    def beside(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, list[Chunk]]:
        places = {
            (chunk.document_key, chunk.ordinal): chunk for chunk in self.by_id.values() if chunk.audience in audiences
        }
        return {
            chunk.id: [
                places[place] for step in (-1, 1) if (place := (chunk.document_key, chunk.ordinal + step)) in places
            ]
            for chunk in self.chunks(audiences, ids).values()
        }


class MemoryIndex:
    """IndexReader and IndexWriter in one."""

    def __init__(self) -> None:
        self._snapshots: dict[str, MemorySnapshot] = {}
        self._documents: dict[str, dict[str, IndexedDocument]] = {}
        self._earlier: defaultdict[str, list[tuple[MemorySnapshot, dict[str, IndexedDocument]]]] = defaultdict(list)

    def snapshot(self, tenant: str) -> MemorySnapshot | None:
        return self._snapshots.get(tenant)

    def current(self, tenant: str) -> SnapshotManifest | None:
        snapshot = self._snapshots.get(tenant)
        return snapshot.manifest if snapshot else None

    def documents(self, tenant: str) -> dict[str, str]:
        return {key: document.fingerprint for key, document in self._documents.get(tenant, {}).items()}

    def waiting(self, tenant: str) -> set[str]:
        snapshot = self._snapshots.get(tenant)
        chunks = snapshot.by_id.values() if snapshot else ()
        return {chunk.embedding_text() for chunk in chunks if snapshot and chunk.id not in snapshot.vectors}

    def publish(self, tenant: str, change: IndexChange, embedder: EmbedderIdentity, chunker: str) -> SnapshotManifest:
        if tenant in self._snapshots:
            self._earlier[tenant].append((self._snapshots[tenant], self._documents[tenant]))
        before = {} if change.whole else self._documents.get(tenant, {})
        kept = {key: document for key, document in before.items() if key not in change.removed}
        self._documents[tenant] = kept | {document.key: document for document in change.documents}
        return self._publish(tenant, change.vectors, embedder, chunker, keep=not change.whole)

    def hide(self, tenant: str, keys: Collection[str]) -> None:
        if snapshot := self._snapshots.get(tenant):
            self.publish(tenant, IndexChange(removed=keys), snapshot.manifest.embedder, snapshot.manifest.chunker)

    def embedding(self, tenant: str) -> AbstractContextManager[bool]:  # noqa: ARG002
        return nullcontext(enter_result=True)

    def attach(
        self, tenant: str, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity
    ) -> SnapshotManifest:
        return self._publish(tenant, vectors, embedder, self._snapshots[tenant].manifest.chunker, keep=True)

    def tidy(self, tenant: str) -> SnapshotManifest:
        return self._snapshots[tenant].manifest

    def tune(self, tenant: str, questions: Vectors, exact: ExactVectors, recall: float) -> SnapshotManifest:  # noqa: ARG002
        return self._snapshots[tenant].manifest

    def roll_back(self, tenant: str, without: Forbidden = nothing_forbidden) -> SnapshotManifest | None:
        if tenant not in self._snapshots:
            raise NotFound(f"nothing is published for tenant {tenant!r}")
        now = self._snapshots[tenant].manifest
        earlier = self._earlier[tenant]
        while earlier:
            snapshot, documents = earlier.pop()
            forbidden = set(without({key: document.fingerprint for key, document in documents.items()}))
            left = {key: document for key, document in documents.items() if key not in forbidden}
            digest = documents_digest({key: document.fingerprint for key, document in left.items()})
            if digest != now.documents_sha256 and (left or not forbidden):
                self._documents[tenant] = left
                vectors = {
                    chunk.embedding_text(): snapshot.vectors[chunk_id]
                    for chunk_id, chunk in snapshot.by_id.items()
                    if chunk_id in snapshot.vectors
                }
                return self._publish(tenant, vectors, snapshot.manifest.embedder, snapshot.manifest.chunker, keep=False)
        return None

    def _publish(
        self,
        tenant: str,
        vectors: Mapping[str, NDArray[np.float32]],
        embedder: EmbedderIdentity,
        chunker: str,
        *,
        keep: bool,
    ) -> SnapshotManifest:
        before = self._snapshots.get(tenant)
        chunks = [chunk for document in self._documents[tenant].values() for chunk in document.chunks]
        known = dict(before.vectors) if before and keep else {}
        known |= {chunk.id: vectors[chunk.embedding_text()] for chunk in chunks if chunk.embedding_text() in vectors}
        held = {chunk.id: known[chunk.id] for chunk in chunks if chunk.id in known}
        manifest = SnapshotManifest(
            tenant=tenant,
            generation=before.manifest.generation + 1 if before else 1,
            created_at="2026-01-01T00:00:00+00:00",
            embedder=embedder,
            chunker=chunker,
            documents=len(self._documents[tenant]),
            chunks=len(chunks),
            waiting=len(chunks) - len(held),
            documents_sha256=documents_digest(self.documents(tenant)),
        )
        self._snapshots[tenant] = MemorySnapshot(manifest, {chunk.id: chunk for chunk in chunks}, held)
        return manifest
