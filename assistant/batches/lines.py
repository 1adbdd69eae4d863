"""A line in, a row out. A bad line is an error row, and the rest goes on.

A line is a ticket as ``deskhand draft --file`` takes it, or a transcript: ``{"id", "dialogue": "Name: text⏎…"}``,
whose first speaker is taken for the customer, or the second where the first offers help. ``fname`` stands for ``id`` too.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field, ValidationError

from assistant.kernel.batches import MAX_LINE_BYTES, MAX_LINES, RowError, SummaryRow
from assistant.kernel.conversation import Author, Message, Ticket
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.value import CleanText, Value
from assistant.pipeline import Desk, summarize

ROW_DEADLINE_S = 600.0
"""Long, because bulk work stands aside for as long as others need the models."""
_SPEAKER = re.compile(r"^\s*(#?[\w .'-]{1,40}#?)\s*:\s+", re.MULTILINE)
_SERVES = re.compile(
    r"\b(?:(?:can|may|could) i (?:help|assist|be of|take your|have your|get you|see your)|anything (?:else )?i can (?:do|get|help)"
    r"|what can i (?:do|get) for you|how (?:can|may|could) (?:i|we) (?:help|assist)|thank(?:s| you) for (?:calling|contacting)"
    r"|(?:are you )?ready to order|what would you like to (?:order|drink|eat)|(?:sir|madam|ma'am)\b"
    r"|was kann ich|wie kann ich ihnen|que puis-je|en qué puedo)",
    re.IGNORECASE,
)
"""What whoever works there says, and no customer."""
EXPECTED = 'A line is {"id": "…", "subject": "…", "messages": [{"author": "customer", "text": "…"}]}.'


class TicketRef(Value):
    """A line that names a ticket of a helpdesk instead of holding one."""

    connection: str
    ticket_id: str


class Transcript(Value):
    """A line that holds a conversation as text, a speaker a line."""

    id: CleanText | None = Field(default=None, max_length=200)
    dialogue: CleanText = Field(min_length=1, max_length=400_000)

    def ticket(self) -> Ticket:
        before, names, texts = self._turns()
        if not names:
            return Ticket(id=self.id, messages=(Message(author="customer", text=self.dialogue),))
        authors = self.speakers()
        said: list[tuple[Author, str]] = [
            ("system", before),
            *((authors[name], text) for name, text in zip(names, texts, strict=True)),
        ]
        messages = tuple(Message(author=author, text=text.strip()) for author, text in said if text.strip())
        return Ticket(id=self.id, messages=messages)

    def speakers(self) -> dict[str, Author]:
        """Who is who, by the names in the dialogue; nobody when it is no dialogue."""
        _, names, texts = self._turns()
        customer = _customer(names, texts) if names else ""
        return {name: "customer" if name == customer else "agent" for name in names}

    def _turns(self) -> tuple[str, list[str], list[str]]:
        """What stands before the first name, and the name and the text of each turn."""
        before, *turns = _SPEAKER.split(self.dialogue)
        return before, turns[::2], turns[1::2]


def _customer(names: Sequence[str], texts: Sequence[str]) -> str:
    """Whoever speaks first, or of two speakers the one who is served by the other."""
    speakers = list(dict.fromkeys(names))
    served = [
        sum(len(_SERVES.findall(text)) for name, text in zip(names, texts, strict=True) if name == one)
        for one in speakers
    ]
    return speakers[1] if len(speakers) > 1 and served[0] > served[1] else speakers[0]


Resolve = Callable[[str, TicketRef], Ticket]
"""Reads a ticket that is only named, for a tenant. Raises NotFound, ConfigurationError or HelpdeskUnavailable."""


def check_lines(lines: Sequence[str]) -> Sequence[str]:
    """``lines`` if they may be a batch. Raises InputError."""
    if not any(line.strip() for line in lines):
        raise InputError("the batch has no lines", fix=EXPECTED, field="tickets")
    if len(lines) > MAX_LINES:
        raise InputError(f"the batch has more than {MAX_LINES} lines", fix="Send it in parts.", field="tickets")
    return lines


def parse_line(source: str, tenant: str, resolve: Resolve) -> Ticket:
    """The ticket of a line. Raises InputError that names the field, and HelpdeskUnavailable."""
    if len(source.encode()) > MAX_LINE_BYTES:
        raise InputError(f"the line is longer than {MAX_LINE_BYTES} bytes", fix="Shorten the ticket.")
    try:
        given = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InputError("the line is not JSON", fix=EXPECTED) from error
    if not isinstance(given, dict):
        raise InputError("the line is not a JSON object", fix=EXPECTED)
    try:
        if "dialogue" in given:
            name = given.get("id", given.get("fname"))
            return _not_empty(Transcript(id=name, dialogue=given["dialogue"]).ticket())
        if "ticket_id" in given:
            return _not_empty(_resolved(tenant, TicketRef.model_validate(given), resolve))
        return _not_empty(Ticket.model_validate(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(f"{place}: {first['msg']}", fix=EXPECTED, field=place) from error


def _resolved(tenant: str, reference: TicketRef, resolve: Resolve) -> Ticket:
    """A ticket that its helpdesk refuses to show is this line's trouble, and not the batch's."""
    try:
        return resolve(tenant, reference)
    except ConfigurationError as error:
        raise InputError(str(error), fix=error.fix, field="ticket_id") from error


def _not_empty(ticket: Ticket) -> Ticket:
    if not any(message.text.strip() for message in ticket.messages):
        raise InputError("the ticket has no message with text in it", fix=EXPECTED, field="messages")
    return ticket


def summarize_line(line: int, source: str, tenant: str, desk: Desk, resolve: Resolve) -> SummaryRow:
    """The result of a line. What its sender must mend is an error row; what may work another time is raised."""
    base: dict[str, Any] = {"line": line, "input_sha256": digest(source), "id": None, "summary": None, "error": None}
    try:
        ticket = parse_line(source, tenant, resolve)
        base["id"] = ticket.id
        done = summarize(ticket, tenant, desk, ROW_DEADLINE_S)
        return SummaryRow.model_validate(base | {"summary": done.summary, "left_out": done.left_out})
    except InputError as error:
        said = RowError(kind="input", message=str(error), fix=error.fix)
        return SummaryRow.model_validate(base | {"error": said})


def failed_line(line: int, source: str, why: str) -> SummaryRow:
    """The result of a line that no model could summarise, however often it was tried."""
    error = RowError(kind="model", message=why, fix="Try this line again, or with a larger model.")
    return SummaryRow(line=line, id=None, summary=None, error=error, input_sha256=digest(source))


def digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
