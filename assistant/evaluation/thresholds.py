"""How sure is sure enough? A probability that people accept a draft, and the threshold that keeps the error among accepted drafts.

The threshold is chosen by fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", 2021): from strict to
loose, each threshold's error is tested against the target with the exact binomial tail, and the last one before the first failure is
taken. With the stated confidence the true error does not exceed the target, for questions of the same kind as those it was chosen on. That
holds exactly for probabilities that come from elsewhere; here they come from fits to the other folds of the same labels, which keeps the
target as often as promised in every measurement there is (decision 029, and simulated in the tests).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import log
from typing import NamedTuple

from assistant.evaluation.regression import fit_logistic
from assistant.kernel.calibration import Target, Threshold
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic

STRENGTH = 0.03
"""Inverse strength of the L2 penalty on standardised features. What it shrinks too far, the second regression stretches."""
LOOSE = 1e6
"""The same where hardly anything is to be shrunk: two numbers from many rows."""
FOLDS = 5
START = 0.1
"""The strictest threshold that is tested answers this share of the questions, or the fewest that can pass: one wrong draft among the very
best would otherwise end the sequence at its start."""
STEPS = 200
"""At most so many thresholds are tested."""


class Judged(NamedTuple):
    """A draft that the checks let stand, with its features, and whether it is ``acceptable``."""

    features: dict[str, float]
    acceptable: bool
    tier: Tier = Tier.SMALL


class Case(NamedTuple):
    """A question with the drafts for it in the order in which they are tried; it may have none. Those of one ``group`` are alike."""

    group: str
    drafts: tuple[Judged, ...]


class Scored(NamedTuple):
    """A fit for each tier to all drafts, and for each case the probabilities of its drafts by fits that have not seen its group."""

    fits: Mapping[Tier, Logistic]
    probabilities: list[tuple[float, ...]]


class Count(NamedTuple):
    """So many questions get an answer at a threshold, and so many a wrong one."""

    accepted: int
    wrong: int


def score(cases: Sequence[Case], seed: int = 0) -> Scored:
    """Probabilities by cross-fitting over groups, made honest by a second regression on the first one's log-odds (Platt, 1999).

    Both regressions together are one again, so that what decides stays readable; tiers share all weights and differ in the intercept.
    Raises InputError when the drafts are too few, all acceptable, or all not.
    """
    fold = _folds(cases, seed)
    odds: list[tuple[float, ...]] = [()] * len(cases)
    for held_out in range(FOLDS):
        if held_out in fold:
            fit = _fit(_drafts(one for one, place in zip(cases, fold, strict=True) if place != held_out))
            for at in (at for at, place in enumerate(fold) if place == held_out):
                odds[at] = tuple(_log_odds(fit, draft) for draft in cases[at].drafts)
    labels = [draft.acceptable for draft in _drafts(cases)]
    honest = fit_logistic([{"odds": each} for each in chain.from_iterable(odds)], labels, LOOSE, "drafts")
    slope = max(honest.weights["odds"], 0.0)  # Turned round, what people like least would be accepted.
    honest = honest.model_copy(update={"weights": {"odds": slope}})
    whole = _fit(_drafts(cases))
    tiers = sorted({draft.tier for draft in _drafts(cases)})
    fits = {tier: _stretched(whole, tier, honest.intercept, slope) for tier in tiers}
    return Scored(fits, [tuple(honest.probability({"odds": each}) for each in some) for some in odds])


def choose(cases: Sequence[Case], probabilities: Sequence[Sequence[float]], target: Target) -> Threshold | None:
    """The loosest threshold that passes, and so do all stricter ones that are tested; None when the first fails.

    What is tested is the whole cascade: of a question's drafts the first that is sure enough is accepted.
    """
    from scipy.stats import binom  # Slow to import, and needed here alone.

    first = max(target.fewest, int(START * len(cases)))
    found = None
    for least in _steps(probabilities):
        accepted, wrong = count(cases, probabilities, least)
        if accepted < first:
            continue
        if binom.cdf(wrong, accepted, target.error) > 1 - target.confidence:
            break
        found = Threshold(probability=least, accepted=accepted, wrong=wrong)
    return found


def count(cases: Sequence[Case], probabilities: Sequence[Sequence[float]], least: float) -> Count:
    """What the cascade answers where drafts are accepted from ``least`` on."""
    accepted = wrong = 0
    for case, chances in zip(cases, probabilities, strict=True):
        first = next((draft for draft, chance in zip(case.drafts, chances, strict=True) if chance >= least), None)
        accepted += first is not None
        wrong += first is not None and not first.acceptable
    return Count(accepted, wrong)


def by_fits(cases: Sequence[Case], fits: Mapping[Tier, Logistic]) -> list[tuple[float, ...]]:
    """The probability of each draft of each case; that of a tier without a fit is 0."""
    return [
        tuple(fits[draft.tier].probability(draft.features) if draft.tier in fits else 0.0 for draft in case.drafts)
        for case in cases
    ]


def _steps(probabilities: Sequence[Sequence[float]]) -> list[float]:
    """Thresholds from strict to loose, evenly over the probabilities there are."""
    ordered = sorted(set(chain.from_iterable(probabilities)), reverse=True)
    if len(ordered) <= STEPS:
        return ordered
    return [ordered[place * (len(ordered) - 1) // (STEPS - 1)] for place in range(STEPS)]


def _folds(cases: Sequence[Case], seed: int) -> list[int]:
    """The fold of each case, those of a group in one. Raises InputError when a fold would have nothing to learn from."""
    groups = sorted({one.group for one in cases if one.drafts})
    random.Random(seed).shuffle(groups)
    place = {group: at % FOLDS for at, group in enumerate(groups)}
    fold = [place.get(one.group, 0) for one in cases]
    for held_out in range(FOLDS):
        left = {d.acceptable for d in _drafts(one for one, at in zip(cases, fold, strict=True) if at != held_out)}
        if len(left) < 2:
            raise InputError(
                f"{sum(len(case.drafts) for case in cases)} drafts of {len(groups)} questions are too few to learn from, or all of one kind",
                fix="Add questions with drafts that people accept, and some with drafts that they do not.",
                field="rows",
            )
    return fold


def _fit(drafts: Iterator[Judged]) -> Logistic:
    mine = list(drafts)
    rows = [draft.features | {"large": float(draft.tier is Tier.LARGE)} for draft in mine]
    return fit_logistic(rows, [draft.acceptable for draft in mine], STRENGTH, "drafts")


def _drafts(cases: "Iterator[Case] | Sequence[Case]") -> Iterator[Judged]:
    return chain.from_iterable(case.drafts for case in cases)


def _log_odds(fit: Logistic, draft: Judged) -> float:
    chance = fit.probability(draft.features | {"large": float(draft.tier is Tier.LARGE)})
    return log(chance / (1 - chance))


def _stretched(fit: Logistic, tier: Tier, shift: float, slope: float) -> Logistic:
    """``fit`` for one tier, its log-odds times ``slope`` plus ``shift``."""
    of_tier = fit.intercept + (fit.weights["large"] if tier is Tier.LARGE else 0.0)
    weights = {name: slope * weight for name, weight in fit.weights.items() if name != "large"}
    return Logistic(intercept=shift + slope * of_tier, weights=weights)
