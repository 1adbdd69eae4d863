"""The chunks of a snapshot in one SQLite file: a chunk's row is its place in all other files."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.kernel.knowledge import Audience, Chunk

_SCHEMA = """
CREATE TABLE chunk (
  row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, document_key TEXT NOT NULL, title TEXT NOT NULL,
  url TEXT NOT NULL, audience TEXT NOT NULL, ordinal INTEGER NOT NULL, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, tokens INTEGER NOT NULL, language TEXT NOT NULL);
"""


def write_texts(path: Path, chunks: Iterable[Chunk]) -> None:
    """Store ``chunks``; the row of each is its position."""
    with sqlite3.connect(path) as database:
        database.executescript(_SCHEMA)
        database.executemany(
            "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                (
                    row, chunk.id, chunk.document_key, chunk.title, chunk.url, chunk.audience.value, chunk.ordinal,
                    json.dumps(chunk.heading_path), chunk.text, chunk.tokens, chunk.language,
                )
                for row, chunk in enumerate(chunks)
            ),
        )  # fmt: skip
    database.close()


class TextFile:
    """A text file opened for reading only, once, so that it can be read after its folder is gone."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    def chunks(self, ids: Sequence[str], audiences: frozenset[Audience]) -> dict[str, Chunk]:
        """The chunks with these ids that one of ``audiences`` may read."""
        marks, allowed = ",".join("?" * len(ids)), ",".join("?" * len(audiences))
        found = self._rows(
            f"SELECT * FROM chunk WHERE id IN ({marks}) AND audience IN ({allowed})",
            (*ids, *(audience.value for audience in audiences)),
        )
        return {row["id"]: _chunk(row) for row in found}

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The chunk id of each row, in order."""
        marks = ",".join("?" * len(rows))
        pairs = self._rows(f"SELECT row, id FROM chunk WHERE row IN ({marks})", rows)
        found = {int(pair["row"]): str(pair["id"]) for pair in pairs}
        return [found[row] for row in rows]

    def rows(self, ids: Sequence[str], audience: Audience) -> dict[str, int]:
        """The row of each id that ``audience`` may read."""
        marks = ",".join("?" * len(ids))
        found = self._rows(f"SELECT id, row FROM chunk WHERE id IN ({marks}) AND audience = ?", (*ids, audience.value))
        return {str(chunk_id): int(row) for chunk_id, row in found}

    def _rows(self, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
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
    )
