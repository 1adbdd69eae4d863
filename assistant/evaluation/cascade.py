"""Does the small model first, then the large one where it helps, give as much for less? Quality against cost, each half by fits to the other.

PGR is the share of the large model's gain over the small one that is recovered, APGR its mean over all shares of questions that the
large model reads, CPT(x) the share from which x of the gain is there (Ong et al., "RouteLLM", 2024, section 2.2).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.evaluation.formats import Query
from assistant.evaluation.judge import Judge
from assistant.evaluation.labelled import can_be_judged, conversation, drafts_of
from assistant.evaluation.metrics import Interval, mean
from assistant.evaluation.regression import fit_logistic, halves
from assistant.evaluation.speed import measure_decode, measure_prefill
from assistant.evaluation.thresholds import Case, Judged, by_fits, score
from assistant.evaluation.trials import Trial
from assistant.kernel.calibration import Outlook
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import Completion
from assistant.kernel.value import Value
from assistant.ports import LanguageModel
from assistant.text.answerability import answerability

STRENGTH = 0.05
"""Inverse strength of the L2 penalty on standardised features."""
WORTHS = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 120.0)
"""Core-seconds an acceptable answer may cost."""
RESAMPLES = 500
PROMPT_TOKENS, REPLY_TOKENS = 512, 64
SLOWEST = 0.01
"""Tokens a second of a model that ends at once, so that there is nothing to measure."""


class Pace(NamedTuple):
    """Core-seconds of a token read, and of one written."""

    read: float
    written: float

    def cost(self, done: Completion) -> float:
        return (done.prompt_tokens - done.reused_tokens) * self.read + done.completion_tokens * self.written


def measure_pace(model: LanguageModel, cores: int) -> Pace:
    """How fast ``model`` reads a prompt of the usual length and writes one reply here, on ``cores`` cores."""
    read = measure_prefill(model, PROMPT_TOKENS).tokens_per_s
    written = measure_decode(model, 1, REPLY_TOKENS).tokens_per_s
    return Pace(cores / max(read, SLOWEST), cores / max(written, SLOWEST))


class Tried(NamedTuple):
    """What one tier makes of a question, and what that costs in core-seconds; ``draft`` is None where nothing stood."""

    draft: Judged | None
    cost: float

    @property
    def good(self) -> bool:
        return self.draft is not None and self.draft.acceptable


class Asked(NamedTuple):
    """A question that a model would be asked, with features of its evidence."""

    id: str
    evidence: dict[str, float]
    small: Tried
    large: Tried

    @property
    def group(self) -> str:
        """Questions of one conversation are alike."""
        return conversation(self.id)


class Point(Value):
    """With this ``share`` of questions read by the large model, the share that gets an acceptable answer, and the core-seconds a question."""

    share: float
    acceptable: float
    core_seconds: float


class Curve(Value):
    """Quality against cost of one way to choose, from no question read by the large model to all of them."""

    chosen_by: str
    apgr: Interval
    cpt50: float
    cpt80: float
    points: tuple[Point, ...]


class Spent(Value):
    """What is done where an acceptable answer is ``worth`` so many core-seconds (None: whatever it costs). ``against_always_large`` is of the core-seconds
    for each draft that the checks accept, ``for_acceptable`` for each that people would.
    """

    worth: float | None
    asked_small: int
    asked_large: int
    accepted: int
    acceptable: int
    core_seconds: float
    against_always_large: float
    for_acceptable: float


class TierReport(Value):
    tier: Tier
    accepted: int
    acceptable: int
    core_seconds: float


class CascadeReport(Value):
    """``questions`` reach a model; ``core_seconds`` are means a question."""

    questions: int
    tiers: tuple[TierReport, ...]
    curves: tuple[Curve, ...]
    spent: tuple[Spent, ...]
    seed: int


def asked_of_trials(
    queries: Sequence[Query], trials: Mapping[str, Sequence[Trial]], judge: Judge, paces: Mapping[Tier, Pace]
) -> list[Asked]:
    """The questions that can be judged and reach a model."""
    found = []
    for query in queries:
        by_tier = {trial.tier: trial for trial in trials[query.id]}
        if can_be_judged(query) and any(trial.run.attempts for trial in by_tier.values()):
            run = next(iter(by_tier.values())).run
            small, large = (_tried(query, by_tier.get(tier), judge, paces.get(tier)) for tier in Tier)
            found.append(Asked(query.id, answerability(run.question, run.evidence), small, large))
    return found


def outlooks(asked: Sequence[Asked]) -> dict[Tier, Outlook]:
    """For each tier how likely it answers acceptably, by the evidence alone, and what that costs on average. Raises InputError where all
    questions come out alike.
    """
    features = [one.evidence for one in asked]
    found = {}
    for tier in Tier:
        tried = [_of(one, tier) for one in asked]
        fit = fit_logistic(features, [each.good for each in tried], STRENGTH, f"answers of the {tier} model")
        found[tier] = Outlook(likely=fit, cost=round(mean([each.cost for each in tried if each.cost]), 3))
    return found


def not_paying(asked: Sequence[Asked], worth: float, seed: int = 0) -> set[tuple[str, Tier]]:
    """Questions, and the tiers that are not worth trying for them, by outlooks that have not seen their half: what a threshold is tested
    on must not have chosen itself. Raises as ``outlooks`` does.
    """
    half, _ = halves((one.group for one in asked), seed)
    looks = {mine: outlooks([one for one in asked if (one.group in half) is not mine]) for mine in (True, False)}
    return {
        (one.id, tier)
        for one in asked
        for tier, outlook in looks[one.group in half].items()
        if not outlook.pays(one.evidence, worth)
    }


def evaluate_cascade(asked: Sequence[Asked], seed: int = 0) -> CascadeReport:
    """Raises InputError unless both tiers have acceptable answers and others, in both halves."""
    half, _ = halves((one.group for one in asked), seed)
    mine = [one for one in asked if one.group in half]
    others = [one for one in asked if one.group not in half]
    looks = {True: outlooks(others), False: outlooks(mine)}
    sure = {True: _sure(others), False: _sure(mine)}
    likely = {tier: [looks[one.group in half][tier].likely.probability(one.evidence) for one in asked] for tier in Tier}
    kept = [sure[one.group in half](one) for one in asked]
    gain = np.array([_of(one, Tier.LARGE).good - one.small.good for one in asked], dtype=np.float64)
    ways: dict[str, NDArray[np.float64]] = {
        "confidence": np.array(likely[Tier.LARGE]) - np.array(kept),
        "evidence": np.array(likely[Tier.LARGE]) - np.array(likely[Tier.SMALL]),
        "oracle": gain,
    }
    curves = [_curve(name, order, asked, before=name == "evidence") for name, order in ways.items()]
    return CascadeReport(
        questions=len(asked),
        tiers=tuple(_tier_report(asked, tier) for tier in Tier),
        curves=(*curves, _at_random(curves[0])),
        spent=tuple(_spent(asked, worth, looks, half) for worth in (None, *reversed(WORTHS))),
        seed=seed,
    )


def _tried(query: Query, trial: Trial | None, judge: Judge, pace: Pace | None) -> Tried:
    if trial is None or pace is None:
        return Tried(None, 0.0)
    cost = sum(pace.cost(attempt.raw.completion) for attempt in trial.run.attempts)
    return Tried(next(iter(drafts_of(query, [trial], judge)), None), cost)


def _of(one: Asked, tier: Tier) -> Tried:
    return one.small if tier is Tier.SMALL else one.large


def _sure(asked: Sequence[Asked]) -> Callable[[Asked], float]:
    """How sure it is that the small model's draft is acceptable, by a fit to ``asked``; 0 where none stood."""
    cases = [Case(one.group, (one.small.draft,) if one.small.draft else ()) for one in asked]
    fits = score(cases).fits

    def sure(one: Asked) -> float:
        drafts = (one.small.draft,) if one.small.draft else ()
        (chances,) = by_fits([Case(one.group, drafts)], fits)
        return chances[0] if chances else 0.0

    return sure


def _curve(name: str, order: NDArray[np.float64], asked: Sequence[Asked], *, before: bool) -> Curve:
    """``before``: the small model does not write for what the large one reads."""
    small = np.array([one.small.good for one in asked], dtype=np.float64)
    large = np.array([one.large.good for one in asked], dtype=np.float64)
    saved = np.array([one.small.cost if before else 0.0 for one in asked])
    costs = np.array([one.large.cost for one in asked]) - saved
    first = np.argsort(-order, kind="stable")
    quality = np.concatenate([[small.sum()], small.sum() + np.cumsum((large - small)[first])])
    spent = np.concatenate([[0.0], np.cumsum(costs[first])]) + sum(one.small.cost for one in asked)
    recovered = _recovered(quality)
    rng = np.random.default_rng(0)
    drawn = [_apgr(small, large, order, rng.integers(0, len(asked), len(asked))) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    shares = np.linspace(0, 1, len(quality))
    places = np.unique(np.linspace(0, len(asked), 21).astype(int))
    return Curve(
        chosen_by=name,
        apgr=Interval(round(float(recovered.mean()), 4), round(float(low), 4), round(float(high), 4)),
        cpt50=round(_reached(recovered, shares, 0.5), 4),
        cpt80=round(_reached(recovered, shares, 0.8), 4),
        points=tuple(
            Point(
                share=round(float(shares[at]), 4),
                acceptable=round(float(quality[at]) / len(asked), 4),
                core_seconds=round(float(spent[at]) / len(asked), 2),
            )
            for at in places
        ),
    )


def _at_random(other: Curve) -> Curve:
    """Questions drawn by chance, on average: a straight line between the ends of any curve that spends alike."""
    first, last = other.points[0], other.points[-1]
    points = [
        Point(
            share=at.share,
            acceptable=round(first.acceptable + at.share * (last.acceptable - first.acceptable), 4),
            core_seconds=round(first.core_seconds + at.share * (last.core_seconds - first.core_seconds), 2),
        )
        for at in other.points
    ]
    return Curve(chosen_by="chance", apgr=Interval(0.5, 0.5, 0.5), cpt50=0.5, cpt80=0.8, points=tuple(points))


def _recovered(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    gained = quality[-1] - quality[0]
    return (quality - quality[0]) / gained if gained else np.full_like(quality, np.nan)


def _apgr(
    small: NDArray[np.float64], large: NDArray[np.float64], order: NDArray[np.float64], drawn: NDArray[np.int64]
) -> float:
    first = drawn[np.argsort(-order[drawn], kind="stable")]
    steps = np.concatenate([[0.0], np.cumsum((large - small)[first])])
    return float(_recovered(steps).mean())


def _reached(recovered: NDArray[np.float64], shares: NDArray[np.float64], wanted: float) -> float:
    reached = np.flatnonzero(recovered >= wanted)
    return float(shares[reached[0]]) if len(reached) else 1.0


def _spent(
    asked: Sequence[Asked], worth: float | None, looks: Mapping[bool, Mapping[Tier, Outlook]], half: frozenset[str]
) -> Spent:
    """What the pipeline would do: a tier is tried where that pays, the large one where the small one's draft fell."""
    small = large = accepted = acceptable = 0
    cost = 0.0
    for one in asked:
        outlook = looks[one.group in half]
        paying = [tier for tier in Tier if outlook[tier].pays(one.evidence, worth)]
        for tier in paying:
            tried = _of(one, tier)
            small, large, cost = small + (tier is Tier.SMALL), large + (tier is Tier.LARGE), cost + tried.cost
            if tried.draft is not None:
                accepted, acceptable = accepted + 1, acceptable + tried.good
                break
    always = [one.large for one in asked]
    all_cost = sum(each.cost for each in always)
    return Spent(
        worth=worth,
        asked_small=small,
        asked_large=large,
        accepted=accepted,
        acceptable=acceptable,
        core_seconds=round(cost, 1),
        against_always_large=_ratio(cost, accepted, all_cost, sum(each.draft is not None for each in always)),
        for_acceptable=_ratio(cost, acceptable, all_cost, sum(each.good for each in always)),
    )


def _ratio(cost: float, count: int, other_cost: float, other_count: int) -> float:
    if not (cost and count and other_cost and other_count):
        return 0.0
    return round((cost / count) / (other_cost / other_count), 3)


def _tier_report(asked: Sequence[Asked], tier: Tier) -> TierReport:
    tried = [_of(one, tier) for one in asked]
    return TierReport(
        tier=tier,
        accepted=sum(each.draft is not None for each in tried),
        acceptable=sum(each.good for each in tried),
        core_seconds=round(mean([each.cost for each in tried]), 2),
    )
