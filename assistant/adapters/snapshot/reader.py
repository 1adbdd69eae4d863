"""IndexReader over snapshot folders: polls the pointer, swaps between requests, refuses what does not match."""

import hashlib
import heapq
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from assistant.adapters.snapshot.texts import TextFile
from assistant.adapters.snapshot.vectors import VectorFile
from assistant.adapters.snapshot.words import WordFile
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import SnapshotMismatch
from assistant.kernel.knowledge import SNAPSHOT_FORMAT, Audience, Chunk, EmbedderIdentity, SnapshotManifest

_REBUILD = "Run `deskhand ingest --rebuild` to publish it anew from the database."


class FolderSnapshot:
    """One ``gen-N`` folder. All its files are open for as long as the object lives."""

    def __init__(self, folder: Path, manifest: SnapshotManifest) -> None:
        self._manifest = manifest
        self._texts = TextFile(folder / "texts.sqlite")
        self._words = {audience: WordFile(folder, f"words-{audience}") for audience in Audience}
        self._vectors = {audience: VectorFile(folder / f"vectors-{audience}.faiss") for audience in Audience}

    @property
    def manifest(self) -> SnapshotManifest:
        return self._manifest

    def dense(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        """The nearest chunks as (id, cosine), best first."""
        found = [hit for audience in audiences for hit in self._vectors[audience].search(vector, limit)]
        return self._best(found, limit)

    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """The chunks that hold any of ``stems``, which count by their weights, as (id, BM25), best first."""
        found = [hit for audience in audiences for hit in self._words[audience].search(stems, limit)]
        return self._best(found, limit)

    def _best(self, found: Iterable[tuple[int, float]], limit: int) -> list[tuple[str, float]]:
        """The best of (row, score), rows turned into ids."""
        best = heapq.nsmallest(limit, found, key=lambda hit: (-hit[1], hit[0]))
        ids = self._texts.ids([row for row, _ in best])
        return [(chunk_id, score) for chunk_id, (_, score) in zip(ids, best, strict=True)]

    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine of ``vector`` to each of ``ids`` within ``audiences``."""
        scores: dict[str, float] = {}
        for audience in audiences:
            rows = self._texts.rows(ids, audience)
            scores |= zip(rows, self._vectors[audience].similarities(vector, list(rows.values())), strict=True)
        return scores

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        return self._texts.chunks(ids, audiences)


class FolderIndexReader:
    """The newest snapshot of each tenant below ``root``. Safe to use from several threads."""

    def __init__(self, root: Path, embedder: EmbedderIdentity) -> None:
        self._root, self._embedder = root, embedder
        self._lock = threading.Lock()
        self._open: dict[str, tuple[str, FolderSnapshot]] = {}

    def snapshot(self, tenant: str) -> FolderSnapshot | None:
        """The published snapshot, or None before the first. Raises SnapshotMismatch when it may not be used."""
        home = self._root / check_tenant(tenant)
        with self._lock:
            while (generation := _current(home)) is not None:
                opened = self._open.get(tenant)
                if opened is not None and opened[0] == generation:
                    return opened[1]
                try:
                    self._open[tenant] = (generation, open_snapshot(home / generation, self._embedder))
                except SnapshotMismatch:
                    if _current(home) == generation:
                        raise  # Not merely replaced, and removed, while it was being opened.
        return None


def _current(home: Path) -> str | None:
    """The name of the generation in use, or None before the first."""
    try:
        return (home / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None


def open_snapshot(folder: Path, embedder: EmbedderIdentity) -> FolderSnapshot:
    """Open a generation after checking its manifest, its checksums and that ``embedder`` made its vectors."""
    manifest = read_manifest(folder)
    if manifest.format != SNAPSHOT_FORMAT:
        raise SnapshotMismatch(
            f"snapshot {folder.name} has format {manifest.format}, this version reads {SNAPSHOT_FORMAT}", fix=_REBUILD
        )
    if manifest.embedder.sha256 != embedder.sha256 or manifest.embedder.dimension != embedder.dimension:
        raise SnapshotMismatch(
            f"snapshot {folder.name} was embedded with {manifest.embedder.name}, the settings name {embedder.name}",
            fix=_REBUILD,
        )
    for name, expected in manifest.files.items():
        if sha256_of(folder / name) != expected:
            raise SnapshotMismatch(f"{name} of snapshot {folder.name} is damaged", fix=_REBUILD)
    return FolderSnapshot(folder, manifest)


def read_manifest(folder: Path) -> SnapshotManifest:
    try:
        return SnapshotManifest.model_validate_json((folder / "manifest.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise SnapshotMismatch(f"snapshot {folder.name} has no readable manifest", fix=_REBUILD) from error


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
