"""One pass of the pipeline, with everything needed to repeat and audit it."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import Field

from assistant.kernel.conversation import (
    Answer,
    Clarify,
    Handoff,
    Question,
    RawDraft,
    Tier,
    ToHuman,
    TryTier,
    Verdict,
)
from assistant.kernel.knowledge import Audience, Evidence
from assistant.kernel.value import CleanText, Value


class Attempt(Value):
    """One tier's try: what was asked and written, what the checks said, what followed."""

    raw: RawDraft
    verdict: Verdict
    step: Annotated[Answer | TryTier | ToHuman, Field(discriminator="kind")]


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
    decision: Annotated[Answer | Clarify | Handoff, Field(discriminator="kind")]
    manifest: RunManifest
    timings_ms: dict[str, float]


class Feedback(Value):
    """What a person thought of a run, and what was sent in the end."""

    run_id: CleanText
    verdict: str = Field(pattern="^(up|down|sent|edited|discarded)$")
    comment: CleanText = Field(default="", max_length=10_000)
    sent_text: CleanText = Field(default="", max_length=100_000)


class EvidenceFound(NamedTuple):
    """Passages are known; nothing is written yet."""

    evidence: Evidence


class TokenWritten(NamedTuple):
    """A model wrote a piece of text. A new tier starts its draft from nothing."""

    tier: Tier
    text: str


class StepTaken(NamedTuple):
    """A draft was checked, or routing ended, and this follows."""

    step: Answer | Clarify | TryTier | ToHuman


Event = EvidenceFound | TokenWritten | StepTaken
OnEvent = Callable[[Event], None]
