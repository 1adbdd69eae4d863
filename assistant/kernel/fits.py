"""Small fitted models as data: weights that a person can read, found by ``deskhand evaluate … --fit``."""

from collections.abc import Mapping
from math import exp

from assistant.kernel.value import Value


class Logistic(Value):
    """Logistic regression on named features."""

    intercept: float
    weights: Mapping[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        """Of what it was fitted to find. ``features`` has every one of ``weights``."""
        score = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + exp(-max(-30.0, min(30.0, score))))


class GroundingFit(Value):
    """What tells a claim that was changed, by the kind of change, and a draft that people would call ``faithful``."""

    contradiction: Mapping[str, Logistic]
    faithful: Logistic
