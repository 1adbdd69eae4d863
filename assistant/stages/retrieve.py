"""Question → Evidence: passages by meaning and by words, both scores together, within the scope."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.conversation import Question
from assistant.kernel.knowledge import Chunk, Evidence, Passage, Scope
from assistant.kernel.policy import RerankPolicy, RetrievalPolicy
from assistant.ports import Embedder, IndexReader, Reranker, Snapshot
from assistant.text.reading import steps_go_on
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems

MAX_CHARS = 12_000
"""Of a turn. Nobody asks for longer; a log pasted into a ticket has its end looked at."""


MAX_REPLY_CHARS = 300
"""Of a reply its end: mtRAG dev nDCG@10 .821, with all of it .819, without it .809, and it is most of what is embedded (2026-11-23)."""
READ_AT_ONCE = 50
COMPARED = 4
"""So many passages go into a prompt: the last of them tells how sure the order is."""
RERANKED_LANGUAGE = "en"
KEPT_FIRST, MAX_ASKS = 2, 4
"""Of a message of up to so many questions and nothing else, each question's best passage comes right after the first two."""


class Scored(NamedTuple):
    """A chunk that was found, with its cosine, its BM25 and both together."""

    chunk_id: str
    similarity: float
    lexical: float
    fused: float


class Said(NamedTuple):
    """Something that was said, and how much it counts for what is looked for: by its meaning, and by its words."""

    text: str
    meaning: float = 1.0
    words: float = 1.0


def retrieve(
    question: Question,
    scope: Scope,
    index: IndexReader,
    embedder: Embedder,
    policy: RetrievalPolicy,
    reranker: Reranker | None = None,
) -> Evidence:
    """The best passages for ``question`` that ``scope`` may see; none when nothing is published or found."""
    snapshot = index.snapshot(scope.tenant)
    said = _said(question, policy)
    if snapshot is None or not said:
        return Evidence(passages=(), generation=snapshot.manifest.generation if snapshot else 0, top_similarity=0.0)
    asks = [[Said(ask)] for ask in question.asks] if _only_asks(question) else []
    vector, *vectors = _meanings([said, *asks], embedder)
    evidence = _search(said, vector, question.language, scope, snapshot, embedder, policy, reranker)
    if not asks:
        return evidence.model_copy(update={"passages": _completed(evidence.passages, scope, snapshot, policy)})
    asked = [
        _search(ask, vector, question.language, scope, snapshot, embedder, policy)
        for ask, vector in zip(asks, vectors, strict=True)
    ]
    top = max(found.top_similarity for found in (evidence, *asked))
    passages = _varied(_with_best(evidence.passages, asked), policy)
    passages = _completed(passages, scope, snapshot, policy)
    return evidence.model_copy(update={"passages": passages, "top_similarity": top})


def search(
    said: Sequence[Said],
    language: str,
    scope: Scope,
    snapshot: Snapshot,
    embedder: Embedder,
    policy: RetrievalPolicy,
    reranker: Reranker | None = None,
) -> Evidence:
    """``retrieve`` on a given snapshot, for what was said in ``language``, the newest first."""
    [vector] = _meanings([said], embedder)
    return _search(said, vector, language, scope, snapshot, embedder, policy, reranker)


def _search(
    said: Sequence[Said],
    vector: NDArray[np.float32],
    language: str,
    scope: Scope,
    snapshot: Snapshot,
    embedder: Embedder,
    policy: RetrievalPolicy,
    reranker: Reranker | None = None,
) -> Evidence:
    found = dict(snapshot.lexical(_words(said, language), scope.audiences, policy.candidates))
    near = dict(snapshot.dense(vector, scope.audiences, policy.candidates))
    ids = [*near, *(chunk_id for chunk_id in found if chunk_id not in near)]
    near |= snapshot.similarities(vector, scope.audiences, [chunk_id for chunk_id in ids if chunk_id not in near])
    near |= dict.fromkeys((chunk_id for chunk_id in ids if chunk_id not in near), 0.0)  # Not embedded yet.
    fused = fuse(near, found, policy.dense_share)
    if policy.feedback.passages and len(content_stems(said[0].text, language)) >= policy.feedback.min_words:
        best = snapshot.chunks(
            scope.audiences, sorted(fused, key=lambda each: -fused[each])[: policy.feedback.passages]
        )
        towards = _towards(list(best.values()), vector, embedder, policy.feedback.weight)
        fused = fuse(near | snapshot.similarities(towards, scope.audiences, ids), found, policy.dense_share)
    passages = _best(
        [Scored(each, near[each], found.get(each, 0.0), fused[each]) for each in ids], scope, snapshot, policy
    )
    top = max(near.values(), default=0.0)
    if reranker is not None and _pays(said, language, passages, policy.rerank):
        passages = _reranked(said[0].text, passages, reranker, policy.rerank)
    return Evidence(passages=_varied(passages, policy), generation=snapshot.manifest.generation, top_similarity=top)


def _towards(
    best: Sequence[Chunk], vector: NDArray[np.float32], embedder: Embedder, weight: float
) -> NDArray[np.float32]:
    """``vector`` moved towards what was found with it (Rocchio's feedback, in Salton, "The SMART Retrieval System", 1971).

    A story of 300 words needs many documents, and the best ones tell what else belongs to it: banking dev nDCG@10 .413 → .430, for
    3 to 8 passages and weights of .2 to .8 never below .415. A question that one passage answers is led astray: mtRAG dev .823 → .814
    (2026-11-23).
    """
    found = (
        np.mean(embedder.embed([chunk.embedding_text() for chunk in best]), axis=0) if best else np.zeros_like(vector)
    )
    return _unit(vector + weight * found)


def _best(scored: Sequence[Scored], scope: Scope, snapshot: Snapshot, policy: RetrievalPolicy) -> list[Passage]:
    """The best passages first: of hundreds that were scored, no more are read than it takes to have enough of them."""
    order = sorted(scored, key=lambda each: (-each.fused, -each.similarity))
    passages: list[Passage] = []
    for start in range(0, len(order), READ_AT_ONCE):
        some = order[start : start + READ_AT_ONCE]
        chunks = snapshot.chunks(scope.audiences, [each.chunk_id for each in some])
        passages += [_passage(each, chunks[each.chunk_id], policy) for each in some]
        passages.sort(key=lambda passage: (-passage.fused, -passage.similarity))
        sure = [
            passage for passage in passages if passage.fused > some[-1].fused
        ]  # What is outdated may sink below others.
        if len(sure) >= policy.rerank.passages and len(_varied(sure, policy)) == policy.shown:
            return sure
    return passages


def _passage(scored: Scored, chunk: Chunk, policy: RetrievalPolicy) -> Passage:
    kept = policy.outdated if chunk.outdated else 1.0
    return Passage(chunk=chunk, similarity=scored.similarity, lexical=scored.lexical, fused=scored.fused * kept)


def _pays(said: Sequence[Said], language: str, passages: Sequence[Passage], policy: RerankPolicy) -> bool:
    """Whether a reranker is worth its time on this question.

    Cross-encoders were made for questions that stand alone, in English. Of two turns they read both and prefer what answers
    the older one; of "And how much?" they know nothing. On mtRAG dev, added to the score of the best ten: .825 →
    .836 for all questions; from four content words on +.02 to +.03, below -.015; where the fourth passage is close to the
    first +.034, else nothing. By this rule .8415, with half of the questions read (2026-11-23). The first question of
    a conversation stands alone however short it is.
    """
    if language != RERANKED_LANGUAGE or len(passages) < COMPARED or not policy.passages:
        return False
    close = passages[0].fused - passages[COMPARED - 1].fused <= policy.max_lead
    words = len(content_stems(said[0].text, language))
    return close and (len(said) == 1 or words >= policy.min_words) and words <= policy.max_words


def _reranked(newest: str, passages: Sequence[Passage], reranker: Reranker, policy: RerankPolicy) -> list[Passage]:
    """The best passages in a new order, the others below them."""
    best = passages[: policy.passages]
    texts = [f"{passage.chunk.title}\n{passage.chunk.text}".strip() for passage in best]
    read = [
        passage.model_copy(update={"reranked": score})
        for passage, score in zip(best, reranker.score(newest, texts), strict=True)
    ]
    read.sort(key=lambda each: (each.chunk.outdated, -(each.fused + policy.weight * (each.reranked or 0.0))))
    return [*read, *passages[policy.passages :]]


def embed_query(query: str, embedder: Embedder) -> NDArray[np.float32]:
    """The query's unit vector, shape (dimension,)."""
    return _meanings([[Said(query)]], embedder)[0]


def fuse(near: Mapping[str, float], found: Mapping[str, float], dense_share: float) -> dict[str, float]:
    """Cosine and BM25 of each chunk, each as a share of the best one, in a convex combination.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023, find it better than
    the reciprocal ranks that are used elsewhere; here nDCG@10 .823 against .811 (mtRAG dev, 2026-11-22).
    """
    nearest, most = max(near.values(), default=0.0), max(found.values(), default=0.0)
    return {
        chunk_id: dense_share * (similarity / nearest if nearest > 0 else 0.0)
        + (1 - dense_share) * (found.get(chunk_id, 0.0) / most if most > 0 else 0.0)
        for chunk_id, similarity in near.items()
    }


def _said(question: Question, policy: RetrievalPolicy) -> list[Said]:
    """The customer's turns, each counting for less the older it is, and the last reply, whose meaning helps a little."""
    weights = [policy.older_turn**age for age in range(policy.turns)]
    said = [Said(turn[-MAX_CHARS:], weight, weight) for turn, weight in zip(question.turns(), weights, strict=False)]
    if said and question.reply and policy.reply:
        said.append(Said(question.reply[-MAX_REPLY_CHARS:], policy.reply, 0.0))
    return said


def _only_asks(question: Question) -> bool:
    """Whether the last message is several questions and nothing else: what is found for all may leave one without."""
    several = 1 < len(question.asks) <= MAX_ASKS
    said = question.text.removeprefix(question.subject)
    return several and "".join("".join(question.asks).split()) == "".join(said.split())


def _with_best(passages: Sequence[Passage], asked: Sequence[Evidence]) -> tuple[Passage, ...]:
    """``passages`` with the best one of each in ``asked`` right after the first two."""
    best = [found.passages[0] for found in asked if found.passages]
    by_id = {passage.chunk.id: passage for passage in (*best, *passages)}
    order = dict.fromkeys(passage.chunk.id for passage in (*passages[:KEPT_FIRST], *best, *passages))
    return tuple(by_id[chunk_id] for chunk_id in order)


def _completed(
    passages: Sequence[Passage], scope: Scope, snapshot: Snapshot, policy: RetrievalPolicy
) -> tuple[Passage, ...]:
    """``passages`` with the rest of the steps that one of the first ``policy.completed`` breaks off, or begins amid, beside it.

    Only steps: as a rule the next passage by score has more of the answer than a neighbour has (decision 027).
    """
    first = passages[: policy.completed]
    beside = snapshot.beside(scope.audiences, [passage.chunk.id for passage in first]) if first else {}
    whole: list[Passage] = []
    for passage in first:
        around = [passage.model_copy(update={"chunk": chunk}) for chunk in beside.get(passage.chunk.id, ())]
        whole += [near for near in around if _goes_on(near.chunk, passage.chunk)]
        whole.append(passage)
        whole += [near for near in around if _goes_on(passage.chunk, near.chunk)]
    by_id = {passage.chunk.id: passage for passage in (*reversed(whole), *passages)}
    order = dict.fromkeys(passage.chunk.id for passage in (*whole, *passages))
    return _varied([by_id[chunk_id] for chunk_id in order], policy)


def _goes_on(before: Chunk, after: Chunk) -> bool:
    follows = after.ordinal == before.ordinal + 1 and after.heading_path == before.heading_path
    return follows and steps_go_on(before.text, after.text)


def _meanings(several: Sequence[Sequence[Said]], embedder: Embedder) -> list[NDArray[np.float32]]:
    """The unit vector of all that was said, shape (dimension,), of each in ``several``.

    What is longer than the embedder reads is embedded in windows of whole sentences, whose mean stands for all
    of it: on long scenarios nDCG@10 .342, with only its beginning read .265 (2026-11-22).
    """
    limit = embedder.identity.max_tokens
    parts = [part for said in several for part in said]
    pieces = [
        [part.text] if tokens <= limit else _windows(part.text, embedder, limit * 2 // 3)
        for part, tokens in zip(parts, embedder.count_tokens([part.text for part in parts]), strict=True)
    ]
    vectors = iter(embedder.embed([piece for some in pieces for piece in some]))
    meant = iter(
        [
            part.meaning * _unit(np.sum(list(islice(vectors, len(some))), axis=0))
            for part, some in zip(parts, pieces, strict=True)
        ]
    )
    return [_unit(np.sum(list(islice(meant, len(said))), axis=0)) for said in several]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    unit: NDArray[np.float32] = vector / length if length else vector
    return unit


def _words(said: Sequence[Said], language: str) -> dict[str, float]:
    """The stems of all that was said, and what each counts: each time it was said.

    In scenarios of 300 words what is said once is mostly beside the point: counted by times nDCG@10 .356, once .214 (banking dev,
    2026-11-22).
    """
    counted: defaultdict[str, float] = defaultdict(float)
    for part in said:
        for stem in content_stems(part.text, language) if part.words else ():
            counted[stem] += part.words
    return counted


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
