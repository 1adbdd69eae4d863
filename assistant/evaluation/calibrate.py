"""Labelled drafts → a Calibration: fits, thresholds, how many more labels are needed, and what drafts were like."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from math import ceil, log
from types import MappingProxyType
from typing import Literal, NamedTuple

from assistant.evaluation.thresholds import START, Case, Count, Scored, choose, count, score
from assistant.kernel.calibration import Basis, Calibration, Outlook, Spread, Target
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic
from assistant.learning.drift import spread

GROWTH = (1.25, 1.5, 2, 3, 4, 6, 8, 12, 16)
"""So many times the questions there are is looked at when too few were given."""


class Labels(NamedTuple):
    """Where labels come from: at most ``misjudged`` of the drafts called acceptable are not, and the labelled data's SHA-256."""

    judged_by: Literal["references", "feedback"]
    misjudged: float
    data_sha256: str


class Costs(NamedTuple):
    """What to expect of each tier, and the core-seconds that an acceptable answer is worth (None: any)."""

    outlooks: Mapping[Tier, Outlook] = MappingProxyType({})
    worth: float | None = None


class Place(NamedTuple):
    """Whose calibration it is, made when, with what."""

    id: str
    tenant: str
    now: datetime
    basis: Basis
    generation: int


def calibrate(
    cases: Sequence[Case], target: Target, labels: Labels, place: Place, costs: Costs = Costs(), seed: int = 0
) -> Calibration:
    """What these labelled questions tell of a tenant's drafts; without a threshold when they are too few, or too often wrong.

    Where tiers are not tried that do not pay, ``cases`` hold no drafts of them: what is tested is what will be done.
    """
    drafts = list(chain.from_iterable(case.drafts for case in cases))
    try:
        scored = score(cases, seed)
    except (
        InputError
    ):  # Too few, or all of one kind: nothing sets drafts apart, and they may still be good enough, or too bad.
        scored = _alike(cases)
    threshold = choose(cases, scored.probabilities, target)
    return Calibration(
        id=place.id,
        tenant=place.tenant,
        created_at=place.now.isoformat(),
        judged_by=labels.judged_by,
        data_sha256=labels.data_sha256,
        questions=len(cases),
        drafts=Counter(draft.tier for draft in drafts),
        acceptable=Counter(draft.tier for draft in drafts if draft.acceptable),
        misjudged=round(labels.misjudged, 4),
        basis=place.basis,
        generation=place.generation,
        target=target,
        fits=scored.fits,
        threshold=threshold,
        stricter=choose(cases, scored.probabilities, target.stricter),
        missing=0 if threshold else missing(cases, scored.probabilities, target),
        spreads=_spreads(cases),
        outlooks=costs.outlooks,
        worth=costs.worth,
    )


def missing(cases: Sequence[Case], probabilities: Sequence[Sequence[float]], target: Target) -> int | None:
    """About how many more questions like these would show the target at some threshold, if they come out alike; None when it is clear
    that none will: at every threshold drafts are wrong more often, with the target's confidence.
    """
    from scipy.stats import binom  # Slow to import, and needed here alone.

    steps = sorted(set(chain.from_iterable(probabilities)), reverse=True)
    counts = [count(cases, probabilities, least) for least in steps]
    risk = 1 - target.confidence
    for times in GROWTH:
        grown = [Count(int(one.accepted * times), ceil(one.wrong * times)) for one in counts]
        tested = (one for one in grown if one.accepted >= max(target.fewest, START * len(cases) * times))
        if any(binom.cdf(wrong, accepted, target.error) <= risk for accepted, wrong in tested):
            return ceil(len(cases) * (times - 1))
    enough = [one for one in counts if one.accepted >= START * len(cases)]
    if len(cases) >= target.fewest and all(
        binom.sf(one.wrong - 1, one.accepted, target.error) <= risk for one in enough
    ):
        return None
    answered = max((one.accepted for one in counts), default=0) / len(cases) if cases else 0.0
    return max(ceil(target.fewest / max(answered, START)) - len(cases), len(cases))


def _alike(cases: Sequence[Case]) -> Scored:
    """Where nothing sets drafts apart, or they are too few to tell: every draft of a tier as sure as all of them are, one more wrong
    and one more right (Laplace's rule of succession).
    """
    fits = {}
    for tier in Tier:
        labels = [draft.acceptable for case in cases for draft in case.drafts if draft.tier is tier]
        if labels:
            share = (sum(labels) + 1) / (len(labels) + 2)
            fits[tier] = Logistic(intercept=log(share / (1 - share)), weights={})
    return Scored(fits, [tuple(fits[draft.tier].probability({}) for draft in case.drafts) for case in cases])


def _spreads(cases: Sequence[Case]) -> dict[str, Spread]:
    """Of the first draft of each question: which one that is does not depend on the threshold."""
    first = [case.drafts[0].features for case in cases if case.drafts]
    return {name: spread([features[name] for features in first]) for name in (first[0] if first else ())}
