"""Question → TicketSummary: the ticket in five fields, its shape bound by grammar."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

from assistant.kernel.conversation import Message, Question, TicketSummary
from assistant.kernel.errors import ModelUnavailable, PromptTooLong
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.ports import LanguageModel
from assistant.prompts import Prompt

_OWN_TAG = re.compile(r"<(?=\s*/?\s*ticket\b)", re.IGNORECASE)
MAX_TOKENS = 320
SCHEMA = {
    "type": "object",
    "properties": {
        "customer_request": {"type": "string", "maxLength": 300},
        "done": {"type": "array", "items": {"type": "string", "maxLength": 160}, "maxItems": 6},
        "open_questions": {"type": "array", "items": {"type": "string", "maxLength": 160}, "maxItems": 4},
        "next_step": {"type": "string", "maxLength": 240},
        "sentiment": {"enum": ["positive", "neutral", "negative"]},
    },
    "required": ["customer_request", "done", "open_questions", "next_step", "sentiment"],
    "additionalProperties": False,
}
"""The fields of TicketSummary with lengths, so that the grammar also bounds what is written."""


def summarize(question: Question, model: LanguageModel, template: Prompt, deadline_s: float) -> TicketSummary:
    """Summarise the redacted conversation. Whole messages are left out, oldest middle first, when it is long.

    Raises PromptTooLong, ModelUnavailable, DeadlineExceeded or Cancelled.
    """
    sampling = Sampling(max_tokens=MAX_TOKENS, json_schema=SCHEMA)
    messages = _fit(question, model, template, model.card.context_length - MAX_TOKENS)
    completion = run_to_end(model.stream(messages, sampling, deadline_s=deadline_s), lambda _: None)
    try:
        return TicketSummary.model_validate_json(completion.text)
    except ValidationError as error:
        raise ModelUnavailable(
            f"{model.card.name} did not finish a summary in {MAX_TOKENS} tokens",
            fix="Try again; if it happens often, use a larger model for summaries.",
        ) from error


def _fit(question: Question, model: LanguageModel, template: Prompt, room: int) -> tuple[ChatMessage, ...]:
    """The prompt that fits: the first message and the newest are kept, the middle goes oldest first."""
    kept = list(question.transcript)
    while True:
        messages = _render(question, kept, len(question.transcript) - len(kept), template)
        tokens = model.count_tokens(messages)
        if tokens <= room:
            return messages
        if len(kept) <= 1:
            raise PromptTooLong(
                f"a message of the ticket does not fit the {model.card.context_length} tokens of {model.card.name}",
                fix="Shorten the longest message, or use a model with a longer context.",
            )
        del kept[1 if len(kept) > 2 else 0]


def _render(
    question: Question, messages: Sequence[Message], left_out: int, template: Prompt
) -> tuple[ChatMessage, ...]:
    return template.render(
        language_name="the language of the ticket" if question.language != "en" else "English",
        subject=" ".join(question.subject.replace('"', "'").split()),
        left_out=left_out,
        messages=[{"author": message.author, "text": _OWN_TAG.sub("(", message.text)} for message in messages],
    )
