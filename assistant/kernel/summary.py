"""What a ticket is about and how it stands, each statement tied to the messages that say it."""

from enum import StrEnum

from assistant.kernel.value import Value


class Sentiment(StrEnum):
    """How the customer sounds."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Point(Value):
    """A statement, and the ``messages`` it was found in: their numbers, from 1 in the order of the ticket."""

    text: str
    messages: tuple[int, ...]


class TicketSummary(Value):
    """A ticket for the colleague who takes over. Bound by grammar when a model writes it, so it is always this shape.

    ``short`` says it in a sentence or two. ``request`` is what the customer wants, ``tried`` what they did about it already, ``answers``
    what they were told or what was done, ``open_questions`` what nobody has answered. ``product`` and ``version`` stand in the messages
    like this, or are empty. ``next_step`` is the model's proposal, and empty where that names what no message does.
    ``sentiment_at_first`` is of the customer's first message, ``sentiment`` of the last. ``language`` is that of the ticket (ISO 639-1). ``unsupported`` counts the
    statements that were left out because no message says so.
    """

    short: Point
    request: Point
    product: str
    version: str
    tried: tuple[Point, ...]
    answers: tuple[Point, ...]
    open_questions: tuple[Point, ...]
    next_step: str
    sentiment_at_first: Sentiment
    sentiment: Sentiment
    language: str
    unsupported: int

    def points(self) -> tuple[Point, ...]:
        """All that it says of the ticket."""
        return (self.short, self.request, *self.tried, *self.answers, *self.open_questions)


class Summarized(Value):
    """A summary, and how many messages in the middle of the ticket were left out because it was too long."""

    summary: TicketSummary
    left_out: int
