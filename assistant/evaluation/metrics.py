"""Ranking metrics over document ids, as pytrec_eval defines them, overlap of texts, and how sure a difference is."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.text.words import content_stems, stems, strip_citations, words

_ARTICLES = frozenset({"a", "an", "the"})


class Difference(NamedTuple):
    """The mean of paired differences, and the interval that holds it with 95 % confidence."""

    mean: float
    low: float
    high: float


class Interval(NamedTuple):
    """A figure, and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


def auroc(scores: Sequence[float], labels: Sequence[bool], resamples: int = 1_000, seed: int = 0) -> Interval:
    """Area under the ROC curve: how often a positive has a higher score than a negative, ties counting half (Fawcett, "An
    introduction to ROC analysis", 2006), with its percentile bootstrap interval over items drawn anew within each label.

    Raises ValueError unless there are both.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    good, bad = values[positive], values[~positive]
    if not len(good) or not len(bad):
        raise ValueError("positives and negatives are needed to tell them apart")
    rng = np.random.default_rng(seed)
    drawn = [_area(rng.choice(good, len(good)), rng.choice(bad, len(bad))) for _ in range(resamples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(round(_area(good, bad), 4), round(float(low), 4), round(float(high), 4))


def _area(good: NDArray[np.float64], bad: NDArray[np.float64]) -> float:
    ordered = np.sort(bad)
    below, up_to = np.searchsorted(ordered, good, "left"), np.searchsorted(ordered, good, "right")
    return float((below + up_to).mean() / (2 * len(bad)))


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float:
    """The mean distance between how sure and how right, over bins of equal width weighted by what is in them (Naeini, Cooper and
    Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015); 0 for nothing.
    """
    binned: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, label in zip(probabilities, labels, strict=True):
        binned[min(int(chance * bins), bins - 1)].append((chance, label))
    gaps = (abs(math.fsum(chance - label for chance, label in some)) for some in binned.values())
    return math.fsum(gaps) / len(labels) if labels else 0.0


def ndcg(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """Normalised discounted cumulative gain at ``k``, linear gain (Järvelin and Kekäläinen, TOIS 2002)."""
    ideal = _dcg(sorted(relevance.values(), reverse=True)[:k])
    return _dcg([relevance.get(item, 0.0) for item in _once(ranking)[:k]]) / ideal if ideal else 0.0


def recall(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """Share of the relevant documents among the first ``k``."""
    relevant = {item for item, gain in relevance.items() if gain > 0}
    return len(relevant & set(_once(ranking)[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], relevance: Mapping[str, float]) -> float:
    """1 / rank of the first relevant document; 0 when there is none."""
    ranks = (rank for rank, item in enumerate(_once(ranking), start=1) if relevance.get(item, 0.0) > 0)
    return 1.0 / next(ranks, math.inf)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (nearest rank); 0 for no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _once(ranking: Sequence[str]) -> list[str]:
    """Each document at its best rank: one that is ranked twice must not earn its gain twice."""
    return list(dict.fromkeys(ranking))


def _dcg(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def rouge_l(candidate: str, reference: str) -> float:
    """ROUGE-L: F1 of the longest common subsequence of stemmed words (Lin 2004, "ROUGE: A Package for Automatic
    Evaluation of Summaries", section 3, with equal weight of precision and recall).
    """
    left, right = stems(candidate), stems(reference)
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for column, other in enumerate(right, 1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    common = row[-1]
    return 2 * common / (len(left) + len(right)) if common else 0.0


def agreement(draft: str, reference: str) -> float:
    """Recall of the reference's stemmed content words: a rough sign of whether the same thing is said."""
    wanted = set(content_stems(reference))
    return len(wanted & set(content_stems(strip_citations(draft)))) / len(wanted) if wanted else 0.0


def token_f1(draft: str, reference: str) -> float:
    """F1 of the words two texts share, each as often as it stands in both, in lower case and without articles
    (Rajpurkar et al., "SQuAD", EMNLP 2016, section 6.1). Citation marks do not count.
    """
    left, right = (
        Counter(word for word in map(str.lower, words(text)) if word not in _ARTICLES)
        for text in (strip_citations(draft), reference)
    )
    return 2 * (left & right).total() / (left.total() + right.total()) if left or right else 0.0


def paired_difference(
    base: Sequence[float], other: Sequence[float], resamples: int = 2_000, seed: int = 0
) -> Difference:
    """Mean of ``other`` less ``base``, item by item, with its percentile bootstrap interval: the items are drawn anew,
    with replacement, ``resamples`` times (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).

    Raises ValueError unless both have the same number of items, at least one.
    """
    if len(base) != len(other) or not base:
        raise ValueError(
            f"{len(base)} and {len(other)} items cannot be paired: there must be as many, and at least one"
        )
    gains = np.asarray(other, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(gains), size=(resamples, len(gains)))
    low, high = np.percentile(gains[drawn].mean(axis=1), [2.5, 97.5])
    return Difference(float(gains.mean()), float(low), float(high))
