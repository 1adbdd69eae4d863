"""Freshdesk's REST: the first message is the ticket's description, tags are replaced, statuses are numbers."""

import base64
from typing import Any

from tests.helpdesks.desk import TOKEN, Call, FakeDesk, FakeEntry, Routes, need

AGENT, CUSTOMER = 900, 500
_STATUSES = {"open": 2, "pending": 3, "resolved": 4, "closed": 5}


def check(call: Call) -> None:
    expected = base64.b64encode(f"{TOKEN}:X".encode()).decode()
    need(call.headers.get("authorization") == f"Basic {expected}", "invalid_credentials", 401)


def _conversation(entry: FakeEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "body": entry.body,
        "body_text": entry.body,
        "incoming": entry.author == "customer",
        "private": not entry.public,
        "user_id": CUSTOMER if entry.author == "customer" else AGENT,
        "source": 0 if entry.public else 2,
        "support_email": None,
        "attachments": [{"id": 80 + index, "name": name} for index, name in enumerate(entry.attachments)],
        "created_at": entry.at.isoformat().replace("+00:00", "Z"),
    }


def _show(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    first = ticket.entries[0]
    return 200, {
        "id": ticket.id,
        "subject": ticket.subject,
        "description": first.body,
        "description_text": first.body,
        "status": _STATUSES[ticket.status],
        "source": 1,
        "priority": 1,
        "tags": list(ticket.tags),
        "requester_id": CUSTOMER,
        "responder_id": None,
        "group_id": desk.group_number(ticket.group) or None,
        "attachments": [{"id": 80 + index, "name": name} for index, name in enumerate(first.attachments)],
        "created_at": first.at.isoformat().replace("+00:00", "Z"),
        "updated_at": ticket.updated_at,
    }


def _conversations(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    size, page = int(call.query.get("per_page", 30)), int(call.query.get("page", 1))
    need(1 <= size <= 100 and page >= 1, "per_page is too large", 400)
    entries = desk.ticket(call.parts[0]).entries[1:]
    return 200, [_conversation(entry) for entry in entries[(page - 1) * size : page * size]]


def _update(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    fields = call.fields(set(), {"tags", "group_id", "status", "priority", "responder_id"})
    need(fields, "nothing to change", 400)
    if "group_id" in fields:
        need(fields["group_id"] in desk.groups, "There is no group matching the given group_id", 400)
        ticket.group = desk.groups[fields["group_id"]]
    ticket.tags = list(fields.get("tags", ticket.tags))
    ticket.changes += 1
    return 200, {"id": ticket.id, "tags": ticket.tags}


def _note(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    fields = call.fields({"body"}, {"private", "notify_emails", "incoming"})
    need(fields["body"], "body is blank", 400)
    return 201, _conversation(_write(desk, call, public=fields.get("private") is False))


def _reply(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    need(call.fields({"body"})["body"], "body is blank", 400)
    return 201, _conversation(_write(desk, call, public=True))


def _write(desk: FakeDesk, call: Call, *, public: bool) -> FakeEntry:
    key = call.headers.get("idempotency-key", "")
    return desk.say(call.parts[0], "agent", call.body["body"], public=public, key=key)


def _groups(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    return 200, [{"id": number, "name": name} for number, name in desk.groups.items()]


def _group(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    number = int(call.parts[0])
    need(number in desk.groups, "no such group", 404)
    return 200, {"id": number, "name": desk.groups[number]}


ROUTES: Routes = [
    ("GET", r"/api/v2/tickets/(\d+)", _show),
    ("PUT", r"/api/v2/tickets/(\d+)", _update),
    ("GET", r"/api/v2/tickets/(\d+)/conversations", _conversations),
    ("POST", r"/api/v2/tickets/(\d+)/notes", _note),
    ("POST", r"/api/v2/tickets/(\d+)/reply", _reply),
    ("GET", r"/api/v2/groups", _groups),
    ("GET", r"/api/v2/groups/(\d+)", _group),
]
