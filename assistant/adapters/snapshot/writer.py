"""IndexWriter over snapshot folders: what is new is written and synced beside, then the pointer is renamed."""

import fcntl
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from assistant.adapters.snapshot.generation import (
    Generation,
    TextVectors,
    generations,
    known_manifest,
    point,
    remove_generations,
    remove_unused,
)
from assistant.adapters.snapshot.manifest import (
    PARTS,
    FolderManifest,
    pointed,
    read_manifest,
)
from assistant.adapters.snapshot.reader import FolderSnapshot, Parts
from assistant.adapters.snapshot.segment import LiveSegment
from assistant.adapters.snapshot.tuning import measure
from assistant.adapters.snapshot.vectors import EXACT_MOST
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import DiskFailed, NotFound, SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import Audience, EmbedderIdentity, documents_digest
from assistant.ports import Clock, ExactVectors, Forbidden, IndexChange, Vectors, nothing_forbidden

MANY_PARTS = 10
"""Parts beside the largest segment from which they are put together, so that a question looks into few."""
SCATTERED_SHARE = 0.2
"""Share of chunks that are dead or outside the largest segment from which all are put together."""

HIDING_WAITS_S = 2.0
"""Who deletes a document waits for its answer."""


class FolderIndexWriter:
    """Publishes below ``root``. Two writers of one tenant exclude each other by a lock file.

    Up to ``exact_most`` vectors of an audience are compared one by one.
    """

    def __init__(self, root: Path, clock: Clock, wait_s: float = 30.0, exact_most: int = EXACT_MOST) -> None:
        self._root, self._clock, self._wait_s, self._exact_most = root, clock, wait_s, exact_most
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
        return _fingerprints(self._live(tenant))

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

    def tune(self, tenant: str, questions: Vectors, exact: ExactVectors, recall: float) -> FolderManifest:
        """Measure on ``questions``, and publish what was found out. Raises as ``publish`` does, and NotFound before the first."""
        before = self.current(tenant)
        if before is None:
            raise NotFound(f"nothing is published for tenant {tenant!r}", fix="Run `deskhand ingest` first.")
        snapshot = FolderSnapshot(before, self._live(tenant))
        if not any(live.in_lists for live in snapshot.segments):
            return before.model_copy(update={"tuning": None})
        tuning = measure(snapshot, questions, exact, recall, self._clock)
        with self._publishing(tenant) as generation:
            now = read_manifest(self._home(tenant))
            _check_embedder(now, before.embedder, tenant)
            generation.tuning = tuning
            return generation.publish(self._live(tenant), now.embedder, now.chunker)

    def roll_back(self, tenant: str, without: Forbidden = nothing_forbidden) -> FolderManifest | None:
        """Point readers at the newest earlier generation with other documents, or at what is left of it ``without`` some.

        None when there is none. Raises NotFound when nothing is published, and SnapshotMismatch when it is damaged.
        """
        home = self._root / check_tenant(tenant)
        if not pointed(home):
            raise NotFound(f"nothing is published for tenant {tenant!r}", fix="Run `deskhand ingest` first.")
        with _disk_errors_named(tenant), _exclusive(home / "LOCK", tenant, self._wait_s):
            now, number = self.current(tenant), int(pointed(home).removeprefix("gen-"))
            for earlier in sorted((one for one in generations(home) if one < number), reverse=True):
                manifest = known_manifest(home / f"gen-{earlier}")
                if manifest is None or (now and manifest.documents_sha256 == now.documents_sha256):
                    continue
                if now and manifest.embedder != now.embedder:
                    return None
                live = Parts(home).open(manifest)  # Which checks that it is whole.
                forbidden = without(_fingerprints(live))
                less = [segment.without(forbidden) for segment in live]
                if all(one is other for one, other in zip(less, live, strict=True)):
                    point(home, f"gen-{earlier}")
                    return manifest
                left = _fingerprints(less)
                if not left or (now and documents_digest(left) == now.documents_sha256):
                    continue
                generation = Generation(home, tenant, self._clock, now, self._exact_most)
                try:
                    manifest = generation.publish(less, manifest.embedder, manifest.chunker)
                finally:
                    generation.remove_unless_published()
                remove_generations(home, between=(earlier, manifest.generation))
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
    def _publishing(self, tenant: str, wait_s: float | None = None) -> Iterator[Generation]:
        home = self._root / check_tenant(tenant)
        with _disk_errors_named(tenant):
            (home / PARTS).mkdir(parents=True, exist_ok=True)
            with _exclusive(home / "LOCK", tenant, self._wait_s if wait_s is None else wait_s):
                before = self.current(tenant)
                generation = Generation(home, tenant, self._clock, before, self._exact_most)
                remove_unused(home)  # A writer that was killed left something.
                try:
                    yield generation
                finally:  # A disk that is full gets its bytes back, or each try would fill it further.
                    generation.remove_unless_published()
                    remove_unused(home)


def _fingerprints(live: Sequence[LiveSegment]) -> dict[str, str]:
    return {held.key: held.fingerprint for segment in live for held in segment.documents}


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
