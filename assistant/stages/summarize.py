"""Question → TicketSummary: the ticket in five fields, its shape bound by grammar."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

from assistant.kernel.conversation import Message, Question, Summarized, TicketSummary
from assistant.kernel.errors import ModelUnavailable, PromptTooLong
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.ports import LanguageModel
from assistant.prompts import Prompt

_OWN_TAG = re.compile(r"<(?=\s*/?\s*ticket\b)", re.IGNORECASE)
MAX_TOKENS = 768
"""More than the longest text the schema allows needs, in languages of at least three characters a token."""
SCHEMA = {
    "type": "object",
    "properties": {
        "customer_request": {"type": "string", "maxLength": 300},
        "done": {"type": "array", "items": {"type": "string", "maxLength": 160}, "maxItems": 4},
        "open_questions": {"type": "array", "items": {"type": "string", "maxLength": 160}, "maxItems": 3},
        "next_step": {"type": "string", "maxLength": 240},
        "sentiment": {"enum": ["positive", "neutral", "negative"]},
    },
    "required": ["customer_request", "done", "open_questions", "next_step", "sentiment"],
    "additionalProperties": False,
}
"""The fields of TicketSummary with lengths, so that the grammar also bounds what is written."""
CUT_MARK = "\n[… the middle of this message is left out …]\n"


def summarize(question: Question, tenant: str, model: LanguageModel, template: Prompt, deadline_s: float) -> Summarized:
    """Summarise the redacted conversation, trimmed to what the model can read.

    Raises PromptTooLong, ModelUnavailable, DeadlineExceeded or Cancelled.
    """
    sampling = Sampling(max_tokens=MAX_TOKENS, json_schema=SCHEMA)
    messages, left_out = _fit(question, model, template, model.card.context_length - MAX_TOKENS)
    completion = run_to_end(model.stream(messages, sampling, tenant=tenant, deadline_s=deadline_s), lambda _: None)
    try:
        return Summarized(summary=TicketSummary.model_validate_json(completion.text), left_out=left_out)
    except ValidationError as error:
        raise ModelUnavailable(
            f"{model.card.name} did not finish a summary in {MAX_TOKENS} tokens",
            fix="Try again; if it happens often, use a larger model for summaries.",
        ) from error


def _fit(question: Question, model: LanguageModel, template: Prompt, room: int) -> tuple[tuple[ChatMessage, ...], int]:
    """The prompt that fits, and how many messages it lacks: the first and the newest are kept, of the rest the
    oldest go first. A last message that is too long alone loses its own middle.
    """
    kept = list(question.transcript)
    total = len(kept)
    while True:
        messages = _render(question, kept, total - len(kept), template)
        tokens = model.count_tokens(messages)
        if tokens <= room:
            return messages, total - len(kept)
        if len(kept) > 1:
            _trim(kept, (tokens - room) / tokens)
        elif len(kept[0].text) > 2 * len(CUT_MARK):
            kept[0] = _cut(kept[0], room / tokens)
        else:
            raise PromptTooLong(
                f"not even an empty ticket fits the {model.card.context_length} tokens of {model.card.name}",
                fix="Use a model with a longer context.",
            )


def _trim(kept: list[Message], share: float) -> None:
    """Take whole messages out until about ``share`` of the characters is gone, at least one."""
    surplus = share * sum(len(message.text) for message in kept)
    while True:
        surplus -= len(kept.pop(1 if len(kept) > 2 else 0).text)
        if surplus <= 0 or len(kept) == 1:
            return


def _cut(message: Message, share: float) -> Message:
    """The beginning and the end of a message, about ``share`` of it, with a mark between them."""
    text = message.text.replace(CUT_MARK, "")
    keep = int(len(text) * min(share, 1.0) * 0.9) - len(CUT_MARK)
    head, tail = max(keep * 2 // 3, 0), max(keep // 3, 1)
    return message.model_copy(update={"text": f"{text[:head]}{CUT_MARK}{text[-tail:]}"})


def _render(
    question: Question, messages: Sequence[Message], left_out: int, template: Prompt
) -> tuple[ChatMessage, ...]:
    return template.render(
        language_name="the language of the ticket" if question.language != "en" else "English",
        subject=" ".join(question.subject.replace('"', "'").split()),
        left_out=left_out,
        gap=1 if len(messages) > 1 else 0,
        messages=[{"author": message.author, "text": _OWN_TAG.sub("(", message.text)} for message in messages],
    )
