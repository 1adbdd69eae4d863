"""Do thresholds keep what they promise? Rated answers are parted in two again and again; what is chosen on one part is looked at on the other."""

from collections.abc import Sequence
from typing import NamedTuple

from assistant.evaluation.fitting import as_a_whole, fit_faithful
from assistant.evaluation.metrics import Interval, auroc, expected_calibration_error, mean
from assistant.evaluation.rated import RatedAnswer, as_drafted
from assistant.evaluation.regression import halves
from assistant.evaluation.thresholds import Case, Judged, by_fits, choose, score
from assistant.kernel.calibration import Target
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.value import Value
from assistant.stages.appraise import appraise
from assistant.stages.verify import verify


class Realised(Value):
    """What came of one target over many ways to part the drafts in two, a threshold being chosen on one part and used on the other.

    ``kept`` is the share of ways in which the error did not exceed the target, ``chosen`` in which anything was accepted; ``error`` and
    ``coverage`` are means (nothing accepted is 0 of both); ``possible`` is the most that could be accepted: (1 - wrong) / (1 - target) of
    all, which nobody can exceed whatever they know. ``calibration_error`` is of the accepted.
    """

    target: float
    kept: float
    chosen: float
    error: float
    coverage: float
    possible: float
    calibration_error: float


class CalibrationReport(Value):
    """``auroc`` is of one half by a fit to the other."""

    drafts: int
    acceptable: int
    auroc: Interval
    realised: tuple[Realised, ...]
    confidence: float
    resplits: int
    seed: int


def judged(rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, seed: int = 0) -> list[Case]:
    """What people rated, each a case with one draft; how faithful each is comes from a fit to the other half of the conversations."""
    whole = [as_a_whole(row, language) for row in rows]
    one, other = halves((row.conversation for row in rows), seed)
    faithful = {
        half: fit_faithful([each for each in whole if each.row.conversation not in half]) for half in (one, other)
    }
    found = []
    for row in rows:
        fit = policy.fit.model_copy(update={"faithful": faithful[one if row.conversation in one else other]})
        drafted = as_drafted(row, row.response, language)
        verdict = verify(drafted.question, drafted.raw, drafted.evidence, policy.model_copy(update={"fit": fit}))
        features = appraise(drafted.question, drafted.raw, verdict, drafted.evidence.passages)
        found.append(Case(row.asked, (Judged(features, row.acceptable),)))
    return found


def evaluate_calibration(
    cases: Sequence[Case], errors: Sequence[float], confidence: float, resplits: int, seed: int = 0
) -> CalibrationReport:
    """Part the groups of ``cases``, of one draft each, in two, ``resplits`` times; fit and choose on one part, look what comes true on
    the other. Raises InputError as ``score`` does.
    """
    first: list[tuple[float, bool]] = []
    outcomes: list[list[_Outcome]] = [[] for _ in errors]
    for way in range(resplits):
        half, _ = halves((one.group for one in cases), seed + way)
        mine = [one for one in cases if one.group in half]
        others = [one for one in cases if one.group not in half]
        scored = score(mine, seed + way)
        truth = [one.drafts[0].acceptable for one in others]
        chances = [(of[0], label) for of, label in zip(by_fits(others, scored.fits), truth, strict=True)]
        first = first or chances
        for place, error in enumerate(errors):
            threshold = choose(mine, scored.probabilities, Target(error=error, confidence=confidence))
            least = threshold.probability if threshold else float("inf")
            outcomes[place].append(_outcome([one for one in chances if one[0] >= least], len(others)))
    labels = [one.drafts[0].acceptable for one in cases]
    return CalibrationReport(
        drafts=len(cases),
        acceptable=sum(labels),
        auroc=auroc([chance for chance, _ in first], [label for _, label in first]),
        realised=tuple(
            Realised(
                target=error,
                kept=round(mean([one.wrong <= error for one in some]), 3),
                chosen=round(mean([one.coverage > 0 for one in some]), 3),
                error=round(mean([one.wrong for one in some]), 4),
                coverage=round(mean([one.coverage for one in some]), 4),
                calibration_error=round(mean([one.calibration_error for one in some if one.coverage]), 4),
                possible=round(min(1.0, mean(labels) / (1 - error)), 4),
            )
            for error, some in zip(errors, outcomes, strict=True)
        ),
        confidence=confidence,
        resplits=resplits,
        seed=seed,
    )


class _Outcome(NamedTuple):
    wrong: float
    coverage: float
    calibration_error: float


def _outcome(accepted: Sequence[tuple[float, bool]], of: int) -> _Outcome:
    chances, labels = [chance for chance, _ in accepted], [label for _, label in accepted]
    return _Outcome(
        wrong=mean([not label for label in labels]),
        coverage=len(accepted) / of,
        calibration_error=expected_calibration_error(chances, labels),
    )
