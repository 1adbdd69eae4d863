"""Zendesk's REST: comments public unless told otherwise, tags guarded by a stamp, pages by cursor."""

import base64
from typing import Any

from tests.helpdesks.desk import TOKEN, USER, Call, FakeDesk, FakeEntry, FakeTicket, Routes, need

AGENT, CUSTOMER = 900, 500


def check(call: Call) -> None:
    expected = base64.b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
    need(call.headers.get("authorization") == f"Basic {expected}", "Couldn't authenticate you", 401)


def _comment(entry: FakeEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "type": "Comment",
        "author_id": {"customer": CUSTOMER, "agent": AGENT, "system": -1}[entry.author],
        "body": entry.body,
        "html_body": f'<div class="zd-comment" dir="auto">{entry.body}</div>',
        "plain_body": entry.body,
        "public": entry.public,
        "attachments": [{"id": 70 + index, "file_name": name} for index, name in enumerate(entry.attachments)],
        "audit_id": entry.id + 100_000,
        "via": {"channel": "email"},
        "created_at": entry.at.isoformat().replace("+00:00", "Z"),
    }


_USERS = [
    {"id": CUSTOMER, "name": "Ada Byron", "role": "end-user"},
    {"id": AGENT, "name": "Assistant", "role": "agent"},
]


def _ticket(desk: FakeDesk, ticket: FakeTicket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": None,
        "tags": list(ticket.tags),
        "requester_id": CUSTOMER,
        "assignee_id": None,
        "group_id": desk.group_number(ticket.group) or None,
        "updated_at": ticket.updated_at,
    }


def _show(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    shown: dict[str, Any] = {"ticket": _ticket(desk, ticket)}
    wanted = set(call.query.get("include", "").split(","))
    if "users" in wanted:
        shown["users"] = _USERS
    if "groups" in wanted:
        shown["groups"] = [{"id": desk.group_number(ticket.group), "name": ticket.group}] if ticket.group else []
    return 200, shown


def _comments(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    known = {"page[size]", "page[after]", "sort", "include"}
    need(set(call.query) <= known, f"unknown parameters {set(call.query) - known}", 400)
    size, start = int(call.query.get("page[size]", 100)), int(call.query.get("page[after]", 0))
    need(1 <= size <= 100, "page[size] is too large", 400)
    entries = desk.ticket(call.parts[0]).entries
    ordered = entries[::-1] if call.query.get("sort") == "-created_at" else list(entries)
    page, more = ordered[start : start + size], start + size < len(ordered)
    shown: dict[str, Any] = {
        "comments": [_comment(entry) for entry in page],
        "meta": {"has_more": more, "after_cursor": str(start + size) if more else None, "before_cursor": None},
        "links": {"next": None, "prev": None},
    }
    if call.query.get("include") == "users":
        shown["users"] = _USERS
    return 200, shown


def _update(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    fields = call.fields({"ticket"})["ticket"]
    need(set(fields) <= {"comment", "group_id", "tags", "status"}, f"unknown fields {sorted(fields)}")
    events: list[dict[str, Any]] = []
    if "group_id" in fields:
        need(fields["group_id"] in desk.groups, "Group is invalid")
        ticket.group = desk.groups[fields["group_id"]]
    if "tags" in fields:
        ticket.tags = list(fields["tags"])
    if "comment" in fields:
        comment = fields["comment"]
        need(set(comment) <= {"body", "html_body", "public"}, "unknown fields in comment")
        body = comment.get("html_body") or comment.get("body")
        need(body, "Comment: cannot be blank")
        entry = desk.say(str(ticket.id), "agent", body, public=comment.get("public", True))
        events.append({"id": entry.id, "type": "Comment", "public": entry.public})
    ticket.changes += 1
    return 200, {"ticket": _ticket(desk, ticket), "audit": {"id": 1, "ticket_id": ticket.id, "events": events}}


def _add_tags(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    fields = call.fields({"tags"}, {"updated_stamp", "safe_update"})
    stale = fields.get("updated_stamp") != ticket.updated_at
    need(fields.get("safe_update") != "true" or not stale, "Safe Update prevented the update", 409)
    ticket.tags += [tag for tag in fields["tags"] if tag not in ticket.tags]
    ticket.changes += 1
    return 200, {"tags": list(ticket.tags)}


def _groups(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    """One group a page, so that a client that stops at the first page is found out."""
    start = int(call.query.get("page[after]", 0))
    page = list(desk.groups.items())[start : start + 1]
    more = start + 1 < len(desk.groups)
    meta = {"has_more": more, "after_cursor": str(start + 1) if more else None}
    return 200, {"groups": [{"id": number, "name": name, "deleted": False} for number, name in page], "meta": meta}


ROUTES: Routes = [
    ("GET", r"/api/v2/tickets/(\d+)\.json", _show),
    ("GET", r"/api/v2/tickets/(\d+)/comments\.json", _comments),
    ("PUT", r"/api/v2/tickets/(\d+)\.json", _update),
    ("PUT", r"/api/v2/tickets/(\d+)/tags", _add_tags),
    ("GET", r"/api/v2/groups\.json", _groups),
]
