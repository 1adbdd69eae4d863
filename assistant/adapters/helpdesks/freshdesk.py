"""Freshdesk: a webhook of an automation is a ping; the ticket is asked for.

- Freshdesk signs nothing. The automation carries the shared secret in a custom header ``X-Deskhand-Secret``, or
  as HTTP Basic user or password. So a webhook proves who sent it, and neither its text nor its time.
- It has no id of its own. A payload that names a moment ({{ticket.updated_at}}, {{ticket.latest_public_comment}})
  is the same delivery when it comes again; one that does not is a delivery of its own each time, since the
  next message of the same customer would otherwise look like the same delivery again.
- Let the automation run on what customers do: who wrote is not told in a ping. ``read`` tells.
- That a PUT replaces all tags, and so that they must be merged here, is not verified; if it adds, merging is
  harmless. A tag someone else sets between our GET and PUT is lost.
- Statuses: 2 open, 3 pending, 4 resolved, 5 closed, and the operator's own above, which count as open.
"""

import base64
import binascii
import hashlib
from collections import deque
from functools import cached_property
from typing import Annotated, Any

from assistant.adapters.helpdesks.http import TIMEOUT_S, RestClient, token_of
from assistant.adapters.helpdesks.plain import has_been_said, plain_text
from assistant.adapters.helpdesks.signing import check_signature, same, secret_of
from assistant.adapters.helpdesks.wire import (
    MAX_ENTRIES,
    Id,
    Named,
    Text,
    When,
    Wire,
    as_wire,
    as_wires,
    check_id,
    id_of,
    missing_tags,
    newest_entries,
    none_is_empty,
    nothing_is_none,
    posted_json,
)
from assistant.kernel.conversation import Author
from assistant.kernel.errors import ConfigurationError, InputError, NotFound
from assistant.kernel.helpdesks import Connection, Delivery, Entry, HelpdeskTicket, Notice, Writing

_SECRET = "x-deskhand-secret"  # noqa: S105 — the header's name
_CLOSED = {4, 5}
_OUTBOUND = 10
_PAGE, _MAX_PAGES = 100, 50
_MOMENTS = ("updated_at", "modified_on", "latest_public_comment", "latest_comment", "timestamp")


class _Numbered(Wire):
    id: Id


class _Ping(Wire):
    ticket_id: Id | None = None
    id: Id | None = None
    ticket: Annotated[_Numbered | None, nothing_is_none] = None


class _Attachment(Wire):
    name: Text = ""


class _Said(Wire):
    """What a ticket's description and its conversations share."""

    created_at: When = None
    attachments: Annotated[tuple[_Attachment, ...], none_is_empty] = ()


class _Ticket(_Said):
    id: Id
    subject: Text = ""
    description: Text = ""
    status: int
    source: int | None = None
    tags: Annotated[tuple[str, ...], none_is_empty] = ()
    requester_id: Id | None = None
    responder_id: Id | None = None
    group_id: Id | None = None


class _Conversation(_Said):
    id: Id
    body: Text = ""
    incoming: bool | None = None
    private: bool | None = None
    user_id: Id | None = None


class FreshdeskHelpdesk:
    """One Freshdesk. ``connection.token`` is an agent's API key."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self._connection, self._timeout_s = connection, timeout_s

    @cached_property
    def _rest(self) -> RestClient:
        return RestClient(self._connection, auth=(token_of(self._connection), "X"), timeout_s=self._timeout_s)

    def receive(self, delivery: Delivery) -> Notice:
        secret = secret_of(self._connection)
        given = (delivery.headers.get(_SECRET, ""), *_basic(delivery.headers.get("authorization", "")))
        right = [same(secret, value) for value in given]
        check_signature(self._connection, f"{_SECRET} or Authorization", right=any(right))
        payload = posted_json(delivery, "Freshdesk's webhook")
        inner = payload.get("freshdesk_webhook")
        fields = inner if isinstance(inner, dict) else payload
        ping = as_wire(_Ping, fields, "Freshdesk's webhook")
        ticket_id = ping.ticket_id or ping.id or (ping.ticket.id if ping.ticket else None)
        if ticket_id is None:
            raise InputError(
                "Freshdesk's webhook has no ticket_id",
                field="ticket_id",
                fix='Let the automation send {"ticket_id": "{{ticket.id}}", "updated_at": "{{ticket.updated_at}}"}.',
            )
        return Notice(delivery_id=_delivery_id(ticket_id, fields, delivery), ticket_id=ticket_id, about="customer")

    def read(self, ticket_id: str) -> HelpdeskTicket:
        ticket = self._ticket(ticket_id)
        entries = [_entry(said, _author(said, ticket)) for said in self._conversations(ticket_id)]
        return HelpdeskTicket(
            id=ticket.id,
            subject=ticket.subject,
            entries=(*([_first(ticket)] if len(entries) < MAX_ENTRIES else []), *newest_entries(entries)),
            open=ticket.status not in _CLOSED,
            tags=ticket.tags,
            group=self._group_name(ticket.group_id),
            assignee=ticket.responder_id or "",
        )

    def write(self, ticket_id: str, writing: Writing) -> str:
        path = f"api/v2/tickets/{check_id(ticket_id, 'Freshdesk')}"
        changes: dict[str, Any] = {}
        if writing.group:
            changes["group_id"] = int(id_of(writing.group, self._groups(), self._connection))
        if writing.tags:
            present = self._ticket(ticket_id).tags
            if new := missing_tags(writing.tags, present):
                changes["tags"] = [*present, *new]
        if changes:
            self._rest.put(path, changes)
        if writing.public_reply and not has_been_said(self.read(ticket_id), writing.public_reply):
            self._rest.post(f"{path}/reply", {"body": writing.public_reply}, f"{writing.key}-reply")
        note = {"body": writing.note, "private": True, "notify_emails": []}
        return as_wire(_Numbered, self._rest.post(f"{path}/notes", note, writing.key), "Freshdesk's note").id

    def _ticket(self, ticket_id: str) -> _Ticket:
        return as_wire(
            _Ticket, self._rest.get(f"api/v2/tickets/{check_id(ticket_id, 'Freshdesk')}"), "Freshdesk's ticket"
        )

    def _conversations(self, ticket_id: str) -> list[_Conversation]:
        """The newest MAX_ENTRIES. Freshdesk gives the oldest first, so all pages are asked for, up to _MAX_PAGES."""
        newest: deque[_Conversation] = deque(maxlen=MAX_ENTRIES)
        for number in range(1, _MAX_PAGES + 1):
            said = self._rest.get(f"api/v2/tickets/{ticket_id}/conversations", page=number, per_page=_PAGE)
            page = as_wires(_Conversation, said, "Freshdesk's conversations")
            newest.extend(page)
            if len(page) < _PAGE:
                return list(newest)
        raise InputError(
            f"ticket {ticket_id} of helpdesk {self._connection.name!r} has over {_PAGE * _MAX_PAGES} entries"
        )

    def _groups(self) -> list[Named]:
        return as_wires(Named, self._rest.get("api/v2/groups", per_page=_PAGE), "Freshdesk's groups")

    def _group_name(self, group_id: str | None) -> str:
        """The group's name, or its number where the token's user may not look."""
        if group_id is None:
            return ""
        try:
            return as_wire(Named, self._rest.get(f"api/v2/groups/{group_id}"), "Freshdesk's group").name or group_id
        except (ConfigurationError, NotFound):
            return group_id


def _basic(header: str) -> tuple[str, ...]:
    """User and password of HTTP Basic; nothing when there are none."""
    kind, _, coded = header.partition(" ")
    if kind.casefold() != "basic":
        return ()
    try:
        user, _, password = base64.b64decode(coded.strip(), validate=True).decode("utf-8", "replace").partition(":")
    except (binascii.Error, ValueError):
        return ()
    return (user, password)


def _delivery_id(ticket_id: str, fields: dict[str, Any], delivery: Delivery) -> str:
    digest = hashlib.sha256(f"{ticket_id}\0".encode() + delivery.body)
    if not any(value for name, value in fields.items() if name.casefold().endswith(_MOMENTS)):
        digest.update(delivery.received_at.isoformat().encode())
    return digest.hexdigest()


def _author(said: _Conversation, ticket: _Ticket) -> Author:
    return "customer" if said.incoming or (said.user_id and said.user_id == ticket.requester_id) else "agent"


def _first(ticket: _Ticket) -> Entry:
    """The description: the customer's first message, or the agent's where the ticket was started by mail to them."""
    return Entry(
        id="description",
        author="agent" if ticket.source == _OUTBOUND else "customer",
        public=True,
        text=plain_text(ticket.description),
        at=ticket.created_at,
        attachments=_names(ticket),
    )


def _entry(said: _Conversation, author: Author) -> Entry:
    return Entry(
        id=said.id,
        author=author,
        public=not said.private,
        text=plain_text(said.body),
        at=said.created_at,
        attachments=_names(said),
    )


def _names(said: _Said) -> tuple[str, ...]:
    return tuple(attachment.name for attachment in said.attachments if attachment.name)
