"""Feedback counted: by verdict and reason, and how far what was sent is from what was drafted."""

from collections import Counter
from collections.abc import Iterable

from rapidfuzz.distance import Levenshtein

from assistant.kernel.conversation import proposed
from assistant.kernel.learning import Lesson
from assistant.kernel.value import Value
from assistant.learning.export import discard_reason
from assistant.text.words import strip_citations, words


class FeedbackSummary(Value):
    """``changed`` is the mean share of words that were changed in the ``compared`` sent texts (0: sent as drafted)."""

    runs: int
    feedback: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    compared: int
    changed: float | None
    sent_as_drafted: int


def summarize_feedback(lessons: Iterable[Lesson]) -> FeedbackSummary:
    """Counts over ``lessons``, read once and not kept."""
    verdicts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    distances: list[float] = []
    runs = 0
    for lesson in lessons:
        runs += 1
        draft = proposed(lesson.run.decision)
        for given in lesson.feedback:
            verdicts[given.feedback.verdict] += 1
            if reason := discard_reason(given.feedback):
                reasons[reason] += 1
            if draft and given.feedback.sent_text.strip():
                distances.append(changed_share(draft, given.feedback.sent_text))
    return FeedbackSummary(
        runs=runs,
        feedback=verdicts.total(),
        verdicts=dict(verdicts.most_common()),
        reasons=dict(reasons.most_common()),
        compared=len(distances),
        changed=round(sum(distances) / len(distances), 3) if distances else None,
        sent_as_drafted=sum(distance == 0 for distance in distances),
    )


def changed_share(draft: str, sent: str) -> float:
    """Levenshtein's distance over lower-cased words, divided by the longer text's words: 0 equal, 1 nothing in common."""
    return Levenshtein.normalized_distance(_words(draft), _words(sent))


def _words(text: str) -> list[str]:
    return [word.lower() for word in words(strip_citations(text))]
