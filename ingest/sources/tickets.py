"""Solved tickets → sources: what the customer asked and what the agents answered, with personal data masked.

A row is a ticket as ``deskhand draft --file`` takes it, one of a CSV table with a question and an answer, or one that Zendesk,
Freshdesk, Zammad, Chatwoot or Intercom has exported through its API. Notes that only agents saw are left out.
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Problem
from ingest.sources.rows import lines
from ingest.sources.source import Source, clean, moment

SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".csv")
_FORM = 'Write lines like {"id": "7", "subject": "…", "messages": [{"author": "customer", "text": "…"}, {"author": "agent", "text": "…"}]}.'
_SCHEME = "tickets:"
"""Of keys: documents and tickets of one folder do not take each other for deleted."""
_SOLVED = {"solved", "closed", "resolved", "done", "4", "5"}
"""States of tickets that are over. Freshdesk's are numbers."""
_HTML = re.compile(r"<(p|br|div|span|a|ul|ol|table|strong|b)\b", re.IGNORECASE)
_COLUMNS = {
    "id": ("id", "ticket id", "ticket", "number"),
    "subject": ("subject", "title", "summary", "betreff"),
    "question": ("question", "description", "message", "request", "body", "frage"),
    "answer": ("answer", "reply", "resolution", "solution", "response", "antwort"),
    "state": ("status", "state"),
}
_DATES = ("solved_at", "closed_at", "updated_at", "last_activity_at", "created_at")
"""What tells how old the answer is, the best first."""
Mask = Callable[[str], str]


class _Said(NamedTuple):
    by_agent: bool
    text: str


class _Ticket(NamedTuple):
    """``state`` is empty where the export does not tell it: only solved tickets were asked for then."""

    id: str
    subject: str
    state: str
    said: tuple[_Said, ...]


def load_tickets(path: Path, mask: Mask) -> Iterator[Source | Problem]:
    """The solved tickets of a file, or of the files of a folder. Those that are open are passed over.

    Raises InputError when ``path`` is not there.
    """
    path = path.resolve()
    if not path.exists():
        raise InputError(f"there is nothing at {path}", fix="Check the path.", field="path")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        if file.is_dir() or file.name.startswith("."):
            continue
        if file.name.lower().endswith(SUFFIXES):
            yield from _file(file, name, mask)
        else:
            fix = f"Export them as one of {' '.join(SUFFIXES)}."
            yield Problem(
                name=name,
                reason="tickets are not read from files of its kind",
                fix=fix,
                covers=f"{_SCHEME}{file.as_uri()}#",
            )


def tickets_root(path: Path) -> str:
    """The beginning of the keys of all tickets at or below ``path``."""
    path = path.resolve()
    return f"{_SCHEME}{path.as_uri()}{'/' if path.is_dir() else '#'}"


def _file(file: Path, name: str, mask: Mask) -> Iterator[Source | Problem]:
    whole, seen = f"{_SCHEME}{file.as_uri()}#", set[str]()
    number = 0
    try:
        with file.open("rb") as stream:
            for number, row in enumerate(_rows(stream, name), start=1):
                yield from _document(row, f"{name}:{number}", whole, seen, mask)
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        reason = f"cannot be read further: {error}"
        yield Problem(name=f"{name}:{number + 1}", reason=reason, fix="Export it again.", covers=whole)
    if number == 0:
        yield Problem(name=name, reason="no ticket was found in it", fix=_FORM, covers=whole)


def _rows(stream: IO[bytes], name: str) -> Iterator[object]:
    """Rows as JSON gives them; what is no JSON is a string."""
    if name.lower().endswith(".csv"):
        yield from csv.DictReader(io.TextIOWrapper(stream, "utf-8-sig", "replace", newline=""))
        return
    for line in lines(stream, name):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield ""


def _document(row: object, place: str, whole: str, seen: set[str], mask: Mask) -> Iterator[Source | Problem]:
    ticket = _read(row) if isinstance(row, dict) else None
    if ticket is None or not ticket.id:
        yield Problem(name=place, reason="it is no ticket of a known form with an id", fix=_FORM, covers=whole)
        return
    if ticket.state and ticket.state.lower() not in _SOLVED:
        return
    key = f"{whole}{quote(clean(ticket.id))}"
    said = [part for part in ticket.said if part.text.strip()]
    if ticket.id in seen:
        yield Problem(name=place, reason="its id stands twice; the first was kept", fix="Make ids unique.", key=key)
    elif not any(part.by_agent for part in said) or all(part.by_agent for part in said):
        fix = "Nothing: only tickets with a question and a reply are of use."
        yield Problem(name=place, reason="it has no question that an agent answered", fix=fix, key=key)
    else:
        subject = " ".join(mask(clean(ticket.subject)).split()) or "Solved ticket"
        page = _page(subject, said, mask).encode("utf-8", "replace")
        dates = (moment(row.get(name)) for name in _DATES) if isinstance(row, dict) else ()
        yield Source(key, place, "text/html", page, key, subject, next((date for date in dates if date), None))
    seen.add(ticket.id)


def _page(subject: str, said: Sequence[_Said], mask: Mask) -> str:
    """One page of question and answer, without headings between them: they belong together."""
    parts = [f"<h1>{escape(subject)}</h1>"]
    for part in said:
        text = mask(clean(part.text))
        if not _HTML.search(text):
            paragraphs = (escape(each).replace("\n", "<br>") for each in re.split(r"\n\s*\n", text))
            text = "".join(f"<p>{each}</p>" for each in paragraphs)
        parts.append(f"<p><b>{'Agent' if part.by_agent else 'Customer'}:</b></p>{text}")
    return "".join(parts)


def _read(row: Mapping[str, Any]) -> _Ticket | None:
    """The ticket in whatever form it has; None when it has none that is known."""
    for form in (_own, _zendesk, _freshdesk, _zammad, _chatwoot, _intercom, _table_row):
        try:
            if (ticket := form(row)) is not None:
                return ticket
        except (AttributeError, KeyError, TypeError, ValueError):  # It only looked like one.
            continue
    return None


def _own(row: Mapping[str, Any]) -> _Ticket | None:
    if not any("author" in each for each in row.get("messages", ())):
        return None
    said = (_Said(each["author"] == "agent", each["text"]) for each in row["messages"])
    return _Ticket(str(row.get("id") or ""), str(row.get("subject") or ""), str(row.get("status") or ""), tuple(said))


def _zendesk(row: Mapping[str, Any]) -> _Ticket | None:
    """https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/"""
    if "comments" not in row or "requester_id" not in row:
        return None
    said = tuple(
        _Said(each["author_id"] != row["requester_id"], each.get("html_body") or each.get("plain_body") or each["body"])
        for each in row["comments"]
        if each.get("public", True)
    )
    return _Ticket(str(row["id"]), str(row.get("subject") or ""), str(row.get("status") or ""), said)


def _freshdesk(row: Mapping[str, Any]) -> _Ticket | None:
    """https://developers.freshdesk.com/api/#conversations"""
    if "conversations" not in row or not ("description" in row or "description_text" in row):
        return None
    first = _Said(by_agent=False, text=row.get("description") or row.get("description_text") or "")
    others = (
        _Said(not each["incoming"], each.get("body") or each["body_text"])
        for each in row["conversations"]
        if not each.get("private")
    )
    return _Ticket(str(row["id"]), str(row.get("subject") or ""), str(row.get("status") or ""), (first, *others))


def _zammad(row: Mapping[str, Any]) -> _Ticket | None:
    """https://docs.zammad.org/en/latest/api/ticket/articles.html"""
    if "articles" not in row:
        return None
    said = tuple(
        _Said(each["sender"] == "Agent", each["body"])
        for each in row["articles"]
        if not each.get("internal") and each["sender"] != "System"
    )
    return _Ticket(str(row.get("number") or row["id"]), str(row.get("title") or ""), str(row.get("state") or ""), said)


def _chatwoot(row: Mapping[str, Any]) -> _Ticket | None:
    """https://developers.chatwoot.com/api-reference/messages/get-messages; 0 is incoming, 1 outgoing, others tell of events."""
    kinds = {0: False, "incoming": False, 1: True, "outgoing": True}
    if not any("message_type" in each for each in row.get("messages", ())):
        return None
    said = tuple(
        _Said(kinds[each["message_type"]], each.get("content") or "")
        for each in row["messages"]
        if each["message_type"] in kinds and not each.get("private")
    )
    return _Ticket(str(row["id"]), str(row.get("subject") or ""), str(row.get("status") or ""), said)


def _intercom(row: Mapping[str, Any]) -> _Ticket | None:
    """https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations"""
    if "conversation_parts" not in row or "source" not in row:
        return None
    found = row["conversation_parts"]
    parts = [row["source"], *(found["conversation_parts"] if isinstance(found, dict) else found)]
    said = tuple(
        _Said(each["author"]["type"] in ("admin", "bot"), each.get("body") or "")
        for each in parts
        if each.get("part_type") != "note"
    )
    subject = row.get("title") or row["source"].get("subject") or ""
    return _Ticket(str(row["id"]), re.sub(r"<[^<>]{0,200}>", "", str(subject)), str(row.get("state") or ""), said)


def _table_row(row: Mapping[str, Any]) -> _Ticket | None:
    named = {
        str(name).strip().lower().replace("_", " "): value for name, value in row.items() if isinstance(value, str)
    }
    fields = {field: next((named[each] for each in names if named.get(each)), "") for field, names in _COLUMNS.items()}
    if not fields["question"] and not fields["answer"]:
        return None
    said = (
        _Said(by_agent=False, text=fields["question"] or fields["subject"]),
        _Said(by_agent=True, text=fields["answer"]),
    )
    return _Ticket(fields["id"], fields["subject"] or fields["question"][:100], fields["state"], said)
