"""One FAISS index an audience, of inner products, which on unit vectors are cosines.

An audience that is not asked for is not searched at all, so no filter can be forgotten. Up to ``EXACT_MOST`` vectors are kept whole
and compared one by one. More are kept as 8-bit codes in lists, of which a search looks into a share.
"""

from math import ceil, sqrt
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from assistant.ports import Vectors

EXACT_MOST = 100_000
LISTS_PER_ROOT = 4
"""Lists for each root of the number of vectors, as FAISS's guidelines have it for millions."""
TRAINED_ON = 64
"""Vectors a list on which the lists' centres are found."""
PROBED = 1 / 64
"""Share of the lists that a search looks into, where it has not been measured which would do."""
RETRAINED_FROM = 4
"""Times as many vectors as lists were made for, from which they are made anew."""


def write_vectors(
    path: Path,
    rows: NDArray[np.int64],
    vectors: Vectors,
    like: "VectorFile | None" = None,
    exact_most: int = EXACT_MOST,
) -> None:
    """Store ``vectors``, which belong to ``rows``. Lists and codes are as those of ``like``, where those fit."""
    order = np.argsort(rows)
    index = faiss.IndexFlatIP(vectors.shape[1]) if len(rows) <= exact_most else _lists(vectors, like)
    index.add(vectors[order])
    np.save(_rows_path(path), rows[order])
    faiss.write_index(index, str(path))


class VectorFile:
    """An index mapped from ``path``, which may be gone later; searching it is safe from several threads."""

    def __init__(self, path: Path) -> None:
        self._rows: NDArray[np.int64] = np.load(_rows_path(path), mmap_mode="r")
        self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        self.lists = 0
        """Into how many the vectors are divided; 0 where each is compared."""
        if isinstance(self._index, faiss.IndexIVF):
            self._index.make_direct_map()
            self.lists = int(self._index.nlist)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows that have a vector here, in order."""
        return self._rows

    def only(self, alive: NDArray[np.bool_]) -> Any | None:
        """What ``best`` takes to find those rows alone that are ``alive``; None where all are."""
        here = alive[self._rows]
        bits: Any = np.packbits(here, bitorder="little")
        return None if here.all() else faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg]

    def best(self, vector: NDArray[np.float32], only: Any | None, limit: int, probed: float) -> list[tuple[int, float]]:
        """The ``limit`` nearest of ``only`` as (row, cosine), best first. ``probed``: share of the lists to look into."""
        count = min(limit, self._index.ntotal)
        if count == 0:
            return []
        if self.lists:
            parameters: Any = faiss.SearchParametersIVF(sel=only, nprobe=max(1, ceil(self.lists * probed)))  # type: ignore[call-arg]
        else:
            parameters = faiss.SearchParameters(sel=only)  # type: ignore[call-arg]
        scores, places = self._index.search(vector.reshape(1, -1), count, params=parameters)
        found = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(int(self._rows[place]), score) for place, score in found if place >= 0]

    def held(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of ``rows`` that have a vector here."""
        if not len(rows) or not len(self._rows):
            return rows[:0]
        places = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        found: NDArray[np.int64] = rows[self._rows[places] == rows]
        return found

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of ``rows``, each of which has one here, shape (len(rows), dimension)."""
        if not len(rows):
            return np.zeros((0, self.dimension), dtype=np.float32)
        stored: Vectors = self._index.reconstruct_batch(np.searchsorted(self._rows, rows).astype(np.int64))
        return stored

    def empty_like(self) -> Any:
        """An index with the same lists and codes, without vectors. What is decoded here is coded there as it was."""
        centres = faiss.IndexFlatIP(self.dimension)
        centres.add(faiss.downcast_index(self._index.quantizer).reconstruct_n(0, self.lists))
        index = _coded(centres, self.lists)
        faiss.copy_array_to_vector(faiss.vector_to_array(self._index.sq.trained), index.sq.trained)
        index.is_trained = True
        return index


def _lists(vectors: Vectors, like: VectorFile | None) -> Any:
    """A trained index for these vectors."""
    wanted = round(LISTS_PER_ROOT * sqrt(len(vectors)))
    if like is not None and like.lists and (wanted / like.lists) ** 2 <= RETRAINED_FROM:
        return like.empty_like()
    index = _coded(faiss.IndexFlatIP(vectors.shape[1]), wanted)
    index.cp.max_points_per_centroid = TRAINED_ON
    index.train(vectors)
    return index


def _coded(centres: Any, lists: int) -> Any:
    """Not what is left beside a centre is coded but the vector itself, so that codes outlive a change of lists."""
    codes, metric = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    return faiss.IndexIVFScalarQuantizer(centres, centres.d, lists, codes, metric, False)


def _rows_path(path: Path) -> Path:
    return path.with_suffix(".rows.npy")
