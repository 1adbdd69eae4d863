"""Question → Evidence: passages by meaning and by words, fused by rank, within the scope."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.conversation import Question
from assistant.kernel.knowledge import Evidence, Passage, Scope
from assistant.kernel.policy import RetrievalPolicy
from assistant.ports import Embedder, IndexReader, Snapshot
from assistant.text.sentences import split_sentences

Ranking = Sequence[tuple[str, float]]


def retrieve(
    question: Question, scope: Scope, index: IndexReader, embedder: Embedder, policy: RetrievalPolicy
) -> Evidence:
    """The best passages for ``question`` that ``scope`` may see; none when nothing is published or found."""
    snapshot = index.snapshot(scope.tenant)
    queries = question.search_queries()
    if snapshot is None or not queries:
        return Evidence(passages=(), generation=snapshot.manifest.generation if snapshot else 0, top_similarity=0.0)
    return search(queries, scope, snapshot, embedder, policy)


def search(
    queries: Sequence[str], scope: Scope, snapshot: Snapshot, embedder: Embedder, policy: RetrievalPolicy
) -> Evidence:
    """``retrieve`` for plain words on a given snapshot: each query ranks by meaning and by words, all are fused.

    A passage's similarity is to the query it is most similar to.
    """
    rankings: list[tuple[Ranking, float]] = []
    bm25: dict[str, float] = {}
    vectors = [embed_query(query, embedder) for query in queries]
    for query, vector in zip(queries, vectors, strict=True):
        lexical = snapshot.lexical(query, scope.audiences, policy.candidates)
        bm25 |= {chunk_id: max(score, bm25.get(chunk_id, 0.0)) for chunk_id, score in lexical}
        dense = snapshot.dense(vector, scope.audiences, policy.candidates)
        rankings += [(dense, 1.0), (lexical, policy.lexical_weight)]
    fused = fuse(rankings, policy.rrf_k)
    ids = [chunk_id for chunk_id, _ in fused]
    chunks = snapshot.chunks(scope.audiences, ids)
    similarities = [snapshot.similarities(vector, scope.audiences, ids) for vector in vectors]
    passages = [
        Passage(
            chunk=chunks[chunk_id],
            similarity=max(by_query[chunk_id] for by_query in similarities),
            lexical=bm25.get(chunk_id, 0.0),
            fused=score,
        )
        for chunk_id, score in fused
    ]
    passages.sort(key=lambda passage: (-passage.fused, -passage.similarity))
    top = max((passage.similarity for passage in passages), default=0.0)
    return Evidence(passages=_varied(passages, policy), generation=snapshot.manifest.generation, top_similarity=top)


def embed_query(query: str, embedder: Embedder) -> NDArray[np.float32]:
    """The query's unit vector, shape (dimension,).

    A query longer than the embedder reads is embedded in windows of whole sentences, whose mean stands
    for all of it: on long scenarios nDCG@10 .342, with only its beginning read .265 (2026-11-22).
    """
    if embedder.count_tokens([query])[0] <= embedder.identity.max_tokens:
        short: NDArray[np.float32] = embedder.embed([query])[0]
        return short
    total = embedder.embed(_windows(query, embedder, embedder.identity.max_tokens * 2 // 3)).sum(axis=0)
    vector: NDArray[np.float32] = total / np.linalg.norm(total)
    return vector


def _windows(query: str, embedder: Embedder, size: int) -> list[str]:
    """Whole sentences in runs of at most ``size`` tokens; a longer sentence is a run of its own."""
    sentences = [span.text for span in split_sentences(query)]
    windows: list[list[str]] = [[]]
    used = 0
    for sentence, tokens in zip(sentences, embedder.count_tokens(sentences), strict=True):
        if windows[-1] and used + tokens > size:
            windows.append([])
            used = 0
        windows[-1].append(sentence)
        used += tokens
    return [" ".join(window) for window in windows]


def fuse(rankings: Sequence[tuple[Ranking, float]], k: int) -> list[tuple[str, float]]:
    """Reciprocal rank fusion: the sum over rankings of weight / (k + rank), best first.

    Equal scores share a rank: ids, which would order them otherwise, depend on the folder a document was in.

    Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods", SIGIR 2009.
    """
    scores: dict[str, float] = {}
    for ranking, weight in rankings:
        rank, last = 0, float("nan")
        for place, (chunk_id, score) in enumerate(ranking, start=1):
            rank, last = (rank, last) if score == last else (place, score)
            scores[chunk_id] = scores.get(chunk_id, 0.0) + weight / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _varied(passages: Sequence[Passage], policy: RetrievalPolicy) -> tuple[Passage, ...]:
    """The best passages without copies of the same text, and not too many of one document."""
    kept: list[Passage] = []
    texts: set[str] = set()
    per_document: Counter[str] = Counter()
    for passage in passages:
        key = passage.chunk.document_key
        if passage.chunk.text in texts or per_document[key] >= policy.per_document:
            continue
        texts.add(passage.chunk.text)
        per_document[key] += 1
        kept.append(passage)
        if len(kept) == policy.shown:
            break
    return tuple(kept)
