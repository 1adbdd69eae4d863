"""When a draft is sure enough: a fitted probability that people would accept it, and the threshold a target error needs."""

from math import ceil, log

from pydantic import Field

from assistant.kernel.fits import Logistic
from assistant.kernel.value import Value


class Target(Value):
    """At most ``error`` of the accepted drafts may be wrong, with ``confidence``."""

    error: float = Field(gt=0.0, lt=1.0)
    confidence: float = Field(gt=0.0, lt=1.0)

    @property
    def fewest(self) -> int:
        """So many accepted drafts, none of them wrong, are the least that can show it: (1 - error) ** n ≤ 1 - confidence."""
        return ceil(log(1 - self.confidence) / log(1 - self.error))


class Threshold(Value):
    """The probability from which drafts are accepted, and what it was chosen on: ``wrong`` of ``accepted``."""

    probability: float
    accepted: int
    wrong: int


class Acceptance(Value):
    """``fit`` gives the probability that a draft is acceptable. Without ``threshold`` no draft is accepted: there was too little to choose one on."""

    fit: Logistic
    target: Target
    threshold: Threshold | None
