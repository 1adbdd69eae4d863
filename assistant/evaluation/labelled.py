"""Drafts with a label: from trials on questions with reference answers, and from what people said of drafts they were shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from assistant.evaluation.formats import Query
from assistant.evaluation.judge import Judge
from assistant.evaluation.thresholds import Case, Judged
from assistant.evaluation.trials import Trial
from assistant.kernel.calibration import Basis
from assistant.kernel.conversation import Answer, Tier
from assistant.kernel.learning import Lesson
from assistant.kernel.runs import Run, approved
from assistant.text.comparison import compare_with_run
from assistant.text.words import strip_citations

UNANSWERABLE = frozenset({"unanswerable", "underspecified"})
"""No draft for such a question is acceptable: it has to go to a person, or back to the customer."""


def can_be_judged(query: Query) -> bool:
    """Whether it is known what a draft for it should say."""
    return query.answerability in UNANSWERABLE or (bool(query.reference) and query.answerability != "conversational")


def conversation(query_id: str) -> str:
    """Questions of one are alike: mtRAG's ids are ``CONVERSATION<::>TURN``."""
    return query_id.split("<::>", maxsplit=1)[0]


def cases_of_trials(
    queries: Sequence[Query],
    trials: Mapping[str, Sequence[Trial]],
    judge: Judge,
    untried: Collection[tuple[str, Tier]] = frozenset(),
) -> list[Case]:
    """Each question that can be judged, with the drafts that the checks let stand in the order the cascade tries them, but those of tiers
    that are ``untried`` for it.
    """
    return [
        Case(
            conversation(query.id),
            tuple(drafts_of(query, [one for one in trials[query.id] if (query.id, one.tier) not in untried], judge)),
        )
        for query in queries
        if can_be_judged(query)
    ]


def drafts_of(query: Query, trials: Iterable[Trial], judge: Judge) -> Iterable[Judged]:
    """The drafts that the checks let stand, each with whether it is acceptable."""
    for trial in trials:
        for attempt in trial.run.attempts:
            if attempt.stood:
                text = strip_citations(attempt.verdict.draft.text)
                good = query.answerability not in UNANSWERABLE and judge.accepts(
                    text, query.reference, attempt.features["faithfulness"]
                )
                yield Judged(attempt.features, good, trial.tier)


def cases_of_feedback(lessons: Iterable[Lesson], basis: Basis) -> list[Case]:
    """Each ticket whose answer people judged, with that draft; what was made with other models, prompts, policy or embedder is left out.

    Only drafts that were shown as answers are judged by anybody: a threshold chosen on them can be stricter than the one they
    were accepted by, never looser.
    """
    return [
        case
        for lesson in lessons
        if isinstance(lesson.run.decision, Answer) and _made_with(lesson.run, basis)
        for case in _case(lesson)
    ]


def _case(lesson: Lesson) -> Iterable[Case]:
    run, last = lesson.run, lesson.feedback[-1].feedback
    compared = compare_with_run(run, last.sent_text)
    good = approved(last.verdict, compared.similarity if compared else None)
    attempt = run.attempts[-1]
    if good is not None and attempt.features:
        yield Case(run.ticket_id or run.id, (Judged(attempt.features, good, attempt.raw.tier),))


def _made_with(run: Run, basis: Basis) -> bool:
    made, tier = run.manifest, run.attempts[-1].raw.tier
    same = (made.prompt_sha256, made.policy_sha256, made.embedder_sha256) == (
        basis.prompt,
        basis.policy,
        basis.embedder,
    )
    return same and _model(run, tier) in basis.models.get(tier, "")


def _model(run: Run, tier: Tier) -> str:
    card = next(attempt.raw.model for attempt in run.attempts if attempt.raw.tier is tier)
    return card.sha256 or card.name
