"""States on disk, across restarts: one SQLite file, written behind the work and thrown away when it is damaged.

Nothing in it is needed: what is missing is read from the prompt again.
"""

import os
import queue
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_WAITING = 256
"""States that may wait to be written; more are left out."""


class StateFile:
    """Reads at once, writes on a thread of its own, within ``budget_bytes``; the longest unused go first."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._budget = budget_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._path = folder / "states.sqlite"
        self._path.touch(mode=0o600)  # SQLite gives its other files the mode of this one.
        self._path.chmod(0o600)
        self._complained = False
        self._keys = set[bytes]()
        self._reader = self._open()
        self._queue: queue.Queue[tuple[bytes, Callable[[], bytes] | None]] = queue.Queue(_WAITING)
        threading.Thread(target=self._write_on, daemon=True, name="state-file").start()

    def __contains__(self, key: bytes) -> bool:
        """Whether it was there when last heard of; it may have gone since. Safe from any thread."""
        return key in self._keys

    def read(self, key: bytes) -> bytes | None:
        try:
            row = self._reader.execute("SELECT data FROM state WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            self._complain(error)
            row = None
        if row is None:
            self._keys.discard(key)
            return None
        self._put(key, None)
        return bytes(row[0])

    def write(self, key: bytes, data: Callable[[], bytes]) -> bool:
        """Keep what ``data`` returns, later; it is called on the writing thread. False when too much waits already."""
        return self._put(key, data)

    def _put(self, key: bytes, data: Callable[[], bytes] | None) -> bool:
        try:
            self._queue.put_nowait((key, data))
        except queue.Full:
            return False
        return True

    def flush(self) -> None:
        """Wait until all that was to be written is."""
        self._queue.join()

    def _write_on(self) -> None:
        writer = self._open()
        while True:
            key, data = self._queue.get()
            try:
                if data is not None:
                    self._store(writer, key, data())
                else:
                    with writer:
                        writer.execute("UPDATE state SET used = ? WHERE key = ?", (time.time(), key))
            except Exception as error:  # The disk may be full; nothing in this file is needed.
                self._complain(error)
            finally:
                self._queue.task_done()

    def _store(self, writer: sqlite3.Connection, key: bytes, data: bytes) -> None:
        with writer:
            writer.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)", (key, time.time(), len(data), data))
            self._keys.add(key)
            (total,) = writer.execute("SELECT coalesce(sum(size), 0) FROM state").fetchone()
            if total > self._budget:
                gone = writer.execute(
                    "DELETE FROM state WHERE key IN (SELECT key FROM (SELECT key, sum(size) OVER "
                    "(ORDER BY used DESC) AS newer FROM state) WHERE newer > ?) RETURNING key",
                    (int(self._budget * 0.9),),
                )
                self._keys.difference_update(bytes(key) for (key,) in gone.fetchall())

    def _open(self) -> sqlite3.Connection:
        """A connection to the file; a damaged one is replaced by an empty one."""
        for last in (False, True):
            connection = sqlite3.connect(self._path, timeout=5.0, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, used REAL, size INT, data BLOB)"
                )
                connection.execute("CREATE INDEX IF NOT EXISTS state_used ON state (used, size)")
                self._keys.update(bytes(key) for (key,) in connection.execute("SELECT key FROM state"))
            except sqlite3.DatabaseError as error:
                connection.close()
                if last or isinstance(error, sqlite3.OperationalError):
                    raise
                self._complain(error)
                for path in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
                    path.unlink(missing_ok=True)
            else:
                return connection
        raise AssertionError("the second try returns or raises")

    def _complain(self, error: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        name = os.fspath(self._path)
        print(f"kept states at {name} cannot be used ({error}); prompts are read anew", file=sys.stderr)
