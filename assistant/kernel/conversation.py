"""A ticket, the question in it, and what Deskhand proposes: draft, verdict, decision, handoff."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Passage
from assistant.kernel.reasons import Reason
from assistant.kernel.value import CleanText, Value

MAX_MESSAGE_CHARS = 100_000
MAX_MESSAGES = 500
MAX_TICKET_CHARS = 400_000

Author = Literal["customer", "agent", "system"]


class Message(Value):
    author: Author
    text: CleanText = Field(max_length=MAX_MESSAGE_CHARS)
    at: datetime | None = None


class Ticket(Value):
    """A conversation in a helpdesk, oldest message first."""

    id: CleanText | None = Field(default=None, max_length=200)
    subject: CleanText = Field(default="", max_length=2_000)
    messages: tuple[Message, ...] = Field(max_length=MAX_MESSAGES)
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    metadata: dict[str, str | int | float | bool | None] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        if sum(len(message.text) for message in self.messages) > MAX_TICKET_CHARS:
            raise ValueError(f"all messages together have more than {MAX_TICKET_CHARS} characters")
        return self

    @classmethod
    def from_text(cls, text: str) -> "Ticket":
        """A ticket of one customer message, as from a command line."""
        return cls(messages=(Message(author="customer", text=text),))


class Question(Value):
    """What the customer asks, after redaction.

    ``text`` is the customer's last turn, ``previous`` the turn before it, ``earlier`` those before that, the newest first,
    ``reply`` the last thing an agent wrote, ``asks`` the sentences of the last turn that ask for something (all of it,
    when none does), ``transcript`` the redacted conversation. ``redacted`` counts what was masked.
    """

    subject: str
    text: str
    previous: str
    earlier: tuple[str, ...] = ()
    reply: str = ""
    asks: tuple[str, ...]
    transcript: tuple[Message, ...]
    language: str
    redacted: dict[str, int]

    def turns(self) -> tuple[str, ...]:
        """What the customer wrote, the newest turn first, those of them that say anything."""
        return tuple(turn for turn in (self.text, self.previous, *self.earlier) if turn.strip())


class Tier(StrEnum):
    """Who answers. Models are tried from small to large; the human is always there."""

    SMALL = "small"
    LARGE = "large"


class Citation(Value):
    """The passage that supports a sentence, and the words in it that do.

    ``n`` is the number shown in the draft; ``start`` and ``end`` are character offsets of ``quote`` in
    the passage's text.
    """

    n: int
    passage_id: str
    document: str
    title: str
    quote: str
    start: int
    end: int
    url: str
    audience: Audience


class Sentence(Value):
    """``lead`` is what stands before it in the draft: nothing, a space, or a line break, with a list marker if any.

    One that could not be checked (``checked`` false) has support 0 and citations without a quote.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float
    lead: str = ""
    checked: bool = True


class Tone(StrEnum):
    """How a person asks for a draft to be written again."""

    SHORTER = "shorter"
    WARMER = "warmer"


class Wish(Value):
    """What a person asks of a draft beyond an answer. ``language`` (ISO 639-1) is empty for the ticket's own."""

    tone: Tone | None = None
    language: str = ""


class RawDraft(Value):
    """What a model wrote, before any check, and exactly what it was asked."""

    tier: Tier
    model: ModelCard
    messages: tuple[ChatMessage, ...]
    sampling: Sampling
    passages_used: tuple[str, ...]
    completion: Completion
    wish: Wish = Wish()


class Draft(Value):
    """A proposed reply: sentences, each with the passages that support it."""

    tier: Tier
    text: str
    sentences: tuple[Sentence, ...]


class Finding(Value):
    """One thing a check found in a draft: what was claimed, and why it does not stand."""

    reason: Reason
    sentence: str
    detail: str


class Verdict(Value):
    """The checks' findings on a draft. ``draft`` keeps what stands; dropped sentences are in ``findings``.

    ``faithfulness`` is of all that was written, by a fit to people's ratings; a score, not yet a probability. None in languages
    that it was not fitted to.
    """

    draft: Draft
    findings: tuple[Finding, ...]
    support: float
    weakest: float
    question_coverage: float
    dropped: int
    faithfulness: float | None = None


class Assurance(Value):
    """How sure it is that people would accept a draft: its ``probability`` by a calibration, and the ``least`` that is asked for.

    Without a ``probability`` the calibration says nothing about this draft, without a ``least`` it accepts none.
    """

    calibration: str
    probability: float | None
    least: float | None

    @property
    def enough(self) -> bool:
        return self.probability is not None and self.least is not None and self.probability >= self.least


class TryTier(Value):
    """Let this model write."""

    kind: Literal["try"] = "try"
    tier: Tier
    reasons: tuple[Reason, ...] = ()


class Answer(Value):
    """The draft stands: every sentence has its evidence."""

    kind: Literal["answer"] = "answer"
    draft: Draft
    reasons: tuple[Reason, ...]


class Clarify(Value):
    """One question back to the customer, with what it could be about."""

    kind: Literal["clarify"] = "clarify"
    question: str
    options: tuple[str, ...]
    reasons: tuple[Reason, ...]


class Refuse(Value):
    """A polite refusal: what is asked is not answered here, or may not be. Code writes its ``text``."""

    kind: Literal["refuse"] = "refuse"
    text: str
    reasons: tuple[Reason, ...]


class ToHuman(Value):
    """Stop here and let a human take over; ``Handoff`` is what the human then gets.

    ``draft`` is one that could not be checked, or is not sure enough: for that human's eyes, never to be sent by itself.
    """

    kind: Literal["human"] = "human"
    reasons: tuple[Reason, ...]
    draft: Draft | None = None


class Handoff(Value):
    """What the human gets: why, the case in a paragraph, what was found and what was tried, what the customer speaks of that no passage
    does (``missing``), and the ``team`` it is proposed to, if any of the tenant's is near to the question.

    ``draft`` is one that could not be checked, is not sure enough, or rests on what is outdated. It is here and not in an Answer so that nothing can send it.
    """

    kind: Literal["handoff"] = "handoff"
    reasons: tuple[Reason, ...]
    summary: str
    passages: tuple[Passage, ...]
    tried: tuple[str, ...]
    draft: Draft | None = None
    missing: tuple[str, ...] = ()
    team: str = ""


Route = TryTier | Clarify | Refuse | ToHuman
Step = Answer | TryTier | ToHuman
Decision = Answer | Clarify | Refuse | Handoff


def proposed(decision: Decision) -> str:
    """The words that are proposed for the customer; of a handoff, a draft that was held back for a person to check."""
    match decision:
        case Answer(draft=draft):
            return draft.text
        case Clarify(question=text) | Refuse(text=text):
            return text
        case Handoff(draft=held_back):
            return held_back.text if held_back is not None else ""
