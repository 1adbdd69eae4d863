"""Chatwoot's REST: 20 messages a page, labels that overwrite, kinds of messages as numbers."""

from typing import Any

from tests.helpdesks.desk import ACCOUNT, TOKEN, Call, FakeDesk, FakeEntry, FakeTicket, Routes, need

_BASE = rf"/api/v1/accounts/{ACCOUNT}"
_KINDS = {"customer": 0, "agent": 1, "system": 2}
PAGE = 20


def check(call: Call) -> None:
    need(call.headers.get("api_access_token") == TOKEN, "Invalid Access Token", 401)


def _message(ticket: FakeTicket, entry: FakeEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": entry.id,
        "content": entry.body,
        "conversation_id": ticket.id,
        "message_type": _KINDS[entry.author],
        "content_type": "text",
        "content_attributes": {},
        "created_at": int(entry.at.timestamp()),
        "private": not entry.public,
        "source_id": None,
    }
    if entry.attachments:
        address = "https://chat.example/rails/active_storage/blobs/redirect/eyJfcmFpbHMi"
        shown["attachments"] = [
            {"id": 50 + index, "file_type": "file", "data_url": f"{address}/{name.replace(' ', '%20')}"}
            for index, name in enumerate(entry.attachments)
        ]
    return shown


def _show(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    meta: dict[str, Any] = {
        "sender": {"id": 5, "name": "Ada Byron", "email": ticket.customer},
        "channel": "Channel::Email",
    }
    if ticket.group:
        meta["team"] = {"id": desk.group_number(ticket.group), "name": ticket.group}
    return 200, {
        "id": ticket.id,
        "account_id": int(ACCOUNT),
        "status": ticket.status,
        "labels": list(ticket.tags),
        "meta": meta,
        "can_reply": True,
        "additional_attributes": {"mail_subject": ticket.subject},
        "messages": [_message(ticket, ticket.entries[-1])],
        "custom_attributes": {},
    }


def _messages(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    before = int(call.query.get("before", 10**9))
    page = [entry for entry in ticket.entries if entry.id < before][-PAGE:]
    return 200, {"meta": {"labels": list(ticket.tags)}, "payload": [_message(ticket, entry) for entry in page]}


def _say(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    fields = call.fields({"content", "message_type"}, {"private"})
    need(fields["message_type"] == "outgoing" and fields["content"], "message_type or content is wrong")
    ticket = desk.ticket(call.parts[0])
    key = call.headers.get("idempotency-key", "")
    entry = desk.say(str(ticket.id), "agent", fields["content"], public=fields.get("private") is not True, key=key)
    return 200, _message(ticket, entry)


def _labels(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    return 200, {"payload": list(desk.ticket(call.parts[0]).tags)}


def _set_labels(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket = desk.ticket(call.parts[0])
    ticket.tags = list(call.fields({"labels"})["labels"])
    return 200, {"payload": list(ticket.tags)}


def _teams(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    return 200, [{"id": number, "name": name, "account_id": int(ACCOUNT)} for number, name in desk.groups.items()]


def _assign(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket, fields = desk.ticket(call.parts[0]), call.fields({"team_id"})
    ticket.group = desk.groups.get(fields["team_id"], "")
    return 200, {"id": fields["team_id"], "name": ticket.group} if ticket.group else None


def _toggle(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    ticket, fields = desk.ticket(call.parts[0]), call.fields({"status"})
    need(fields["status"] in {"open", "pending", "resolved", "snoozed"}, "no such status")
    ticket.status = fields["status"]
    return 200, {
        "meta": {},
        "payload": {"success": True, "conversation_id": ticket.id, "current_status": ticket.status},
    }


ROUTES: Routes = [
    ("GET", rf"{_BASE}/conversations/(\d+)", _show),
    ("GET", rf"{_BASE}/conversations/(\d+)/messages", _messages),
    ("POST", rf"{_BASE}/conversations/(\d+)/messages", _say),
    ("GET", rf"{_BASE}/conversations/(\d+)/labels", _labels),
    ("POST", rf"{_BASE}/conversations/(\d+)/labels", _set_labels),
    ("POST", rf"{_BASE}/conversations/(\d+)/assignments", _assign),
    ("POST", rf"{_BASE}/conversations/(\d+)/toggle_status", _toggle),
    ("GET", rf"{_BASE}/teams", _teams),
]
