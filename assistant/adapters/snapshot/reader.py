"""IndexReader over snapshot folders: polls the pointer, swaps between requests, refuses what does not match."""

import heapq
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.adapters.snapshot.manifest import (
    PARTS,
    REBUILD,
    FolderManifest,
    SegmentEntry,
    pointed,
    read_manifest,
    sha256_of,
)
from assistant.adapters.snapshot.segment import LiveSegment, Segment, VectorPart
from assistant.adapters.snapshot.vectors import PROBED
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import SnapshotMismatch
from assistant.kernel.knowledge import Audience, Chunk, EmbedderIdentity
from assistant.text.bm25 import rarity

Place = tuple[int, int]
"""The number of a segment, and a row in it."""


class FolderSnapshot:
    """One generation. All its files are open for as long as the object lives."""

    def __init__(self, manifest: FolderManifest, segments: Sequence[LiveSegment]) -> None:
        self._manifest, self.segments = manifest, segments

    @property
    def manifest(self) -> FolderManifest:
        return self._manifest

    def dense(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        """The nearest chunks as (id, cosine), best first."""
        return self.nearest(vector, audiences, limit, self._manifest.tuning.effort if self._manifest.tuning else PROBED)

    def nearest(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int, probed: float
    ) -> list[tuple[str, float]]:
        """``dense``, looking into that share of the lists."""
        return self._best(
            (
                ((number, row), score)
                for number, live in enumerate(self.segments)
                for row, score in live.nearest(vector, audiences, limit, probed)
            ),
            limit,
        )

    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """The chunks that hold any of ``stems``, which count by their weights, as (id, BM25), best first."""
        asked = [
            (number, live, live.segment.words[audience])
            for number, live in enumerate(self.segments)
            for audience in audiences
        ]
        spans = [words.spans(stems) for _, _, words in asked]
        holding: Counter[str] = Counter()
        for found in spans:
            holding.update({stem: past - first for stem, (first, past) in found.items()})
        chunks = sum(words.chunks for _, _, words in asked)
        weights = {stem: stems[stem] * rarity(count, chunks) for stem, count in holding.items()}
        return self._best(
            (
                ((number, row), score)
                for (number, live, words), found in zip(asked, spans, strict=True)
                for row, score in words.best(found, weights, live.dead_rows, limit)
            ),
            limit,
        )

    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine of ``vector`` to each of ``ids`` within ``audiences`` that is embedded."""
        scores: dict[str, float] = {}
        for live in self.segments:
            rows = live.find(ids, audiences)
            stored = live.vectors(rows.values(), audiences)
            scores |= {chunk_id: float(stored[row] @ vector) for chunk_id, row in rows.items() if row in stored}
        return scores

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        found: dict[str, Chunk] = {}
        for live in self.segments:
            rows = live.find(ids, audiences)
            found |= zip(rows, live.segment.texts.chunks(list(rows.values())), strict=True)
        return found

    def beside(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, list[Chunk]]:
        return {
            chunk_id: live.segment.texts.beside(row, audiences)
            for live in self.segments
            for chunk_id, row in live.find(ids, audiences).items()
        }

    def _best(self, found: Iterable[tuple[Place, float]], limit: int) -> list[tuple[str, float]]:
        """The best of (place, score), places turned into ids."""
        best = heapq.nsmallest(limit, found, key=lambda hit: (-hit[1], hit[0]))
        ids = {
            (number, row): chunk_id
            for number, live in enumerate(self.segments)
            for row, chunk_id in live.segment.texts.ids([row for (at, row), _ in best if at == number]).items()
        }
        return [(ids[place], score) for place, score in best]


class Parts:
    """Opens the parts of a tenant's snapshots, each once, after checking that they are whole."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._segments: dict[str, Segment] = {}
        self._vectors: dict[str, VectorPart] = {}
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()

    def open(self, manifest: FolderManifest) -> list[LiveSegment]:
        """The segments of a generation; what other generations had is let go. Raises SnapshotMismatch for a damaged one."""
        generation = f"gen-{manifest.generation}"
        with self._lock:
            for path, expected in manifest.files.items():
                if self._files.get(path) != expected and sha256_of(self._home / path) != expected:
                    raise SnapshotMismatch(f"{path} of snapshot {generation} is damaged", fix=REBUILD)
            other = {path.split("/")[-2] for path, known in self._files.items() if manifest.files.get(path) != known}
            self._segments = {name: segment for name, segment in self._segments.items() if name not in other}
            self._vectors = {name: part for name, part in self._vectors.items() if name not in other}
            self._files = dict(manifest.files)
            segments, vectors = self._segments, self._vectors
            folder = self._home / PARTS
            self._segments = {
                entry.name: segments.get(entry.name) or Segment(folder / entry.name) for entry in manifest.segments
            }
            names = [name for entry in manifest.segments for name in entry.vectors]
            self._vectors = {name: vectors.get(name) or VectorPart(folder / name) for name in names}
            return [self._live(entry, self._home / generation) for entry in manifest.segments]

    def _live(self, entry: SegmentEntry, generation: Path) -> LiveSegment:
        dead = np.load(generation / f"{entry.name}.dead.npy") if entry.dead else np.zeros(0, dtype=np.int64)
        parts = {name: self._vectors[name] for name in entry.vectors}
        return LiveSegment(entry.name, self._segments[entry.name], parts, dead)


class FolderIndexReader:
    """The newest snapshot of each tenant below ``root``. Safe to use from several threads."""

    def __init__(self, root: Path, embedder: EmbedderIdentity) -> None:
        self._root, self._embedder = root, embedder
        self._lock = threading.Lock()
        self._parts: dict[str, Parts] = {}
        self._open: dict[str, tuple[tuple[str, int], FolderSnapshot]] = {}

    def snapshot(self, tenant: str) -> FolderSnapshot | None:
        """The published snapshot, or None before the first. Raises SnapshotMismatch when it may not be used."""
        home = self._root / check_tenant(tenant)
        with self._lock:
            while generation := pointed(home):
                pointer = generation, _written_at(home)
                opened = self._open.get(tenant)
                if opened is not None and opened[0] == pointer:
                    return opened[1]
                try:
                    self._open[tenant] = (pointer, self._opened(tenant, home, generation))
                except SnapshotMismatch:
                    if pointed(home) == generation:
                        raise  # Not merely replaced, and removed, while it was being opened.
        return None

    def _opened(self, tenant: str, home: Path, generation: str) -> FolderSnapshot:
        """A generation, after checking its manifest, its checksums and that the embedder made its vectors."""
        manifest = read_manifest(home / generation)
        if manifest.embedder.sha256 != self._embedder.sha256 or manifest.embedder.dimension != self._embedder.dimension:
            raise SnapshotMismatch(
                f"snapshot {generation} was embedded with {manifest.embedder.name}, "
                f"the settings name {self._embedder.name}",
                fix=REBUILD,
            )
        try:
            return FolderSnapshot(manifest, self._parts.setdefault(tenant, Parts(home)).open(manifest))
        except (OSError, sqlite3.Error, RuntimeError) as error:  # FAISS raises RuntimeError.
            raise SnapshotMismatch(f"snapshot {generation} cannot be opened: {error}", fix=REBUILD) from error


def _written_at(home: Path) -> int:
    """When the pointer was: in a folder that was lost and made anew, generations are counted from one again."""
    try:
        return (home / "CURRENT").stat().st_mtime_ns
    except FileNotFoundError:
        return 0
