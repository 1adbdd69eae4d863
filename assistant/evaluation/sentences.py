"""How much of an answer is left when passages are cut down to the sentences that matter, against what is left to read."""

from collections.abc import Callable, Mapping, Sequence

from assistant.evaluation.formats import Query
from assistant.evaluation.metrics import mean
from assistant.kernel.conversation import Question
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Passage, Scope
from assistant.kernel.policy import SelectPolicy
from assistant.kernel.value import Value
from assistant.pipeline import Desk
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.stages.select import select
from assistant.text.words import content_stems

SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


class Kept(Value):
    """Means over questions. ``answer`` is the share of the reference answer's content words that gold passages hold and that
    is still there, ``tokens`` that of all passages' tokens.
    """

    aim: str
    answer: float
    tokens: float


class SentencesReport(Value):
    """``questions`` are those with a reference answer of which a gold passage was found among the first ones."""

    questions: int
    kept: tuple[Kept, ...]


class _Case(Value):
    question: Question
    passages: tuple[Passage, ...]
    gold: frozenset[str]
    wanted: frozenset[str]
    """Stems of the reference answer that are in a gold passage."""


def evaluate_sentences(
    queries: Sequence[Query],
    qrels: Mapping[str, Mapping[str, float]],
    desk: Desk,
    scope: Scope,
    document_id: Callable[[str], str],
) -> SentencesReport:
    """Cut what is found for each question to a share of its tokens, and as the policy says. Raises InputError when no
    question has judgements and a reference answer.
    """
    cases = [
        case
        for query in queries
        if query.reference and query.id in qrels
        for case in _case(query, qrels[query.id], desk, scope, document_id)
    ]
    if not cases:
        raise InputError(
            "no question has both a judgement and a reference answer",
            fix="Check that ids in queries and qrels are the same, and that rows have a reference_answer.",
            field="queries",
        )
    aims = [(f"{share:.0%} of the tokens", _share_of(desk.policy.select, share)) for share in SHARES]
    aims.append((f"policy {desk.policy.name}", lambda _: desk.policy.select))
    return SentencesReport(questions=len(cases), kept=tuple(_kept(aim, cases, policy) for aim, policy in aims))


def _case(
    query: Query, gains: Mapping[str, float], desk: Desk, scope: Scope, document_id: Callable[[str], str]
) -> list[_Case]:
    question = redact(query.ticket, desk.default_language)
    evidence = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval, desk.reranker)
    passages = evidence.passages[: desk.policy.generate.passages]
    gold = frozenset(p.chunk.id for p in passages if gains.get(document_id(p.chunk.document_key), 0.0) > 0)
    wanted = frozenset(content_stems(query.reference, question.language)) & _stems(passages, gold, question.language)
    return [_Case(question=question, passages=passages, gold=gold, wanted=wanted)] if wanted else []


def _share_of(policy: SelectPolicy, share: float) -> Callable[[_Case], SelectPolicy]:
    def cut(case: _Case) -> SelectPolicy:
        tokens = sum(passage.chunk.tokens for passage in case.passages)
        return policy.model_copy(update={"passage_tokens": max(1, int(share * tokens / len(case.passages)))})

    return cut


def _kept(aim: str, cases: Sequence[_Case], policy: Callable[[_Case], SelectPolicy]) -> Kept:
    answer, tokens = [], []
    for case in cases:
        passages = select(case.question, case.passages, policy(case))
        left = _stems(passages, case.gold, case.question.language)
        answer.append(len(case.wanted & left) / len(case.wanted))
        tokens.append(sum(p.chunk.tokens for p in passages) / sum(p.chunk.tokens for p in case.passages))
    return Kept(aim=aim, answer=round(mean(answer), 3), tokens=round(mean(tokens), 3))


def _stems(passages: Sequence[Passage], gold: frozenset[str], language: str) -> frozenset[str]:
    return frozenset(stem for p in passages if p.chunk.id in gold for stem in content_stems(p.chunk.text, language))
