"""How many candidates a search in the graph has to keep, measured on questions."""

from assistant.adapters.pgvector.reader import LEAST_EFFORT, MOST_EFFORT, PostgresSnapshot
from assistant.kernel.knowledge import Audience, Tuning
from assistant.ports import Clock, Vectors

AT = 10
EFFORTS = (LEAST_EFFORT, 80, 120, 200, 320, 500, 800, MOST_EFFORT)
EVERYBODY = frozenset(Audience)


def measure(snapshot: PostgresSnapshot, questions: Vectors, recall: float, clock: Clock) -> Tuning:
    """The least effort that finds ``recall`` of the ten nearest; the most there is where none does."""
    nearest = [{chunk_id for chunk_id, _ in snapshot.exact(question, EVERYBODY, AT)} for question in questions]
    for effort in EFFORTS:
        found = [
            {chunk_id for chunk_id, _ in snapshot.in_graph(question, EVERYBODY, AT, effort)} for question in questions
        ]
        shares = [len(hits & truth) / len(truth) for hits, truth in zip(found, nearest, strict=True) if truth]
        reached = sum(shares) / max(len(shares), 1)
        if reached >= recall:
            break
    return Tuning(
        effort=min(effort / snapshot.manifest.chunks, 1.0),
        recall=round(reached, 4),
        questions=len(questions),
        chunks=snapshot.manifest.chunks,
        measured_at=clock.now().isoformat(),
    )
