"""Ranking metrics over document ids, as pytrec_eval defines them; binary or graded relevance."""

import math
from collections.abc import Mapping, Sequence

from assistant.text.words import stems


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
