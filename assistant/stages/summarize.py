"""Question → Summarized: the ticket in a fixed form, each statement tied to the messages that say it; the others are left out."""

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import ValidationError

from assistant.kernel.conversation import Message, Question
from assistant.kernel.errors import ModelUnavailable, PromptTooLong
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.kernel.policy import SummarizePolicy
from assistant.kernel.summary import Point, Sentiment, Summarized, TicketSummary
from assistant.kernel.value import Value
from assistant.ports import LanguageModel
from assistant.prompts import Prompt
from assistant.text.asks import asking_sentences
from assistant.text.retelling import Conversation, only_asks
from assistant.text.sentences import split_sentences

_OWN_TAG = re.compile(r"<(?=\s*/?\s*ticket\b)", re.IGNORECASE)
_NOTHING = frozenset({"", "none", "n/a", "null", "unknown", "nothing", "not mentioned", "not specified"})
_CLAUSE = re.compile(
    r"[,;]\s+(?:and|but|so|while|which|who|because|although|then)\b|;|,?\s+(?:and|but)\s+(?=the\s+(?:customer|agent)\b|they\b)"
)
_CLAUSE_WORDS = 4
_TELLING_WORDS = 3
MAX_TOKENS = 896
"""More than the longest text the schema allows needs, in languages of at least three characters a token."""
QUOTED_CHARS = 240


class Written(Value):
    """What a model writes of a ticket, before any check."""

    short: str
    request: str
    product: str
    version: str
    tried: tuple[str, ...]
    answers: tuple[str, ...]
    open_questions: tuple[str, ...]
    next_step: str
    sentiment_at_first: Sentiment
    sentiment: Sentiment


def _text(longest: int) -> dict[str, object]:
    return {"type": "string", "maxLength": longest}


def _list(most: int) -> dict[str, object]:
    return {"type": "array", "items": _text(160), "maxItems": most}


_SENTIMENT = {"enum": [sentiment.value for sentiment in Sentiment]}
_PROPERTIES = {
    "short": _text(240),
    "request": _text(240),
    "product": _text(60),
    "version": _text(40),
    "tried": _list(3),
    "answers": _list(4),
    "open_questions": _list(3),
    "next_step": _text(200),
    "sentiment_at_first": _SENTIMENT,
    "sentiment": _SENTIMENT,
}
SCHEMA = {
    "type": "object",
    "properties": _PROPERTIES,
    "required": list(_PROPERTIES),
    "additionalProperties": False,
}
"""The fields of Written with lengths, so that the grammar also bounds what is written."""
CUT_MARK = "\n[… the middle of this message is left out …]\n"


def summarize(
    question: Question,
    tenant: str,
    model: LanguageModel,
    template: Prompt,
    policy: SummarizePolicy,
    deadline_s: float,
) -> Summarized:
    """Summarise the redacted conversation, trimmed to what the model can read, and check what it says against all of it.

    Raises PromptTooLong, ModelUnavailable, DeadlineExceeded or Cancelled.
    """
    sampling = Sampling(max_tokens=MAX_TOKENS, json_schema=SCHEMA)
    messages, left_out = _fit(question, model, template, model.card.context_length - MAX_TOKENS)
    completion = run_to_end(model.stream(messages, sampling, tenant=tenant, deadline_s=deadline_s), lambda _: None)
    try:
        written = Written.model_validate_json(completion.text)
    except ValidationError as error:
        raise ModelUnavailable(
            f"{model.card.name} did not finish a summary in {MAX_TOKENS} tokens",
            fix="Try again; if it happens often, use a larger model for summaries.",
        ) from error
    return Summarized(summary=check(written, question, policy), left_out=left_out)


def check(written: Written, question: Question, policy: SummarizePolicy) -> TicketSummary:
    """What of ``written`` the messages say. In place of a request that they do not, the customer's own words stand."""
    told = Conversation(question.subject, question.transcript, question.language)
    checked = _Checked(told, policy)
    wanted = checked.first([written.request])
    request = wanted or _in_own_words(question, told)
    answers = checked.all(written.answers)
    asked = checked.all(written.open_questions)
    tried = checked.all(said for said in written.tried if not only_asks(said))
    short = checked.joined(written.short) or _together([*([wanted] if wanted else []), *answers][:2]) or request
    return TicketSummary(
        short=short,
        request=request,
        product=_verbatim(written.product, told),
        version=_verbatim(written.version, told),
        tried=tried,
        answers=answers,
        open_questions=asked,
        next_step="" if _empty(written.next_step) or told.missing(written.next_step) else written.next_step.strip(),
        sentiment_at_first=written.sentiment_at_first,
        sentiment=written.sentiment,
        language=question.language,
        unsupported=checked.fell,
    )


class _Checked:
    """Statements that stand as points, each thing said once; ``fell`` counts those that do not stand."""

    def __init__(self, told: Conversation, policy: SummarizePolicy) -> None:
        self._told, self._policy, self._said = told, policy, set[frozenset[str]]()
        self.fell = 0

    def point(self, statement: str) -> Point | None:
        """``statement``, or as many of its first clauses as stand."""
        for part in _shorter_and_shorter(statement.strip()):
            trace = self._told.trace(part)
            if trace.messages and not trace.missing and not trace.swapped and trace.support >= self._policy.min_support:
                self.fell += part != statement.strip()
                return Point(text=part, messages=trace.messages)
        self.fell += 1
        return None

    def first(self, statements: Iterable[str]) -> Point | None:
        found = self.all(statements)
        return found[0] if found else None

    def all(self, statements: Iterable[str]) -> tuple[Point, ...]:
        """Those that stand and say what none before them did."""
        found = []
        for statement in statements:
            said = frozenset(self._told.said(statement))
            if _empty(statement) or said in self._said:
                continue
            self._said.add(said)
            if (point := self.point(statement)) is not None:
                found.append(point)
        return tuple(found)

    def joined(self, text: str) -> Point | None:
        """The sentences of ``text`` that stand, as one."""
        return _together([point for span in split_sentences(text) if (point := self.point(span.text)) is not None])


def _together(points: Sequence[Point]) -> Point | None:
    """Several statements as one, or None for none."""
    numbers = sorted({number for point in points for number in point.messages})
    return Point(text=" ".join(point.text for point in points), messages=tuple(numbers)) if points else None


def _shorter_and_shorter(statement: str) -> Iterator[str]:
    """``statement`` whole, then without its last clause, then without the last two …"""
    yield statement
    for border in reversed(list(_CLAUSE.finditer(statement))):
        if len(statement[: border.start()].split()) >= _CLAUSE_WORDS:
            yield statement[: border.start()].rstrip(" ,;") + "."


def _in_own_words(question: Question, told: Conversation) -> Point:
    """The first sentence in which the customer asks for something, as a quote; else the first that says much, else how they begin."""
    said = [
        (number, span.text)
        for number, message in enumerate(question.transcript, start=1)
        if message.author == "customer"
        for span in split_sentences(message.text)
    ]
    telling = [(number, text) for number, text in said if len(told.said(text)) >= _TELLING_WORDS]
    asking = [(number, text) for number, text in said if told.said(text) and asking_sentences(text)]
    for number, text in (*asking, *telling, *said):
        quote = " ".join(text.split())
        cut = quote if len(quote) <= QUOTED_CHARS else quote[:QUOTED_CHARS].rsplit(" ", 1)[0] + " …"
        return Point(text=f"“{cut}”", messages=(number,))
    return Point(text=told.subject, messages=())


def _verbatim(name: str, told: Conversation) -> str:
    """A name that stands in the ticket like this, or nothing."""
    return name.strip() if not _empty(name) and told.has(name) else ""


def _empty(text: str) -> bool:
    return text.strip(" .").lower() in _NOTHING


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
