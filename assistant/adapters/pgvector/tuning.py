"""How many candidates a search in the graph has to keep, measured on questions."""

from assistant.adapters.pgvector.reader import LEAST_EFFORT, MOST_EFFORT, PostgresSnapshot
from assistant.kernel.knowledge import Audience, Tuning
from assistant.ports import Clock, Vectors

AT = 10
EFFORTS = (LEAST_EFFORT, 80, 120, 200, 320, 500, 800, MOST_EFFORT)
EVERYBODY = frozenset(Audience)


def measure(snapshot: PostgresSnapshot, questions: Vectors, recall: float, clock: Clock) -> Tuning:
    """The least effort that finds ``recall`` of the ten nearest, or as much as the most effort finds."""
    nearest = [{chunk_id for chunk_id, _ in snapshot.exact(question, EVERYBODY, AT)} for question in questions]

    def reached(effort: int) -> float:
        hits = [dict(snapshot.in_graph(question, EVERYBODY, AT, effort)).keys() for question in questions]
        shares = [len(found & truth) / len(truth) for found, truth in zip(hits, nearest, strict=True) if truth]
        return sum(shares) / max(len(shares), 1)

    most = reached(MOST_EFFORT)
    for effort in EFFORTS:
        found = reached(effort)
        if found >= min(recall, most):
            break
    return Tuning(
        effort=min(effort / snapshot.manifest.chunks, 1.0),
        recall=round(found, 4),
        questions=len(questions),
        chunks=snapshot.manifest.chunks,
        measured_at=clock.now().isoformat(),
    )
