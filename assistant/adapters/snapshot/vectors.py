"""One FAISS file an audience: exact inner product, which on unit vectors is the cosine.

An audience that is not asked for is not searched at all, so no filter can be forgotten.
"""

from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from assistant.ports import Vectors


def write_vectors(path: Path, rows: NDArray[np.int64], vectors: Vectors) -> None:
    """Store ``vectors`` under the ids ``rows``."""
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    if len(rows):
        index.add_with_ids(vectors, rows)
    faiss.write_index(index, str(path))


class VectorFile:
    """An index read from ``path``; searching it is safe from several threads."""

    def __init__(self, path: Path) -> None:
        self._index = faiss.read_index(str(path))

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(self, vector: NDArray[np.float32], limit: int) -> list[tuple[int, float]]:
        """The ``limit`` nearest rows as (row, cosine), best first."""
        count = min(limit, self._index.ntotal)
        if count == 0:
            return []
        scores, rows = self._index.search(vector.reshape(1, -1), count)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]

    def similarities(self, vector: NDArray[np.float32], rows: Sequence[int]) -> list[float]:
        """The cosine of ``vector`` to each of ``rows``."""
        if not rows:
            return []
        stored = self._index.reconstruct_batch(np.asarray(rows, dtype=np.int64))
        return [float(score) for score in stored @ vector]
