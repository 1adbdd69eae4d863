"""How many of its lists an index has to look into, measured on questions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.adapters.snapshot.reader import FolderSnapshot
from assistant.kernel.knowledge import Audience, Tuning
from assistant.ports import Clock, ExactVectors, Vectors

AT = 10
EFFORTS = tuple(2.0**-power for power in range(10, 0, -1))
NEAREST_CODES = 5 * AT
"""Of these, by their codes, the true nearest are taken."""


def measure(snapshot: FolderSnapshot, questions: Vectors, exact: ExactVectors, recall: float, clock: Clock) -> Tuning:
    """The least effort that finds ``recall`` of the ten nearest, or as much as looking everywhere finds.

    The nearest are those by the vectors as they were embedded, so that what codes lose is counted too. Of several audiences that
    are searched so, the one of which less is found counts.
    """
    nearest = {
        frozenset({audience}): [_nearest(question, frozenset({audience}), snapshot, exact) for question in questions]
        for audience in Audience
        if any(audience in live.in_lists for live in snapshot.segments)
    }

    def reached(effort: float) -> float:
        return min(
            _recall([snapshot.nearest(question, who, AT, effort) for question in questions], truths)
            for who, truths in nearest.items()
        )

    most = reached(1.0)
    for effort in (*EFFORTS, 1.0):
        found = reached(effort)
        if found >= min(recall, most):
            break
    return Tuning(
        effort=effort,
        recall=round(found, 4),
        questions=len(questions),
        chunks=snapshot.manifest.chunks,
        measured_at=clock.now().isoformat(),
    )


def _nearest(
    question: NDArray[np.float32], who: frozenset[Audience], snapshot: FolderSnapshot, exact: ExactVectors
) -> frozenset[str]:
    ids = [chunk_id for chunk_id, _ in snapshot.nearest(question, who, NEAREST_CODES, 1.0)]
    texts = {chunk_id: chunk.embedding_text() for chunk_id, chunk in snapshot.chunks(who, ids).items()}
    vectors = exact(list(texts.values()))
    scores = {chunk_id: float(vectors[text] @ question) for chunk_id, text in texts.items() if text in vectors}
    return frozenset(sorted(scores, key=lambda chunk_id: -scores[chunk_id])[:AT])


def _recall(found: Sequence[Sequence[tuple[str, float]]], nearest: Sequence[frozenset[str]]) -> float:
    shares = [
        len(truth & {chunk_id for chunk_id, _ in hits}) / len(truth)
        for hits, truth in zip(found, nearest, strict=True)
        if truth
    ]
    return sum(shares) / len(shares) if shares else 0.0
