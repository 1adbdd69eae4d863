"""IndexWriter over snapshot folders: everything is written and synced beside, then the pointer is renamed."""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from assistant.adapters.snapshot.reader import read_manifest, sha256_of
from assistant.adapters.snapshot.texts import write_texts
from assistant.adapters.snapshot.vectors import write_vectors
from assistant.adapters.snapshot.words import write_words
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import DiskFailed, SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import Audience, Chunk, EmbedderIdentity, SnapshotManifest, documents_digest
from assistant.ports import Clock, Vectors

KEPT = 2
"""Generations kept: the one in use and the one before it."""


class FolderIndexWriter:
    """Publishes below ``root``. Two writers of one tenant exclude each other by a lock file."""

    def __init__(self, root: Path, clock: Clock, wait_s: float = 30.0) -> None:
        self._root, self._clock, self._wait_s = root, clock, wait_s

    def current(self, tenant: str) -> SnapshotManifest | None:
        """The manifest in use, or None when nothing readable is published."""
        try:
            home = self._root / check_tenant(tenant)
            return read_manifest(home / _pointed(home)) if _pointed(home) else None
        except (FileNotFoundError, SnapshotMismatch):
            return None

    def publish(
        self,
        tenant: str,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        documents: Mapping[str, str],
        chunker: str,
    ) -> SnapshotManifest:
        """Write generation N+1 and point readers at it. ``documents`` maps key to content hash.

        Raises WriterBusy when another process publishes for this tenant for longer than ``wait_s``, and
        DiskFailed when it cannot be written; then what was in use stays in use.
        """
        home = self._root / check_tenant(tenant)
        with _disk_errors_named(tenant):
            home.mkdir(parents=True, exist_ok=True)
            with _exclusive(home / "LOCK", tenant, self._wait_s):
                for left in home.glob("tmp*"):
                    shutil.rmtree(left, ignore_errors=True)  # Of a writer that was killed.
                generation = 1 + max(_generations(home), default=0)
                with _removed_unless_published(home, generation) as folder:
                    manifest = self._fill(folder, generation, tenant, chunks, vectors, embedder, documents, chunker)
                    folder.rename(home / f"gen-{generation}")
                    _point(home, f"gen-{generation}")
                for old in sorted(_generations(home))[:-KEPT]:
                    shutil.rmtree(home / f"gen-{old}", ignore_errors=True)
        return manifest

    def _fill(
        self,
        folder: Path,
        generation: int,
        tenant: str,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        documents: Mapping[str, str],
        chunker: str,
    ) -> SnapshotManifest:
        write_texts(folder / "texts.sqlite", chunks)
        for audience in Audience:
            own = [(row, chunk) for row, chunk in enumerate(chunks) if chunk.audience is audience]
            rows = np.array([row for row, _ in own], dtype=np.int64)
            write_words(folder, f"words-{audience}", own)
            write_vectors(folder / f"vectors-{audience}.faiss", rows, vectors[rows])
        names = sorted(path.name for path in folder.iterdir())
        manifest = SnapshotManifest(
            tenant=tenant,
            generation=generation,
            created_at=self._clock.now().isoformat(),
            embedder=embedder,
            chunker=chunker,
            documents=len(documents),
            chunks=len(chunks),
            documents_sha256=documents_digest(documents),
            files={name: sha256_of(folder / name) for name in names},
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1))
        for path in [*folder.iterdir(), folder]:
            _sync(path)
        return manifest


@contextmanager
def _removed_unless_published(home: Path, generation: int) -> Iterator[Path]:
    """An empty folder to fill. A disk that is full gets its bytes back, or each try would fill it further."""
    folder, name = home / f"tmp-{generation}", f"gen-{generation}"
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if _pointed(home) != name:
            shutil.rmtree(home / name, ignore_errors=True)


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


def _pointed(home: Path) -> str:
    """The folder readers use, or nothing."""
    try:
        return (home / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return ""


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
