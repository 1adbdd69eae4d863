"""Zammad's REST, as far as its documentation and source tell."""

from typing import Any

from tests.helpdesks.desk import TOKEN, USER, Call, FakeDesk, FakeEntry, FakeTicket, Reject, Routes, need

ME, SOMEONE = 7, 8


def check(call: Call) -> None:
    need(call.headers.get("authorization") == f"Token token={TOKEN}", "authentication failed", 401)


def _article(ticket: FakeTicket, entry: FakeEntry) -> dict[str, Any]:
    customer = entry.author == "customer"
    attachments = [
        {"id": 9000 + index, "filename": name, "size": "1024", "preferences": {"Content-Type": "application/pdf"}}
        for index, name in enumerate(entry.attachments)
    ]
    return {
        "id": entry.id,
        "ticket_id": ticket.id,
        "type": ticket.channel if entry.public else "note",
        "sender": entry.author.capitalize(),
        "from": f"Ada Byron <{ticket.customer}>" if customer else "Assistant",
        "to": None,
        "subject": None,
        "body": entry.body,
        "content_type": "text/html" if entry.html else "text/plain",
        "internal": not entry.public,
        "created_by": ticket.customer if customer else USER,
        "created_at": entry.at.isoformat().replace("+00:00", "Z"),
        "attachments": attachments,
        "preferences": {},
    }


def _show(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    need(call.query == {"expand": "true"}, "names come only with expand=true", 400)
    ticket = desk.ticket(call.parts[0])
    return 200, {
        "id": ticket.id,
        "number": f"7{ticket.id}",
        "title": ticket.subject,
        "group_id": desk.group_number(ticket.group) or 1,
        "group": ticket.group or "Users",
        "state_id": 2,
        "state": ticket.status,
        "owner_id": 1,
        "owner": "-",
        "customer_id": 12,
        "customer": ticket.customer,
        "organization": None,
        "note": None,
        "updated_at": ticket.updated_at,
    }


def _update(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket, fields = desk.ticket(call.parts[0]), call.fields(set(), {"group", "group_id", "state", "priority"})
    if "group_id" in fields:
        need(fields["group_id"] in desk.groups, "Invalid value for param 'group_id'")
        ticket.group = desk.groups[fields["group_id"]]
    if "group" in fields:
        need(desk.group_number(fields["group"]), "No lookup value found for 'group'")
        ticket.group = fields["group"]
    ticket.changes += 1
    return 200, {"id": ticket.id, "title": ticket.subject}


def _articles(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    return 200, [_article(ticket, entry) for entry in ticket.entries]


def _write_article(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    fields = call.fields({"ticket_id", "body"}, {"content_type", "type", "internal", "subject", "to"})
    need(fields["body"], "Need at least article body")
    kind, internal = fields.get("type", "note"), fields.get("internal", False)
    need(kind in {"note", "email", "web", "phone"}, "No lookup value found for 'type'")
    need(kind != "email" or ("@" in fields.get("to", "") and not internal), "an email needs a recipient")
    ticket = desk.ticket(str(fields["ticket_id"]))
    html = fields.get("content_type", "text/plain") == "text/html"
    key = call.headers.get("idempotency-key", "")
    entry = desk.say(str(ticket.id), "agent", fields["body"], public=not internal, html=html, key=key)
    return 201, _article(ticket, entry)


def _tags(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    need(call.query.get("object") == "Ticket", "object is missing")
    return 200, {"tags": list(desk.ticket(call.query.get("o_id", "")).tags)}


def _add_tag(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    fields = call.fields({"item", "object", "o_id"})
    need(fields["object"] == "Ticket" and fields["item"], "object or item is wrong")
    ticket = desk.ticket(str(fields["o_id"]))
    ticket.tags += [fields["item"]] if fields["item"] not in ticket.tags else []
    return 201, True


def _draft(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    if ticket.draft is None:
        return 200, {"shared_draft_id": None, "assets": None}
    held = {"id": 31, "ticket_id": ticket.id, **ticket.draft, "updated_by_id": ticket.drafted_by}
    return 200, {"shared_draft_id": 31, "assets": {"TicketSharedDraftZoom": {"31": held}, "User": {}}}


def _keep_draft(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    fields = call.fields({"form_id", "new_article", "ticket_attributes"})
    need((ticket.group or "Users") not in desk.groups_without_drafts, "shared drafts are not enabled")
    if not isinstance(fields["new_article"], dict) or not fields["new_article"].get("body"):
        raise Reject(422, "new_article is empty")
    ticket.draft, ticket.drafted_by = fields, ME
    return 200, {"shared_draft_id": 31, "assets": {}}


def _me(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    return 200, {"id": ME, "login": USER, "active": True}


ROUTES: Routes = [
    ("GET", r"/api/v1/tickets/(\d+)", _show),
    ("PUT", r"/api/v1/tickets/(\d+)", _update),
    ("GET", r"/api/v1/ticket_articles/by_ticket/(\d+)", _articles),
    ("POST", r"/api/v1/ticket_articles", _write_article),
    ("GET", r"/api/v1/tags", _tags),
    ("POST", r"/api/v1/tags/add", _add_tag),
    ("GET", r"/api/v1/tickets/(\d+)/shared_draft", _draft),
    ("PUT", r"/api/v1/tickets/(\d+)/shared_draft", _keep_draft),
    ("GET", r"/api/v1/users/me", _me),
]
