"""When a draft is sure enough: a fitted probability that people would accept it, and the threshold a target error needs."""

from collections.abc import Iterable, Mapping
from math import ceil, log
from typing import Literal

from pydantic import Field

from assistant.kernel.conversation import Assurance, Tier
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

    @property
    def stricter(self) -> "Target":
        """What is asked for once drafts are no longer like those that were labelled: half the error."""
        return self.model_copy(update={"error": self.error / 2})


class Threshold(Value):
    """The probability from which drafts are accepted, and what it was chosen on: ``wrong`` of ``accepted``."""

    probability: float
    accepted: int
    wrong: int


class Basis(Value):
    """What drafts are made and appraised with. A calibration says nothing about drafts that are made otherwise.

    ``models`` has the name and SHA-256 of each tier's model, or its server's address; ``passages`` how documents are cut.
    """

    models: Mapping[Tier, str]
    prompt: str
    policy: str
    embedder: str
    reranker: str
    passages: str

    def differences(self, other: "Basis") -> tuple[str, ...]:
        """The names of what is not the same in ``other``."""
        return tuple(name for name in Basis.model_fields if getattr(self, name) != getattr(other, name))


class Spread(Value):
    """How a feature was spread over the drafts of a calibration: ``shares`` of them between consecutive ``edges`` and beyond."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Outlook(Value):
    """What to expect of a tier before it is tried: by features of the evidence how ``likely`` its answer is acceptable, and its mean ``cost``
    in core-seconds.
    """

    likely: Logistic
    cost: float

    def pays(self, evidence: Mapping[str, float], worth: float | None) -> bool:
        """Whether trying it is expected to give more than it costs, where an acceptable answer is ``worth`` so many core-seconds (None: any)."""
        return worth is None or self.likely.probability(evidence) * worth >= self.cost


class Watched(Value):
    """A draft that stood, as it is looked at later: whether it was ``accepted``, and whether people ``approved`` of it (None: nobody said)."""

    features: Mapping[str, float]
    accepted: bool
    approved: bool | None


class Calibration(Value):
    """What is known of a tenant's drafts by labels on some of them.

    ``fits`` give, for a draft of a tier, the probability that it is acceptable. From ``threshold`` on drafts are accepted, the small model's
    before the large one's; without one none is: there was too little to choose it on, and about ``missing`` more questions are needed (None: more alone will not do, for even
    the surest drafts are wrong too often).
    ``stricter`` is the threshold for half the error, used while an alarm is up. ``spreads`` is what features are compared with later.
    ``judged_by`` "references" means that drafts were compared with answers that people wrote: at most ``misjudged`` of the drafts called
    acceptable are not, with the target's confidence. ``data_sha256`` is of the labelled questions, ``generation`` that of the index.
    Where an acceptable answer is ``worth`` so many core-seconds, a tier is tried only if its outlook pays.
    """

    id: str
    tenant: str
    created_at: str
    judged_by: Literal["references", "feedback"]
    data_sha256: str
    questions: int
    drafts: Mapping[Tier, int]
    acceptable: Mapping[Tier, int]
    misjudged: float
    basis: Basis
    generation: int
    target: Target
    fits: Mapping[Tier, Logistic]
    threshold: Threshold | None
    stricter: Threshold | None
    missing: int | None
    spreads: Mapping[str, Spread]
    outlooks: Mapping[Tier, Outlook] = Field(default_factory=dict)
    worth: float | None = None

    @property
    def claimed_error(self) -> float:
        """The share of accepted drafts that people may find wrong: the target's, and what the judge misjudges."""
        return self.target.error + self.misjudged


class InForce(Value):
    """The calibration that decides on a tenant's drafts now. ``changed`` names what is no longer as it was made with, ``alarms``
    in what drafts are no longer like those it was made from.
    """

    calibration: Calibration
    changed: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    @property
    def least(self) -> float | None:
        """The probability from which a draft is accepted; None when none is."""
        threshold = self.calibration.stricter if self.alarms else self.calibration.threshold
        return None if threshold is None or self.changed else threshold.probability

    def assure(self, tier: Tier, features: Mapping[str, float]) -> Assurance:
        """How sure a draft of ``tier`` is, and how sure it has to be. A tier without drafts to learn from is never sure."""
        fit = self.calibration.fits.get(tier)
        probability = None if fit is None or self.changed else round(fit.probability(features), 4)
        return Assurance(calibration=self.calibration.id, probability=probability, least=self.least)

    def paying(self, evidence: Mapping[str, float], tiers: Iterable[Tier]) -> tuple[Tier, ...]:
        """Those of ``tiers`` that are worth trying for a question with such evidence; all where nothing is known of any."""
        known = self.calibration.outlooks
        if not known or self.changed:
            return tuple(tiers)
        worth = self.calibration.worth
        return tuple(tier for tier in tiers if tier in known and known[tier].pays(evidence, worth))
