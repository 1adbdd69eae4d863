"""The documents and chunks of a segment in one SQLite file: a chunk's row is its place in all other files."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import Audience, Chunk

_SCHEMA = """
CREATE TABLE document (number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, fingerprint TEXT NOT NULL,
  first INTEGER NOT NULL, past INTEGER NOT NULL);
CREATE TABLE chunk (
  row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, document_key TEXT NOT NULL, title TEXT NOT NULL,
  url TEXT NOT NULL, audience TEXT NOT NULL, ordinal INTEGER NOT NULL, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, tokens INTEGER NOT NULL, language TEXT NOT NULL, outdated INTEGER NOT NULL);
"""


class Held(NamedTuple):
    """A document of a segment: its number there, and the rows ``first`` to ``past`` of its chunks."""

    number: int
    key: str
    fingerprint: str
    first: int
    past: int


class TextWriter:
    """Writes a text file, document by document."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(_SCHEMA)
        self.documents = self.chunks = 0

    def add(self, key: str, fingerprint: str, chunks: Iterable[Chunk]) -> None:
        first = self.chunks
        for chunk in chunks:
            self._database.execute(
                "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    self.chunks, chunk.id, chunk.document_key, chunk.title, chunk.url, chunk.audience.value,
                    chunk.ordinal, json.dumps(chunk.heading_path), chunk.text, chunk.tokens, chunk.language,
                    chunk.outdated,
                ),
            )  # fmt: skip
            self.chunks += 1
        row = (self.documents, key, fingerprint, first, self.chunks)
        self._database.execute("INSERT INTO document VALUES (?,?,?,?,?)", row)
        self.documents += 1

    def close(self) -> None:
        self._database.commit()
        self._database.close()


class TextFile:
    """A text file opened for reading only, once, so that it can be read after its folder is gone."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks in ``rows``, in order."""
        marks = ",".join("?" * len(rows))
        found = {row["row"]: _chunk(row) for row in self._rows(f"SELECT * FROM chunk WHERE row IN ({marks})", rows)}
        return [found[row] for row in rows]

    def beside(self, row: int, audiences: frozenset[Audience]) -> list[Chunk]:
        """The chunks before and after that in ``row``, as far as they are of the same document."""
        allowed = ",".join("?" * len(audiences))
        found = self._rows(
            "SELECT near.* FROM chunk own JOIN chunk near ON near.row IN (own.row - 1, own.row + 1)"
            " AND near.document_key = own.document_key"
            f" WHERE own.row = ? AND near.audience IN ({allowed}) ORDER BY near.row",
            (row, *(audience.value for audience in audiences)),
        )
        return [_chunk(near) for near in found]

    def ids(self, rows: Sequence[int]) -> dict[int, str]:
        """Row → chunk id."""
        marks = ",".join("?" * len(rows))
        pairs = self._rows(f"SELECT row, id FROM chunk WHERE row IN ({marks})", rows)
        return {int(pair["row"]): str(pair["id"]) for pair in pairs}

    def rows(self, ids: Sequence[str], audiences: frozenset[Audience]) -> dict[str, int]:
        """The row of each id here that one of ``audiences`` may read."""
        marks, allowed = ",".join("?" * len(ids)), ",".join("?" * len(audiences))
        found = self._rows(
            f"SELECT id, row FROM chunk WHERE id IN ({marks}) AND audience IN ({allowed})",
            (*ids, *(audience.value for audience in audiences)),
        )
        return {str(chunk_id): int(row) for chunk_id, row in found}

    def documents(self) -> list[Held]:
        """All documents, by number."""
        return [Held(*row) for row in self._rows("SELECT * FROM document ORDER BY number")]

    def each(self, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, Chunk]]:
        """The chunks of the rows that are ``wanted``, by row."""
        for row in self._database.execute("SELECT * FROM chunk ORDER BY row"):
            if wanted[row["row"]]:
                yield int(row["row"]), _chunk(row)

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def _chunk(row: sqlite3.Row) -> Chunk:
    return Chunk(
        id=row["id"],
        document_key=row["document_key"],
        title=row["title"],
        url=row["url"],
        audience=Audience(row["audience"]),
        ordinal=row["ordinal"],
        heading_path=tuple(json.loads(row["heading_path"])),
        text=row["text"],
        tokens=row["tokens"],
        language=row["language"],
        outdated=bool(row["outdated"]),
    )
