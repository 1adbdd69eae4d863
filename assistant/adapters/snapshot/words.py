"""The lexical index of one audience in a segment: for each stem the chunks that hold it, in arrays that are mapped, not read.

A chunk's part of a BM25 score, which does not depend on the question, is computed when the index is made; the rarity of a
stem among all segments, and its weight in the question, when it is asked.
"""

import sqlite3
import threading
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import Chunk
from assistant.text.bm25 import K1, B, counted

Spans = Mapping[str, tuple[int, int]]
"""Stem → where its postings begin and end. Their number is that of the chunks that hold it."""


class WordWriter:
    """Gathers the stems of chunks and writes them as files of a folder that begin with ``name``."""

    def __init__(self) -> None:
        self._stems: dict[str, int] = {}
        self._of_stem, self._of_chunk, self._counts = array("i"), array("i"), array("f")
        self._rows, self._lengths = array("i"), array("f")

    def add(self, row: int, chunk: Chunk) -> None:
        found = counted(chunk)
        number = len(self._rows)
        self._rows.append(row)
        self._lengths.append(sum(found.values()))
        for stem, count in found.items():
            self._of_stem.append(self._stems.setdefault(stem, len(self._stems)))
            self._of_chunk.append(number)
            self._counts.append(count)

    def write(self, folder: Path, name: str, usual_length: float | None = None) -> None:
        """``usual_length`` is what a chunk's length is compared with, its mean here unless it is given."""
        by_stem, chunk_of, tf = np.asarray(self._of_stem), np.asarray(self._of_chunk), np.asarray(self._counts)
        length = np.asarray(self._lengths)
        usual = usual_length or (float(length.mean()) if len(length) else 0.0) or 1.0
        norm = K1 * (1 - B + B * length / usual)
        order = np.argsort(by_stem, kind="stable")
        shares = tf * (K1 + 1) / (tf + norm[chunk_of])
        np.save(folder / f"{name}.rows.npy", np.asarray(self._rows)[chunk_of][order].astype(np.int32))
        np.save(folder / f"{name}.shares.npy", shares[order].astype(np.float32))
        ends = np.cumsum(np.bincount(by_stem, minlength=len(self._stems)))
        _write_stems(folder / f"{name}.stems.sqlite", self._stems, ends.tolist(), len(self._rows), usual)


class WordFile:
    """A lexical index opened for reading. Safe to use from several threads."""

    def __init__(self, folder: Path, name: str) -> None:
        uri = f"{(folder / f'{name}.stems.sqlite').resolve().as_uri()}?mode=ro&immutable=1"
        self._stems = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        chunks, usual_length = self._stems.execute("SELECT chunks, usual_length FROM size").fetchone()
        self.chunks, self.usual_length = int(chunks), float(usual_length)
        mapped: Literal["r"] | None = "r" if self.chunks else None  # Nothing cannot be mapped.
        self._rows: NDArray[np.int32] = np.load(folder / f"{name}.rows.npy", mmap_mode=mapped)
        self._shares: NDArray[np.float32] = np.load(folder / f"{name}.shares.npy", mmap_mode=mapped)

    def spans(self, stems: Iterable[str]) -> Spans:
        """Those of ``stems`` that any chunk holds."""
        wanted = list(stems)
        marks = ",".join("?" * len(wanted))
        with self._lock:
            found = self._stems.execute(
                f"SELECT stem, first, past FROM stem WHERE stem IN ({marks})", wanted
            ).fetchall()
        return {str(stem): (int(first), int(past)) for stem, first, past in found}

    def best(
        self, spans: Spans, weights: Mapping[str, float], dead: NDArray[np.int64], limit: int
    ) -> list[tuple[int, float]]:
        """The best ``limit`` rows in ``spans`` but for ``dead`` ones, as (row, BM25), best first; a stem counts by its weight."""
        if not spans:
            return []
        rows = np.concatenate([self._rows[first:past] for first, past in spans.values()])
        shares = np.concatenate([self._shares[first:past] * weights[stem] for stem, (first, past) in spans.items()])
        scores = np.bincount(rows, shares)
        scores[dead[dead < len(scores)]] = 0.0
        best = np.argpartition(-scores, limit - 1)[:limit] if limit < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((best, -scores[best]))]
        return [(int(row), float(scores[row])) for row in best if scores[row] > 0]


def _write_stems(path: Path, stems: Iterable[str], ends: Sequence[int], chunks: int, usual_length: float) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE size (chunks INTEGER NOT NULL, usual_length REAL NOT NULL)")
        database.execute("INSERT INTO size VALUES (?,?)", (chunks, usual_length))
        database.execute(
            "CREATE TABLE stem (stem TEXT PRIMARY KEY, first INTEGER NOT NULL, past INTEGER NOT NULL) WITHOUT ROWID"
        )
        spans = zip(stems, [0, *ends], ends, strict=False)
        database.executemany("INSERT INTO stem VALUES (?,?,?)", spans)
    database.close()
