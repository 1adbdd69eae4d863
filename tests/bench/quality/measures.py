"""What is measured of a draft, and what the figures of two variants say about each other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.evaluation.metrics import agreement, mean, paired_difference, token_f1
from assistant.kernel.conversation import RawDraft, Verdict
from assistant.text.alignment import hints_in
from assistant.text.sentences import split_sentences

METRICS = ("agreement", "token_f1", "support", "citations_gold", "marks_gold")
"""Shares from 0 to 1, more is better. The last is of marks that nobody is shown: a hint to whom a sentence is ascribed."""
ALLOWED_LOSS = 1.0
"""Points, of a hundred, by which the mean may be worse."""


class Row(NamedTuple):
    """A variant against the base in one metric; all but ``questions`` in points of a hundred.

    ``passes`` when the mean loses no more than ALLOWED_LOSS; ``loss_excluded`` when the whole interval does.
    """

    variant: str
    metric: str
    questions: int
    mean: float
    difference: float
    low: float
    high: float
    passes: bool
    loss_excluded: bool


def measure(raw: RawDraft, verdict: Verdict, gold: frozenset[str], reference: str) -> dict[str, float]:
    """The METRICS of one draft.

    Overlap is of the text as the model wrote it; support is the mean over the sentences that stand.
    ``citations_gold`` is the share of those sentences that cite a gold passage, ``marks_gold`` the share of the
    written ones whose own ``[n]`` names one; without any sentence both are 0.
    """
    written = split_sentences(raw.completion.text)
    numbered = dict(enumerate(raw.passages_used, start=1))
    return {
        "agreement": agreement(raw.completion.text, reference),
        "token_f1": token_f1(raw.completion.text, reference),
        "support": verdict.support,
        "citations_gold": mean(
            [float(any(c.passage_id in gold for c in sentence.citations)) for sentence in verdict.draft.sentences]
        ),
        "marks_gold": mean(
            [float(any(numbered.get(n) in gold for n in hints_in(sentence.text))) for sentence in written]
        ),
    }


def compare(variant: str, base: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> list[Row]:
    """A row for each metric. Both hold the same questions in the same order."""
    rows = []
    for metric in METRICS:
        figures = [item[metric] for item in other]
        gain = paired_difference([item[metric] for item in base], figures)
        difference, low, high = (round(100 * value, 2) for value in gain)
        rows.append(
            Row(
                variant=variant,
                metric=metric,
                questions=len(figures),
                mean=round(100 * mean(figures), 2),
                difference=difference,
                low=low,
                high=high,
                passes=difference >= -ALLOWED_LOSS,
                loss_excluded=low >= -ALLOWED_LOSS,
            )
        )
    return rows
