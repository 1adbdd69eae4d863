"""One FAISS file an audience: exact inner product, which on unit vectors is the cosine.

An audience that is not asked for is not searched at all, so no filter can be forgotten.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from assistant.ports import Vectors


def write_vectors(path: Path, rows: NDArray[np.int64], vectors: Vectors) -> None:
    """Store ``vectors`` under the ids ``rows``, in their order."""
    index = faiss.IndexIDMap(faiss.IndexFlatIP(vectors.shape[1]))
    if len(rows):
        order = np.argsort(rows)
        index.add_with_ids(vectors[order], rows[order])
    faiss.write_index(index, str(path))


class VectorFile:
    """An index mapped from ``path``, which may be gone later; searching it is safe from several threads."""

    def __init__(self, path: Path) -> None:
        self._index = _mapped(path)
        self._flat: Any = faiss.downcast_index(self._index.index)
        self._rows: NDArray[np.int64] = faiss.vector_to_array(self._index.id_map)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows that have a vector here, in order."""
        return self._rows

    def best(self, vector: NDArray[np.float32], alive: Any | None, limit: int) -> list[tuple[int, float]]:
        """The ``limit`` nearest rows that are ``alive`` (None: all are) as (row, cosine), best first."""
        count = min(limit, self._index.ntotal)
        if count == 0:
            return []
        parameters = faiss.SearchParameters(sel=alive) if alive is not None else None  # type: ignore[call-arg]
        scores, rows = self._index.search(vector.reshape(1, -1), count, params=parameters)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]

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
        stored: Vectors = self._flat.reconstruct_batch(np.searchsorted(self._rows, rows).astype(np.int64))
        return stored


def _mapped(path: Path) -> Any:
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def all_but(dead: NDArray[np.int64]) -> Any | None:
    """What ``best`` searches when ``dead`` rows are left out."""
    return faiss.IDSelectorNot(faiss.IDSelectorBatch(dead)) if len(dead) else None
