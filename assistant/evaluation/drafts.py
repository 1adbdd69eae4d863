"""What does the whole pipeline do with labelled questions? Decisions by answerability, support, tiers, cost."""

from collections import Counter
from collections.abc import Callable, Sequence

from assistant.evaluation.formats import Query
from assistant.evaluation.metrics import agreement, mean, percentile
from assistant.kernel.conversation import Answer
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Run
from assistant.kernel.value import Value
from assistant.pipeline import Desk, answer


class DraftOutcome(Value):
    """One question's end. ``agreement`` is the share of the reference answer's content words in the draft."""

    id: str
    answerability: str
    decision: str
    tier: str
    reasons: tuple[str, ...]
    support: float
    agreement: float | None
    question: str
    draft: str
    reference: str
    seconds: float
    run_id: str


class DraftsReport(Value):
    """``answered_share`` and ``agreement`` are by label; tokens are sums over all attempts."""

    questions: int
    decisions: dict[str, dict[str, int]]
    answered_share: dict[str, float]
    agreement: dict[str, float]
    handoff_reasons: dict[str, int]
    tiers: dict[str, int]
    attempts_per_question: float
    sentence_support: float
    sentences_cited: float
    seconds_p50: float
    seconds_p95: float
    prompt_tokens: int
    reused_tokens: int
    completion_tokens: int
    outcomes: tuple[DraftOutcome, ...]


def evaluate_drafts(
    queries: Sequence[Query],
    desk: Desk,
    scope: Scope,
    record: Callable[[Run], None],
    on_progress: Callable[[int], None] = lambda _: None,
) -> DraftsReport:
    """Answer every question with the real pipeline and count what came of it."""
    runs: list[tuple[Query, Run]] = []
    for query in queries:
        run = answer(query.ticket, scope, desk)
        record(run)
        runs.append((query, run))
        on_progress(1)
    outcomes = [_outcome(query, run) for query, run in runs]
    labels = sorted({query.answerability for query in queries})
    by_label = {label: [outcome for outcome in outcomes if outcome.answerability == label] for label in labels}
    completions = [attempt.raw.completion for _, run in runs for attempt in run.attempts]
    seconds = [outcome.seconds for outcome in outcomes]
    sentences = [s for _, run in runs if isinstance(run.decision, Answer) for s in run.decision.draft.sentences]
    return DraftsReport(
        questions=len(outcomes),
        decisions={label: dict(Counter(o.decision for o in group)) for label, group in by_label.items()},
        answered_share={
            label: round(mean([o.decision == "answer" for o in group]), 3) for label, group in by_label.items()
        },
        agreement={
            label: round(mean([o.agreement for o in group if o.agreement is not None]), 3)
            for label, group in by_label.items()
        },
        handoff_reasons=dict(Counter(o.reasons[0] for o in outcomes if o.decision == "handoff").most_common()),
        tiers=dict(Counter(o.tier for o in outcomes if o.decision == "answer")),
        attempts_per_question=round(len(completions) / len(outcomes), 2) if outcomes else 0.0,
        sentence_support=round(mean([sentence.support for sentence in sentences]), 3),
        sentences_cited=round(mean([float(bool(sentence.citations)) for sentence in sentences]), 3),
        seconds_p50=round(percentile(seconds, 0.5), 2),
        seconds_p95=round(percentile(seconds, 0.95), 2),
        prompt_tokens=sum(completion.prompt_tokens for completion in completions),
        reused_tokens=sum(completion.reused_tokens for completion in completions),
        completion_tokens=sum(completion.completion_tokens for completion in completions),
        outcomes=tuple(outcomes),
    )


def _outcome(query: Query, run: Run) -> DraftOutcome:
    decision = run.decision
    draft = decision.draft if isinstance(decision, Answer) else None
    return DraftOutcome(
        id=query.id,
        answerability=query.answerability,
        decision=decision.kind,
        tier=draft.tier.value if draft else "",
        reasons=tuple(decision.reasons),
        support=run.attempts[-1].verdict.support if run.attempts else 0.0,
        agreement=round(agreement(draft.text, query.reference), 3) if draft and query.reference else None,
        question=run.question.text,
        draft=draft.text if draft else "",
        reference=query.reference,
        seconds=run.timings_ms["total"] / 1000,
        run_id=run.id,
    )
