"""Texts and the lexical index in one SQLite file: FTS5 with Porter stemming, ranked by BM25."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.kernel.knowledge import Audience, Chunk

_SCHEMA = """
CREATE TABLE chunk (
  row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, document_key TEXT NOT NULL, title TEXT NOT NULL,
  url TEXT NOT NULL, audience TEXT NOT NULL, ordinal INTEGER NOT NULL, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, tokens INTEGER NOT NULL);
CREATE VIRTUAL TABLE words_public USING fts5(heading, body, content='', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE words_internal USING fts5(heading, body, content='', tokenize='porter unicode61 remove_diacritics 2');
"""
_WORD = re.compile(r"\w+", re.UNICODE)
MAX_QUERY_WORDS = 400
HEADING_WEIGHT, BODY_WEIGHT = 1.0, 1.0
_COMMON = frozenset(
    "a about after all also am an and any are as at be been but by can could did do does for from get had has have how i "
    "if in into is it its just me my no not of on or our please should so some that the their them then there these they "
    "this to up us was we were what when where which who why will with would you your".split()
)


def write_words(path: Path, chunks: Iterable[Chunk]) -> None:
    """Store ``chunks``; the row of each is its position."""
    with sqlite3.connect(path) as database:
        database.executescript(_SCHEMA)
        for row, chunk in enumerate(chunks):
            database.execute(
                "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    row, chunk.id, chunk.document_key, chunk.title, chunk.url, chunk.audience.value, chunk.ordinal,
                    json.dumps(chunk.heading_path), chunk.text, chunk.tokens,
                ),
            )  # fmt: skip
            database.execute(
                f"INSERT INTO {_table(chunk.audience)}(rowid, heading, body) VALUES (?,?,?)",
                (row, chunk.heading_line(), chunk.text),
            )
        for audience in Audience:
            database.execute(f"INSERT INTO {_table(audience)}({_table(audience)}) VALUES ('optimize')")
    database.close()


class WordFile:
    """A word file opened for reading only, once, so that it can be read after its folder is gone."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    def search(self, query: str, audience: Audience, limit: int) -> list[tuple[str, float]]:
        """The best chunks that contain any word of ``query``, as (chunk id, BM25), best first.

        Common words are left out unless there are no others; of a long query the last words count.
        """
        words = list(dict.fromkeys(word.lower() for word in reversed(_WORD.findall(query))))
        telling = [word for word in words if word not in _COMMON] or words
        if not telling:
            return []
        match = " OR ".join(f'"{word}"' for word in telling[:MAX_QUERY_WORDS])
        table = _table(audience)
        found = self._rows(
            f"SELECT chunk.id, -bm25({table}, {HEADING_WEIGHT}, {BODY_WEIGHT}) AS score FROM {table} "
            f"JOIN chunk ON chunk.row = {table}.rowid WHERE {table} MATCH ? ORDER BY score DESC, chunk.row LIMIT ?",
            (match, limit),
        )
        return [(str(chunk_id), float(score)) for chunk_id, score in found]

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


def _table(audience: Audience) -> str:
    return f"words_{audience.value}"


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
    )
