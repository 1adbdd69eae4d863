"""Parts of a snapshot: segments, which are documents with their words, and vectors of a segment's chunks.

A part is a folder that is written once and never changed, so generations share it. What was replaced or deleted since is
dead: a generation names it, no search finds it, and it is left behind when segments are merged.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.adapters.snapshot.texts import Held, TextFile, TextWriter
from assistant.adapters.snapshot.vectors import VectorFile, write_vectors
from assistant.adapters.snapshot.words import WordFile, WordWriter
from assistant.kernel.knowledge import Audience, Chunk, IndexedDocument
from assistant.ports import Vectors

Embedded = Mapping[Audience, tuple[NDArray[np.int64], Vectors]]
"""Rows of each audience and their vectors."""


def write_segment(
    folder: Path, documents: Iterable[IndexedDocument], usual_lengths: Mapping[Audience, float] | None = None
) -> None:
    """Fill ``folder``. ``usual_lengths`` are those of the larger segment beside which this one is ranked."""
    texts = TextWriter(folder / "texts.sqlite")
    words = {audience: WordWriter() for audience in Audience}
    for document in documents:
        for row, chunk in enumerate(document.chunks, start=texts.chunks):
            words[chunk.audience].add(row, chunk)
        texts.add(document.key, document.fingerprint, document.chunks)
    texts.close()
    for audience, writer in words.items():
        writer.write(folder, f"words-{audience}", (usual_lengths or {}).get(audience))


def write_vector_part(folder: Path, found: Embedded, like: Mapping[Audience, VectorFile], exact_most: int) -> None:
    """``found`` has vectors of one audience at least. ``like`` are files that had most of them before."""
    dimension = next(iter(found.values()))[1].shape[1]
    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, dimension), dtype=np.float32)
    for audience in Audience:
        rows, vectors = found.get(audience, nothing)
        write_vectors(folder / f"vectors-{audience}.faiss", rows, vectors, like.get(audience), exact_most)


class Segment:
    """A segment's documents and words, opened for reading; they can be read after the folder is gone."""

    def __init__(self, folder: Path) -> None:
        self.texts = TextFile(folder / "texts.sqlite")
        self.words = {audience: WordFile(folder, f"words-{audience}") for audience in Audience}

    @cached_property
    def documents(self) -> list[Held]:
        return self.texts.documents()


class VectorPart:
    """Vectors of some of a segment's chunks, opened for reading."""

    def __init__(self, folder: Path) -> None:
        self.files = {audience: VectorFile(folder / f"vectors-{audience}.faiss") for audience in Audience}


class LiveSegment:
    """A segment in one generation: with the vectors that are there by now, and without what is dead by now.

    ``parts`` are vectors by the name of their part, ``dead`` numbers of documents, ``dead_rows`` the rows of their chunks.
    """

    def __init__(self, name: str, segment: Segment, parts: Mapping[str, VectorPart], dead: NDArray[np.int64]) -> None:
        self.name, self.segment, self.parts, self.dead = name, segment, parts, dead
        held = [segment.documents[number] for number in dead.tolist()]
        self.dead_rows = _joined([np.arange(one.first, one.past) for one in held])

    @cached_property
    def documents(self) -> list[Held]:
        """Those that live."""
        dead = set(self.dead.tolist())
        return [held for held in self.segment.documents if held.number not in dead]

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """Of each row, whether it lives."""
        alive = np.ones(self.segment.documents[-1].past if self.segment.documents else 0, dtype=np.bool_)
        alive[self.dead_rows] = False
        return alive

    @cached_property
    def chunks(self) -> int:
        """How many live."""
        return int(self.alive.sum())

    @property
    def in_lists(self) -> frozenset[Audience]:
        """The audiences of which not each vector is compared with what is asked."""
        files = [pair for part in self.parts.values() for pair in part.files.items()]
        return frozenset(audience for audience, file in files if file.lists)

    @cached_property
    def waiting(self) -> int:
        """Live chunks without a vector."""
        return self.chunks - sum(len(rows) for _, _, rows in self.embedded())

    def without(self, keys: Collection[str]) -> "LiveSegment":
        """Less the documents with these keys."""
        gone = [held.number for held in self.documents if held.key in keys]
        if not gone:
            return self
        dead = np.union1d(self.dead, np.asarray(gone, dtype=np.int64))
        return LiveSegment(self.name, self.segment, self.parts, dead)

    def indexed(self) -> Iterator[IndexedDocument]:
        """The documents that live, with their chunks, in order."""
        chunks = (chunk for _, chunk in self.segment.texts.each(self.alive))
        for held in self.documents:
            yield IndexedDocument(held.key, held.fingerprint, tuple(islice(chunks, held.past - held.first)))

    def nearest(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int, probed: float
    ) -> list[tuple[int, float]]:
        """Of each part the nearest rows as (row, cosine). ``probed`` is as in ``VectorFile.best``."""
        files = [pair for audience in audiences for pair in self._searched[audience]]
        return [hit for file, only in files for hit in file.best(vector, only, limit, probed)]

    @cached_property
    def _searched(self) -> dict[Audience, list[tuple[VectorFile, Any | None]]]:
        """Files by audience, and what lives in each."""
        parts = self.parts.values()
        return {
            audience: [(part.files[audience], part.files[audience].only(self.alive)) for part in parts]
            for audience in Audience
        }

    def find(self, ids: Sequence[str], audiences: frozenset[Audience]) -> dict[str, int]:
        """The row of each id that lives here and that one of ``audiences`` may read."""
        found = self.segment.texts.rows(ids, audiences)
        return {chunk_id: row for chunk_id, row in found.items() if self.alive[row]}

    def vectors(self, rows: Collection[int], audiences: frozenset[Audience]) -> dict[int, NDArray[np.float32]]:
        """Row → vector of those of ``rows`` that have one."""
        found: dict[int, NDArray[np.float32]] = {}
        wanted = np.fromiter(rows, dtype=np.int64)
        for file in (part.files[audience] for part in self.parts.values() for audience in audiences):
            held = file.held(wanted)
            found |= zip(held.tolist(), file.vectors(held), strict=True)
        return found

    def embedded(self) -> list[tuple[Audience, VectorFile, NDArray[np.int64]]]:
        """The live rows that each file has a vector of."""
        files = [(audience, file) for part in self.parts.values() for audience, file in part.files.items()]
        return [(audience, file, file.rows[self.alive[file.rows]]) for audience, file in files]

    def not_embedded(self) -> Iterator[tuple[int, Chunk]]:
        """The live chunks without a vector, with their rows."""
        wanted = self.alive.copy()
        for _, _, rows in self.embedded():
            wanted[rows] = False
        return self.segment.texts.each(wanted)


def vectors_together(segments: Sequence[LiveSegment], *, renumbered: bool) -> Embedded:
    """All vectors of what lives in ``segments``; by the rows it has when they are written one after the other, if ``renumbered``."""
    rows: dict[Audience, list[NDArray[np.int64]]] = defaultdict(list)
    vectors: dict[Audience, list[Vectors]] = defaultdict(list)
    before = 0
    for live in segments:
        places = before + np.cumsum(live.alive) - 1
        for audience, file, own in live.embedded():
            rows[audience].append(places[own] if renumbered else own)
            vectors[audience].append(file.vectors(own))
        before += live.chunks
    return {audience: (_joined(found), np.concatenate(vectors[audience])) for audience, found in rows.items()}


def largest_files(segments: Sequence[LiveSegment]) -> dict[Audience, VectorFile]:
    """Of each audience the file with the most vectors."""
    files = [(audience, file) for live in segments for audience, file, _ in live.embedded()]
    return dict(sorted(files, key=lambda pair: len(pair[1].rows)))


def _joined(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
