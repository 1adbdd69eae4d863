"""One pass of the pipeline, with everything needed to repeat and audit it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from assistant.kernel.conversation import (
    Answer,
    Assurance,
    Clarify,
    Handoff,
    Question,
    RawDraft,
    Refuse,
    Route,
    Sentence,
    Step,
    Tier,
    ToHuman,
    TryTier,
    Verdict,
)
from assistant.kernel.knowledge import Audience, Evidence
from assistant.kernel.reasons import Reason
from assistant.kernel.value import CleanText, Value

_UNSURE = ((Reason.LOW_CONFIDENCE,), (Reason.NOT_CALIBRATED,))


class Attempt(Value):
    """One tier's try: what was asked and written, what the checks said, what followed.

    ``features`` is what a calibration judges by, ``assurance`` what the one in force made of it; None where none is.
    """

    raw: RawDraft
    verdict: Verdict
    features: dict[str, float] = Field(default_factory=dict)
    assurance: Assurance | None = None
    step: Annotated[Answer | TryTier | ToHuman, Field(discriminator="kind")]

    @property
    def stood(self) -> bool:
        """Whether the checks let the draft stand, however sure it was."""
        return isinstance(self.step, Answer) or self.step.reasons[:1] in _UNSURE


class RunManifest(Value):
    """What a draft was made with (design point 4). Equal manifests and equal input give equal text."""

    code_version: str
    config_sha256: str
    prompt: str
    prompt_sha256: str
    policy: str
    policy_sha256: str
    calibration: str
    embedder_sha256: str
    snapshot_generation: int


class Run(Value):
    """The record of one question: its way through the stages and the decision it ended in."""

    id: str
    tenant: str
    audiences: frozenset[Audience]
    ticket_id: str | None
    created_at: str
    question: Question
    evidence: Evidence
    attempts: tuple[Attempt, ...]
    incidents: tuple[str, ...]
    decision: Annotated[Answer | Clarify | Refuse | Handoff, Field(discriminator="kind")]
    manifest: RunManifest
    timings_ms: dict[str, float]

    @property
    def first_that_stood(self) -> Attempt | None:
        """The first draft that the checks let stand: which one that is does not depend on a calibration."""
        return next((attempt for attempt in self.attempts if attempt.stood), None)

    @property
    def confidence(self) -> float | None:
        """The calibrated probability that people accept the answer; None without a calibration, or without an answer."""
        assurance = self.attempts[-1].assurance if self.attempts else None
        return assurance.probability if assurance and isinstance(self.decision, Answer) else None


class DiscardReason(StrEnum):
    """Why a draft was of no use."""

    WRONG = "wrong"
    OFF_TOPIC = "off_topic"
    OUTDATED = "outdated"
    TONE = "tone"
    TOO_LONG = "too_long"
    OTHER = "other"


class Feedback(Value):
    """What a person thought of a run, and what was sent in the end. ``reason`` belongs to ``discarded``."""

    run_id: CleanText
    verdict: str = Field(pattern="^(up|down|sent|edited|discarded)$")
    comment: CleanText = Field(default="", max_length=10_000)
    sent_text: CleanText = Field(default="", max_length=100_000)
    agent: CleanText = Field(default="", max_length=100)
    reason: DiscardReason | None = None


class Compared(Value):
    """What was sent beside what was drafted, found by ``text.comparison``.

    ``similarity`` is 1 minus the normalised Levenshtein distance over words; ``edits`` counts words put in, taken
    out or changed. ``kept`` holds the places of the draft's cited sentences that are still in the sent text,
    ``cited`` how many there were.
    """

    similarity: float
    edits: int
    cited: int
    kept: tuple[int, ...]


AS_DRAFTED = 0.7
"""Likeness of what was sent to the draft from which people are taken to have approved of it: three words in ten may differ."""


def approved(verdict: str, similarity: float | None) -> bool | None:
    """Whether a person's verdict approves of a draft; None when it does not tell. ``similarity`` is of what was sent, if that is known."""
    if verdict in ("up", "down", "discarded"):
        return verdict == "up"
    if similarity is None:
        return True if verdict == "sent" else None
    return similarity >= AS_DRAFTED


class EvidenceFound(NamedTuple):
    """Passages are known; nothing is written yet."""

    evidence: Evidence


class TokenWritten(NamedTuple):
    """A model wrote a piece of text. A new tier starts its draft from nothing."""

    tier: Tier
    text: str


class SentenceStands(NamedTuple):
    """A sentence of the running draft is complete and passed its check. ``place`` 0 begins the draft afresh."""

    tier: Tier
    place: int
    sentence: Sentence


class StepTaken(NamedTuple):
    """A draft was checked, or routing ended, and this follows."""

    step: Route | Step


Event = EvidenceFound | TokenWritten | SentenceStands | StepTaken
OnEvent = Callable[[Event], None]
