"""How sure is sure enough? A probability that people accept a draft, and the threshold that keeps the error among accepted drafts.

The threshold is chosen by fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", 2021): from strict to
loose, each threshold's error is tested against the target with the exact binomial tail, and the last one before the first failure is
taken. With the stated confidence the true error does not exceed the target, for drafts of the same kind as those it was chosen on.
"""

import random
from collections.abc import Sequence
from math import log
from typing import NamedTuple

from assistant.evaluation.fitting import as_a_whole, fit_faithful
from assistant.evaluation.metrics import Interval, auroc, expected_calibration_error, mean
from assistant.evaluation.rated import RatedAnswer, as_drafted
from assistant.evaluation.regression import fit_logistic, halves
from assistant.kernel.calibration import Acceptance, Target, Threshold
from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.value import Value
from assistant.stages.appraise import appraise
from assistant.stages.verify import verify

STRENGTH = 0.05
"""Inverse strength of the L2 penalty on standardised features. What it shrinks too far, the second regression stretches."""
LOOSE = 1e6
"""The same where hardly anything is to be shrunk: two numbers from many rows."""
FOLDS = 5
FIRST = 0.3
"""The strictest threshold that is tested accepts this share of the drafts, or the fewest that can pass: one wrong draft among the very best
would otherwise end the sequence at its start."""


class Judged(NamedTuple):
    """A draft with its features, and whether it is ``acceptable``. Drafts of one ``group`` are alike."""

    group: str
    features: dict[str, float]
    acceptable: bool


class Scored(NamedTuple):
    """A fit to all drafts, and the probability of each by a fit that has not seen its group."""

    fit: Logistic
    probabilities: list[float]


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


def judged(rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, seed: int = 0) -> list[Judged]:
    """What people rated, as drafts; how faithful each is comes from a fit to the other half of the conversations."""
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
        found.append(Judged(row.asked, features, row.acceptable))
    return found


def calibrate(drafts: Sequence[Judged], target: Target, seed: int = 0) -> Acceptance:
    """Fit and threshold from all ``drafts``. Raises InputError when they are all acceptable, or none is."""
    scored = score(drafts, seed)
    return Acceptance(fit=scored.fit, target=target, threshold=choose(scored.probabilities, _labels(drafts), target))


def score(drafts: Sequence[Judged], seed: int = 0) -> Scored:
    """Probabilities by cross-fitting over groups, made honest by a second regression on the first one's log-odds (Platt, 1999).

    Both regressions together are one again, so that what decides stays readable.
    """
    fold = _folds(drafts, seed)
    odds = [0.0] * len(drafts)
    for held_out in range(FOLDS):
        fit = _fit([one for one, place in zip(drafts, fold, strict=True) if place != held_out])
        for at, one in enumerate(drafts):
            if fold[at] == held_out:
                odds[at] = _log_odds(fit, one)
    honest = fit_logistic([{"odds": each} for each in odds], _labels(drafts), LOOSE, "drafts")
    slope = max(honest.weights["odds"], 0.0)  # Turned round, what people like least would be accepted.
    honest = honest.model_copy(update={"weights": {"odds": slope}})
    whole = _fit(drafts)
    stretched = Logistic(
        intercept=honest.intercept + slope * whole.intercept,
        weights={name: slope * weight for name, weight in whole.weights.items()},
    )
    return Scored(stretched, [honest.probability({"odds": each}) for each in odds])


def choose(probabilities: Sequence[float], acceptable: Sequence[bool], target: Target) -> Threshold | None:
    """The loosest threshold that passes, and so do all stricter ones that are tested; None when the first fails."""
    from scipy.stats import binom  # Slow to import, and needed here alone.

    ordered = sorted(zip(probabilities, acceptable, strict=True), key=lambda pair: -pair[0])
    found, wrong = None, 0
    first = max(target.fewest, int(FIRST * len(ordered)))
    for accepted, (probability, good) in enumerate(ordered, start=1):
        wrong += not good
        goes_on = accepted < len(ordered) and ordered[accepted][0] == probability
        if accepted < first or goes_on:
            continue
        if binom.cdf(wrong, accepted, target.error) > 1 - target.confidence:
            break
        found = Threshold(probability=probability, accepted=accepted, wrong=wrong)
    return found


def evaluate_calibration(
    drafts: Sequence[Judged], errors: Sequence[float], confidence: float, resplits: int, seed: int = 0
) -> CalibrationReport:
    """Part the groups in two, ``resplits`` times; fit and choose on one part, look what comes true on the other."""
    chances: list[float] = []
    labels: list[bool] = []
    outcomes: list[list[_Outcome]] = [[] for _ in errors]
    for way in range(resplits):
        half, _ = halves((one.group for one in drafts), seed + way)
        mine = [one for one in drafts if one.group in half]
        others = [one for one in drafts if one.group not in half]
        scored = score(mine, seed + way)
        new, truth = [scored.fit.probability(one.features) for one in others], _labels(others)
        chances, labels = (new, truth) if way == 0 else (chances, labels)
        for place, error in enumerate(errors):
            threshold = choose(scored.probabilities, _labels(mine), Target(error=error, confidence=confidence))
            least = threshold.probability if threshold else float("inf")
            accepted = [(chance, label) for chance, label in zip(new, truth, strict=True) if chance >= least]
            outcomes[place].append(_outcome(accepted, len(others)))
    share = mean(_labels(drafts))
    return CalibrationReport(
        drafts=len(drafts),
        acceptable=sum(_labels(drafts)),
        auroc=auroc(chances, labels),
        realised=tuple(
            Realised(
                target=error,
                kept=round(mean([one.wrong <= error for one in some]), 3),
                chosen=round(mean([one.coverage > 0 for one in some]), 3),
                error=round(mean([one.wrong for one in some]), 4),
                coverage=round(mean([one.coverage for one in some]), 4),
                calibration_error=round(mean([one.calibration_error for one in some if one.coverage]), 4),
                possible=round(min(1.0, share / (1 - error)), 4),
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


def _labels(drafts: Sequence[Judged]) -> list[bool]:
    return [one.acceptable for one in drafts]


def _folds(drafts: Sequence[Judged], seed: int) -> list[int]:
    """The fold of each draft, those of a group in one. Raises InputError when a fold would have nothing to learn from."""
    groups = sorted({one.group for one in drafts})
    random.Random(seed).shuffle(groups)
    place = {group: at % FOLDS for at, group in enumerate(groups)}
    fold = [place[one.group] for one in drafts]
    for held_out in range(FOLDS):
        left = {one.acceptable for one, at in zip(drafts, fold, strict=True) if at != held_out}
        if len(left) < 2:
            raise InputError(
                f"{len(drafts)} drafts of {len(groups)} questions are too few to learn from, or all of one kind",
                fix="Add drafts that people accepted and drafts that they did not.",
                field="rows",
            )
    return fold


def _fit(drafts: Sequence[Judged]) -> Logistic:
    return fit_logistic([one.features for one in drafts], _labels(drafts), STRENGTH, "drafts")


def _log_odds(fit: Logistic, draft: Judged) -> float:
    chance = fit.probability(draft.features)
    return log(chance / (1 - chance))
