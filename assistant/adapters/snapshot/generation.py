"""The next generation of a snapshot, while it is written: parts first, then the manifest, then the pointer."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.adapters.snapshot.manifest import (
    PARTS,
    FolderManifest,
    SegmentEntry,
    pointed,
    read_manifest,
    sha256_of,
)
from assistant.adapters.snapshot.segment import (
    Embedded,
    LiveSegment,
    Segment,
    VectorPart,
    largest_files,
    vectors_together,
    write_segment,
    write_vector_part,
)
from assistant.kernel.errors import SnapshotMismatch
from assistant.kernel.knowledge import Audience, EmbedderIdentity, IndexedDocument, documents_digest
from assistant.ports import Clock

KEPT = 5
"""Generations kept: the one in use and those to roll back to. They share what they have in common."""

TextVectors = Mapping[str, NDArray[np.float32]]
"""Vectors by embedding text."""


class Generation:
    """The next generation, while it is being written. Before it is published nobody sees any of it.

    ``before`` is the one in use, if there is one.
    """

    def __init__(self, home: Path, tenant: str, clock: Clock, before: FolderManifest | None, exact_most: int) -> None:
        self._home, self._tenant, self._clock, self._exact_most = home, tenant, clock, exact_most
        self._known: Mapping[str, str] = before.files if before else {}
        self.tuning = before.tuning if before else None
        self._tuned_for = before.embedder if before else None
        self._number = 1 + max(generations(home), default=0)
        self._made = 0

    def segment(self, documents: Iterable[IndexedDocument], usual_lengths: Mapping[Audience, float]) -> LiveSegment:
        """A new segment, without vectors."""
        folder = self._part("segment")
        write_segment(folder, documents, usual_lengths)
        return LiveSegment(folder.name, Segment(folder), {}, np.zeros(0, dtype=np.int64))

    def embedded(self, live: LiveSegment, vectors: TextVectors) -> LiveSegment:
        """``live`` with what ``vectors`` has of its waiting chunks."""
        found: dict[Audience, list[tuple[int, NDArray[np.float32]]]] = {}
        for row, chunk in live.not_embedded() if vectors and live.waiting else ():
            vector = vectors.get(chunk.embedding_text())
            if vector is not None:
                found.setdefault(chunk.audience, []).append((row, vector))
        return self._with(
            live,
            {
                audience: (
                    np.array([row for row, _ in pairs], dtype=np.int64),
                    np.stack([vector for _, vector in pairs]),
                )
                for audience, pairs in found.items()
            },
        )

    def merged(self, some: Sequence[LiveSegment], usual_lengths: Mapping[Audience, float]) -> LiveSegment:
        """What lives in ``some``, as one segment with one part of vectors."""
        new = self.segment((document for live in some for document in live.indexed()), usual_lengths)
        return self._with(new, vectors_together(some, renumbered=True), some)

    def repacked(self, live: LiveSegment) -> LiveSegment:
        """A segment with its vectors in one part."""
        bare = LiveSegment(live.name, live.segment, {}, live.dead)
        return self._with(bare, vectors_together([live], renumbered=False), [live])

    def publish(self, live: Sequence[LiveSegment], embedder: EmbedderIdentity, chunker: str) -> FolderManifest:
        """Write the generation of these segments, and point readers at it."""
        live = [segment for segment in live if segment.documents]
        name = f"gen-{self._number}"
        folder = self._home / name
        folder.mkdir()
        for segment in live:
            if len(segment.dead):
                np.save(folder / f"{segment.name}.dead.npy", segment.dead)
        entries = tuple(_entry(segment) for segment in live)
        parts = [self._home / PARTS / part for entry in entries for part in (entry.name, *entry.vectors)]
        documents = {held.key: held.fingerprint for segment in live for held in segment.documents}
        manifest = FolderManifest(
            tenant=self._tenant,
            generation=self._number,
            created_at=self._clock.now().isoformat(),
            embedder=embedder,
            chunker=chunker,
            documents=len(documents),
            chunks=sum(entry.chunks for entry in entries),
            waiting=sum(entry.waiting for entry in entries),
            documents_sha256=documents_digest(documents),
            tuning=self.tuning if embedder == self._tuned_for else None,
            segments=entries,
            files=self._checksums([*parts, folder]),
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1))
        for path in [*folder.iterdir(), folder, self._home / PARTS, self._home, self._home.parent]:
            _sync(path)
        point(self._home, name)
        return manifest

    def remove_unless_published(self) -> None:
        if pointed(self._home) != f"gen-{self._number}":
            shutil.rmtree(self._home / f"gen-{self._number}", ignore_errors=True)

    def _part(self, kind: str) -> Path:
        self._made += 1
        folder = self._home / PARTS / f"{kind}-{self._number}-{self._made}"
        folder.mkdir()
        return folder

    def _with(self, live: LiveSegment, found: Embedded, before: Sequence[LiveSegment] = ()) -> LiveSegment:
        """``live`` with vectors; ``before`` are the segments that had them."""
        if not found:
            return live
        folder = self._part("vectors")
        write_vector_part(folder, found, largest_files(before), self._exact_most)
        return LiveSegment(live.name, live.segment, {**live.parts, folder.name: VectorPart(folder)}, live.dead)

    def _checksums(self, folders: Sequence[Path]) -> dict[str, str]:
        """Of each file. What is new is synced to the disk."""
        result = {}
        for path in (file for folder in folders for file in sorted(folder.iterdir())):
            name = str(path.relative_to(self._home))
            if name not in self._known:
                _sync(path)
            result[name] = self._known.get(name) or sha256_of(path)
        for folder in folders:
            _sync(folder)
        return result


def _entry(live: LiveSegment) -> SegmentEntry:
    return SegmentEntry(
        name=live.name,
        vectors=tuple(live.parts),
        documents=len(live.documents),
        chunks=live.chunks,
        dead=len(live.dead),
        waiting=live.waiting,
    )


def known_manifest(folder: Path) -> FolderManifest | None:
    try:
        return read_manifest(folder)
    except SnapshotMismatch:
        return None


def remove_unused(home: Path) -> None:
    """Generations that are old, were never published or were rolled back from, and the parts that no generation has.

    Of those with the same documents the newest is kept, since only that is worth going back to.
    """
    now = pointed(home)
    if now and known_manifest(home / now) is None:
        return  # It may be of a newer version.
    kept: dict[str, FolderManifest] = {}
    for number in sorted(generations(home), reverse=True):
        folder = home / f"gen-{number}"
        manifest = known_manifest(folder) if now and number <= int(now.removeprefix("gen-")) else None
        if manifest is None or manifest.documents_sha256 in kept or len(kept) == KEPT:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept[manifest.documents_sha256] = manifest
    used = {part for manifest in kept.values() for entry in manifest.segments for part in (entry.name, *entry.vectors)}
    for folder in [*home.glob("tmp*"), *(home / PARTS).iterdir()]:
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)


def remove_generations(home: Path, between: tuple[int, int]) -> None:
    """Those that were rolled back from: nobody goes back to them."""
    for number in generations(home):
        if between[0] < number < between[1]:
            shutil.rmtree(home / f"gen-{number}", ignore_errors=True)


def generations(home: Path) -> list[int]:
    return [int(path.name.removeprefix("gen-")) for path in home.glob("gen-*")]


def point(home: Path, name: str) -> None:
    beside = home / "CURRENT.new"
    beside.write_text(name)
    _sync(beside)
    beside.rename(home / "CURRENT")
    _sync(home)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
