"""What a model writes of a ticket, and a summary made of it."""

import json

from assistant.kernel.summary import Point, Sentiment, TicketSummary


def written(request: str = "The customer wants to descale.", **others: object) -> str:
    """The JSON a model is bound to, with ``others`` in place of its empty fields."""
    empty = {"product": "", "version": "", "tried": [], "answers": [], "open_questions": [], "next_step": ""}
    mood = {"sentiment_at_first": "neutral", "sentiment": "neutral"}
    return json.dumps({"short": request, "request": request} | empty | mood | others)


def summary(request: str = "The customer wants a refund.", next_step: str = "") -> TicketSummary:
    """What becomes of ``written(request, next_step=next_step)`` where the first message says so."""
    told = Point(text=request, messages=(1,))
    return TicketSummary(
        short=told, request=told, product="", version="", tried=(), answers=(), open_questions=(), next_step=next_step,
        sentiment_at_first=Sentiment.NEUTRAL, sentiment=Sentiment.NEUTRAL, language="en", unsupported=0,
    )  # fmt: skip
