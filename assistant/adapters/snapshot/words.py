"""The lexical index of one audience: for each stem the chunks that hold it, in arrays that are mapped, not read.

BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) over chunks whose title and
headings count ``HEADING_WEIGHT`` times. A chunk's part of a score, which does not depend on the question, is computed
when the index is made; the rarity of a stem, which may then be weighted by the question, when it is asked.
"""

import sqlite3
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import Chunk
from assistant.text.words import content_stems

K1, B = 2.0, 0.75
HEADING_WEIGHT = 2


def write_words(folder: Path, name: str, chunks: Iterable[tuple[int, Chunk]]) -> None:
    """Store the stems of ``chunks``, each with its row, as files of ``folder`` that begin with ``name``."""
    stems: dict[str, int] = {}
    of_stem, of_chunk, counts = array("i"), array("i"), array("f")
    rows, lengths = array("i"), array("f")
    for number, (row, chunk) in enumerate(chunks):
        found = _counted(chunk)
        rows.append(row)
        lengths.append(sum(found.values()))
        for stem, count in found.items():
            of_stem.append(stems.setdefault(stem, len(stems)))
            of_chunk.append(number)
            counts.append(count)
    by_stem, chunk_of, tf = np.asarray(of_stem), np.asarray(of_chunk), np.asarray(counts)
    length = np.asarray(lengths)
    norm = K1 * (1 - B + B * length / (length.mean() or 1.0)) if len(length) else length
    order = np.argsort(by_stem, kind="stable")
    shares = tf * (K1 + 1) / (tf + norm[chunk_of])
    np.save(folder / f"{name}.rows.npy", np.asarray(rows)[chunk_of][order].astype(np.int32))
    np.save(folder / f"{name}.shares.npy", shares[order].astype(np.float32))
    ends = np.cumsum(np.bincount(by_stem, minlength=len(stems)))
    _write_stems(folder / f"{name}.stems.sqlite", stems, ends.tolist(), len(rows))


class WordFile:
    """A lexical index opened for reading. Safe to use from several threads."""

    def __init__(self, folder: Path, name: str) -> None:
        uri = f"{(folder / f'{name}.stems.sqlite').resolve().as_uri()}?mode=ro&immutable=1"
        self._stems = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._chunks = int(self._stems.execute("SELECT chunks FROM size").fetchone()[0])
        mapped: Literal["r"] | None = "r" if self._chunks else None  # Nothing cannot be mapped.
        self._rows: NDArray[np.int32] = np.load(folder / f"{name}.rows.npy", mmap_mode=mapped)
        self._shares: NDArray[np.float32] = np.load(folder / f"{name}.shares.npy", mmap_mode=mapped)

    def search(self, stems: Mapping[str, float], limit: int) -> list[tuple[int, float]]:
        """The best ``limit`` rows that hold any of ``stems``, each counting by its weight, as (row, BM25), best first."""
        rows, shares = [], []
        for stem, (start, end) in self._spans(list(stems)).items():
            rows.append(self._rows[start:end])
            shares.append(self._shares[start:end] * (stems[stem] * self._rarity(end - start)))
        if not rows:
            return []
        scores = np.bincount(np.concatenate(rows), np.concatenate(shares))
        best = np.argpartition(-scores, limit - 1)[:limit] if limit < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((best, -scores[best]))]
        return [(int(row), float(scores[row])) for row in best if scores[row] > 0]

    def _spans(self, stems: Sequence[str]) -> dict[str, tuple[int, int]]:
        marks = ",".join("?" * len(stems))
        with self._lock:
            found = self._stems.execute(f"SELECT stem, first, past FROM stem WHERE stem IN ({marks})", stems).fetchall()
        return {str(stem): (int(first), int(past)) for stem, first, past in found}

    def _rarity(self, holding: int) -> float:
        return float(np.log1p((self._chunks - holding + 0.5) / (holding + 0.5)))


def _counted(chunk: Chunk) -> Counter[str]:
    found = Counter(content_stems(chunk.text, chunk.language))
    for stem in content_stems(chunk.heading_line(), chunk.language):
        found[stem] += HEADING_WEIGHT
    return found


def _write_stems(path: Path, stems: Iterable[str], ends: Sequence[int], chunks: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE size (chunks INTEGER NOT NULL)")
        database.execute("INSERT INTO size VALUES (?)", (chunks,))
        database.execute(
            "CREATE TABLE stem (stem TEXT PRIMARY KEY, first INTEGER NOT NULL, past INTEGER NOT NULL) WITHOUT ROWID"
        )
        spans = zip(stems, [0, *ends], ends, strict=False)
        database.executemany("INSERT INTO stem VALUES (?,?,?)", spans)
    database.close()
