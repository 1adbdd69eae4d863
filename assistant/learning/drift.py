"""Are drafts still like those that were labelled? What is not makes an alarm, and the stricter threshold counts."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import exp, fsum, log, log1p

from assistant.kernel.calibration import Calibration, Spread, Target, Watched

PARTS = 5
FEWEST = 100
"""Drafts from which their spread is looked at: fewer differ by chance."""
SHIFTED = 0.25
"""Population stability index from which a population has shifted (Siddiqi, "Credit Risk Scorecards", 2006, chapter 8)."""
BETS = (0.1, 0.2, 0.4, 0.8)
"""Shares of what may be lost that are bet on each outcome, as many games as there are bets."""
MOST = 0.95
"""An error beyond this is no claim to bet against."""
_LEAST_SHARE = 0.005


def spread(values: Sequence[float]) -> Spread:
    """Shares of ``values`` between their quintiles; fewer parts where many are equal."""
    ordered = sorted(values)
    edges = sorted({ordered[len(ordered) * part // PARTS] for part in range(1, PARTS)})
    return Spread(edges=tuple(edges), shares=_shares(values, edges))


def stability(usual: Spread, values: Sequence[float]) -> float:
    """Population stability index of ``values`` against ``usual``: 0 where they are spread alike, each part counting (a - b) ln(a / b)."""
    pairs = zip(usual.shares, _shares(values, usual.edges), strict=True)
    held = ((max(a, _LEAST_SHARE), max(b, _LEAST_SHARE)) for a, b in pairs)
    return fsum((b - a) * log(b / a) for a, b in held)


def too_often_wrong(outcomes: Sequence[bool], target: Target) -> bool:
    """Whether accepted drafts (False: a wrong one), in their order, were wrong more often than the target lets them.

    May be asked after every outcome: while the target is kept, the answer is ever True with probability 1 - confidence at most, for
    the wealth of a gambler who bets on errors is a martingale then (Waudby-Smith and Ramdas, "Estimating means of bounded random
    variables by betting", 2024, section 4; Ville's inequality).
    """
    wealth = [0.0] * len(BETS)
    for good in outcomes:
        gain = (0.0 if good else 1.0) - target.error
        wealth = [held + log1p(bet * gain / target.error) for held, bet in zip(wealth, BETS, strict=True)]
        if fsum(map(exp, wealth)) / len(BETS) >= 1 / (1 - target.confidence):
            return True
    return False


def alarms(calibration: Calibration, drafts: Sequence[Watched]) -> tuple[str, ...]:
    """The features whose spread has shifted among ``drafts`` since, and "outcomes" when people find too many accepted ones wrong."""
    outcomes = [draft.approved for draft in drafts if draft.accepted and draft.approved is not None]
    claimed = calibration.target.model_copy(update={"error": min(calibration.claimed_error, MOST)})
    wrong = ("outcomes",) if too_often_wrong(outcomes, claimed) else ()
    return (*_shifted(calibration.spreads, drafts), *wrong)


def _shifted(usual: Mapping[str, Spread], drafts: Sequence[Watched]) -> Iterator[str]:
    if len(drafts) >= FEWEST:
        for name, spread_before in usual.items():
            values = [draft.features[name] for draft in drafts if name in draft.features]
            if values and stability(spread_before, values) > SHIFTED:
                yield name


def _shares(values: Sequence[float], edges: Sequence[float]) -> tuple[float, ...]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return tuple(count / len(values) for count in counts)
