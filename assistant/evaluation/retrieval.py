"""How well are the right documents found? nDCG, recall and MRR over labelled questions, with latencies."""

from collections.abc import Callable, Mapping, Sequence

from assistant.evaluation.formats import Query
from assistant.evaluation.metrics import mean, ndcg, percentile, recall, reciprocal_rank
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Scope
from assistant.kernel.value import Value
from assistant.pipeline import Desk
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve

DEPTH = 20


class RetrievalReport(Value):
    """Means over questions; latencies in milliseconds, query embedding included."""

    questions: int
    documents: int
    chunks: int
    ndcg_at_10: float
    recall_at_5: float
    recall_at_10: float
    recall_at_20: float
    mrr: float
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p99: float


def evaluate_retrieval(
    queries: Sequence[Query],
    qrels: Mapping[str, Mapping[str, float]],
    desk: Desk,
    scope: Scope,
    document_id: Callable[[str], str],
) -> RetrievalReport:
    """Rank documents (a document by its best chunk) for each judged question and compare with ``qrels``.

    ``document_id`` turns a document's key into the id the judgements use. Raises InputError when no
    question is judged.
    """
    snapshot = desk.index.snapshot(scope.tenant)
    judged = [query for query in queries if query.id in qrels]
    if not judged or snapshot is None:
        raise InputError(
            "no question has a judgement", fix="Check that ids in queries and qrels are the same.", field="qrels"
        )
    policy = desk.policy.retrieval.model_copy(update={"shown": DEPTH, "per_document": 1})
    retrieve(
        redact(judged[0].ticket), scope, desk.index, desk.embedder, policy, desk.reranker
    )  # Loads the embedder untimed.
    rankings, latencies = [], []
    for query in judged:
        question = redact(query.ticket, desk.default_language)
        start = desk.clock.monotonic()
        evidence = retrieve(question, scope, desk.index, desk.embedder, policy, desk.reranker)
        latencies.append((desk.clock.monotonic() - start) * 1000)
        rankings.append([document_id(passage.chunk.document_key) for passage in evidence.passages])
    pairs = [(ranking, qrels[query.id]) for ranking, query in zip(rankings, judged, strict=True)]
    return RetrievalReport(
        questions=len(judged),
        documents=snapshot.manifest.documents,
        chunks=snapshot.manifest.chunks,
        ndcg_at_10=round(mean([ndcg(ranking, gains, 10) for ranking, gains in pairs]), 4),
        recall_at_5=round(mean([recall(ranking, gains, 5) for ranking, gains in pairs]), 4),
        recall_at_10=round(mean([recall(ranking, gains, 10) for ranking, gains in pairs]), 4),
        recall_at_20=round(mean([recall(ranking, gains, 20) for ranking, gains in pairs]), 4),
        mrr=round(mean([reciprocal_rank(ranking, gains) for ranking, gains in pairs]), 4),
        latency_ms_p50=round(percentile(latencies, 0.50), 2),
        latency_ms_p95=round(percentile(latencies, 0.95), 2),
        latency_ms_p99=round(percentile(latencies, 0.99), 2),
    )
