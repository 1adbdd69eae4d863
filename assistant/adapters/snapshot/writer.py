"""IndexWriter over snapshot folders: what is new is written and synced beside, then the pointer is renamed."""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
from assistant.adapters.snapshot.reader import Parts
from assistant.adapters.snapshot.segment import (
    Embedded,
    LiveSegment,
    Segment,
    VectorPart,
    vectors_together,
    write_segment,
    write_vector_part,
)
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import DiskFailed, NotFound, SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import Audience, EmbedderIdentity, IndexedDocument, documents_digest
from assistant.ports import Clock, IndexChange

KEPT = 5
"""Generations kept: the one in use and those to roll back to. They share what they have in common."""
MANY_PARTS = 10
"""Parts beside the largest segment from which they are put together, so that a question looks into few."""
SCATTERED_SHARE = 0.2
"""Share of chunks that are dead or outside the largest segment from which all are put together."""

HIDING_WAITS_S = 2.0
"""Who deletes a document waits for its answer."""

TextVectors = Mapping[str, NDArray[np.float32]]


class FolderIndexWriter:
    """Publishes below ``root``. Two writers of one tenant exclude each other by a lock file."""

    def __init__(self, root: Path, clock: Clock, wait_s: float = 30.0) -> None:
        self._root, self._clock, self._wait_s = root, clock, wait_s
        self._parts: dict[str, Parts] = {}

    def current(self, tenant: str) -> FolderManifest | None:
        """The manifest in use, or None when nothing is published that this version knows."""
        home = self._root / check_tenant(tenant)
        with _disk_errors_named(tenant):
            try:
                return read_manifest(home / pointed(home)) if pointed(home) else None
            except SnapshotMismatch:
                return None

    def documents(self, tenant: str) -> dict[str, str]:
        """Key → fingerprint of each published document. Raises SnapshotMismatch when a part is damaged."""
        return {held.key: held.fingerprint for live in self._live(tenant) for held in live.documents}

    def waiting(self, tenant: str) -> set[str]:
        """Embedding texts of published chunks that have no vector yet."""
        some = [live for live in self._live(tenant) if live.waiting]
        return {chunk.embedding_text() for live in some for _, chunk in live.not_embedded()}

    def publish(self, tenant: str, change: IndexChange, embedder: EmbedderIdentity, chunker: str) -> FolderManifest:
        """Write the next generation and point readers at it. What did not change is not written again.

        Raises WriterBusy when another process publishes for this tenant for longer than ``wait_s``, or published with
        another embedder meanwhile, and DiskFailed when it cannot be written; then what was in use stays in use.
        """
        with self._publishing(tenant) as generation:
            if not change.whole:
                _check_embedder(self.current(tenant), embedder, tenant)
            gone = {*change.removed, *(document.key for document in change.documents)}
            live = [] if change.whole else [segment.without(gone) for segment in self._live(tenant)]
            if change.documents:
                new = generation.segment(change.documents, _usual_lengths(live))
                live.append(generation.embedded(new, change.vectors))
            return generation.publish(live, embedder, chunker)

    def hide(self, tenant: str, keys: Collection[str]) -> None:
        """Publish at once what is published, without these documents. Raises as ``publish`` does, but sooner."""
        if self.current(tenant) is None:
            return
        with self._publishing(tenant, wait_s=min(self._wait_s, HIDING_WAITS_S)) as generation:
            before, live = read_manifest(self._home(tenant)), self._live(tenant)
            less = [segment.without(keys) for segment in live]
            if any(one is not other for one, other in zip(less, live, strict=True)):
                generation.publish(less, before.embedder, before.chunker)

    @contextmanager
    def embedding(self, tenant: str) -> Iterator[bool]:
        """Whether nobody else embeds what waits in this tenant's index, for as long as it takes."""
        home = self._root / check_tenant(tenant)
        home.mkdir(parents=True, exist_ok=True)
        with (home / "EMBEDDING").open("w") as lock:
            yield _locked(lock)

    def attach(self, tenant: str, vectors: TextVectors, embedder: EmbedderIdentity) -> FolderManifest:
        """Give waiting chunks their vectors, by embedding text. Raises as ``publish`` does."""
        with self._publishing(tenant) as generation:
            before = read_manifest(self._home(tenant))
            _check_embedder(before, embedder, tenant)
            live = [generation.embedded(segment, vectors) for segment in self._live(tenant)]
            return generation.publish(live, before.embedder, before.chunker)

    def tidy(self, tenant: str) -> FolderManifest:
        """Merge segments where there are many small ones, or much is dead. Raises as ``publish`` does."""
        if not _scattered(self._live(tenant)):
            return read_manifest(self._home(tenant))
        with self._publishing(tenant) as generation:
            before, live = read_manifest(self._home(tenant)), self._live(tenant)
            if len(some := _scattered(live)) == 1 and not len(some[0].dead):
                live = [generation.repacked(segment) if segment in some else segment for segment in live]
            elif some:
                others = [segment for segment in live if segment not in some]
                live = [*others, generation.merged(some, _usual_lengths(others))]
            return generation.publish(live, before.embedder, before.chunker)

    def roll_back(self, tenant: str) -> FolderManifest | None:
        """Point readers at the newest earlier generation with other documents; None when there is none.

        Raises NotFound when nothing is published, and SnapshotMismatch when the earlier one is damaged.
        """
        home = self._root / check_tenant(tenant)
        if not pointed(home):
            raise NotFound(f"nothing is published for tenant {tenant!r}", fix="Run `deskhand ingest` first.")
        with _disk_errors_named(tenant), _exclusive(home / "LOCK", tenant, self._wait_s):
            now, number = self.current(tenant), int(pointed(home).removeprefix("gen-"))
            for earlier in sorted((one for one in _generations(home) if one < number), reverse=True):
                manifest = _known(home / f"gen-{earlier}")
                if manifest is None or (now and manifest.documents_sha256 == now.documents_sha256):
                    continue
                if now and manifest.embedder != now.embedder:
                    return None
                Parts(home).open(manifest)  # Which checks that it is whole.
                _point(home, f"gen-{earlier}")
                return manifest
        return None

    def _home(self, tenant: str) -> Path:
        """The folder of the generation in use."""
        home = self._root / check_tenant(tenant)
        return home / pointed(home)

    def _live(self, tenant: str) -> list[LiveSegment]:
        manifest = self.current(tenant)
        return self._parts.setdefault(tenant, Parts(self._root / tenant)).open(manifest) if manifest else []

    @contextmanager
    def _publishing(self, tenant: str, wait_s: float | None = None) -> "Iterator[_Generation]":
        home = self._root / check_tenant(tenant)
        with _disk_errors_named(tenant):
            (home / PARTS).mkdir(parents=True, exist_ok=True)
            with _exclusive(home / "LOCK", tenant, self._wait_s if wait_s is None else wait_s):
                before = self.current(tenant)
                generation = _Generation(home, tenant, self._clock, before.files if before else {})
                _remove_unused(home)  # A writer that was killed left something.
                try:
                    yield generation
                finally:  # A disk that is full gets its bytes back, or each try would fill it further.
                    generation.remove_unless_published()
                    _remove_unused(home)


class _Generation:
    """The next generation, while it is being written. Before it is published nobody sees any of it.

    ``known`` are checksums of files that were there before.
    """

    def __init__(self, home: Path, tenant: str, clock: Clock, known: Mapping[str, str]) -> None:
        self._home, self._tenant, self._clock, self._known = home, tenant, clock, known
        self._number = 1 + max(_generations(home), default=0)
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
        return self._with(new, vectors_together(some, renumbered=True))

    def repacked(self, live: LiveSegment) -> LiveSegment:
        """A segment with its vectors in one part."""
        bare = LiveSegment(live.name, live.segment, {}, live.dead)
        return self._with(bare, vectors_together([live], renumbered=False))

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
            segments=entries,
            files=self._checksums([*parts, folder]),
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1))
        for path in [*folder.iterdir(), folder, self._home / PARTS, self._home, self._home.parent]:
            _sync(path)
        _point(self._home, name)
        return manifest

    def remove_unless_published(self) -> None:
        if pointed(self._home) != f"gen-{self._number}":
            shutil.rmtree(self._home / f"gen-{self._number}", ignore_errors=True)

    def _part(self, kind: str) -> Path:
        self._made += 1
        folder = self._home / PARTS / f"{kind}-{self._number}-{self._made}"
        folder.mkdir()
        return folder

    def _with(self, live: LiveSegment, found: Embedded) -> LiveSegment:
        if not found:
            return live
        folder = self._part("vectors")
        write_vector_part(folder, found)
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


def _usual_lengths(live: Sequence[LiveSegment]) -> dict[Audience, float]:
    """Those of the largest segment."""
    largest = max(live, key=lambda segment: segment.chunks, default=None)
    words = largest.segment.words.items() if largest else ()
    return {audience: file.usual_length for audience, file in words if file.chunks}


def _scattered(live: Sequence[LiveSegment]) -> list[LiveSegment]:
    """The segments that should be merged now, if any; a single one that should get its vectors together."""
    if not live:
        return []
    largest = max(live, key=lambda segment: segment.chunks)
    small = [segment for segment in live if segment is not largest]
    total = sum(segment.chunks for segment in live)
    beside = len(largest.dead_rows) + total - largest.chunks
    if beside > SCATTERED_SHARE * total:
        return list(live)
    if len(largest.parts) > MANY_PARTS:
        return [largest]
    parts = sum(1 + len(segment.parts) for segment in small)
    return small if parts > MANY_PARTS else []


def _check_embedder(before: FolderManifest | None, embedder: EmbedderIdentity, tenant: str) -> None:
    if before is not None and before.embedder != embedder:
        raise WriterBusy(
            f"the index of tenant {tenant!r} was published with {before.embedder.name} meanwhile",
            fix="Give all processes the same DESKHAND_EMBEDDER and start them again.",
            retry_after_s=30.0,
        )


def _known(folder: Path) -> FolderManifest | None:
    try:
        return read_manifest(folder)
    except SnapshotMismatch:
        return None


def _remove_unused(home: Path) -> None:
    """Generations that are old, were never published or were rolled back from, and the parts that no generation has.

    Of those with the same documents the newest is kept, since only that is worth going back to.
    """
    now = pointed(home)
    if now and _known(home / now) is None:
        return  # It may be of a newer version.
    kept: dict[str, FolderManifest] = {}
    for number in sorted(_generations(home), reverse=True):
        folder = home / f"gen-{number}"
        manifest = _known(folder) if now and number <= int(now.removeprefix("gen-")) else None
        if manifest is None or manifest.documents_sha256 in kept or len(kept) == KEPT:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept[manifest.documents_sha256] = manifest
    used = {part for manifest in kept.values() for entry in manifest.segments for part in (entry.name, *entry.vectors)}
    for folder in [*home.glob("tmp*"), *(home / PARTS).iterdir()]:
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _disk_errors_named(tenant: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, RuntimeError) as error:  # FAISS raises RuntimeError for a write that fails.
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise DiskFailed(
            f"the snapshot of tenant {tenant!r} cannot be written: {why}",
            fix="Free space on the disk of DESKHAND_DATA_DIR, and see that it may be written; it is tried again.",
        ) from error


@contextmanager
def _exclusive(path: Path, tenant: str, wait_s: float) -> Iterator[None]:
    with path.open("w") as lock:
        end = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() > end:
                raise WriterBusy(
                    f"another ingest is publishing for tenant {tenant!r}",
                    fix="Wait until it has finished.",
                    retry_after_s=wait_s,
                )
            time.sleep(0.05)
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _generations(home: Path) -> list[int]:
    return [int(path.name.removeprefix("gen-")) for path in home.glob("gen-*")]


def _point(home: Path, name: str) -> None:
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
