"""Zendesk: event webhooks, comments as entries, a comment that is never public by default.

- The signed string is ``timestamp + body``, as its current page says; an older copy says the reverse and is
  wrong. No tolerance is documented, so the replay window is ours.
- Subscribe the webhook to ticket.created and ticket.comment_added. Of messaging, ``messaging_ticket.
  message_added`` is understood as far as its sender's kind tells ("end_user", "agent"); those spellings are not
  verified, and its messages become comments, and so readable here, only when the conversation ends.
- Webhooks fired by a trigger carry whatever their author wrote, and are refused.
- A ticket holds 5,000 comments; beyond, Zendesk refuses notes with 422.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from assistant.adapters.helpdesks.http import TIMEOUT_S, RestClient, token_of
from assistant.adapters.helpdesks.plain import has_been_said, plain_text
from assistant.adapters.helpdesks.signing import check_signature, check_time, same, secret_of, signature_of
from assistant.adapters.helpdesks.wire import (
    MAX_ENTRIES,
    Id,
    Label,
    Named,
    Text,
    When,
    Wire,
    as_wire,
    check_id,
    id_of,
    missing_tags,
    newest_entries,
    none_is_empty,
    nothing,
    nothing_is_none,
    posted_json,
)
from assistant.kernel.conversation import Author
from assistant.kernel.errors import ConfigurationError, InputError, Refused
from assistant.kernel.helpdesks import Connection, Delivery, Entry, HelpdeskTicket, Notice, Writing

_SIGNATURE, _TIMESTAMP = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
_OPEN = {"new", "open", "pending", "hold"}
_MAX_GROUP_PAGES = 20


class _Author(Wire):
    is_staff: bool | None = None


class _HookComment(Wire):
    is_public: bool | None = None
    author: Annotated[_Author | None, nothing_is_none] = None


class _Actor(Wire):
    type: Text = ""


class _Event(Wire):
    comment: Annotated[_HookComment | None, nothing_is_none] = None
    actor: Annotated[_Actor | None, nothing_is_none] = None


class _Detail(Wire):
    id: Id


class _Hook(Wire):
    id: Annotated[Label, Field(min_length=1, max_length=200)]
    type: str
    detail: _Detail
    event: Annotated[_Event | None, nothing_is_none] = None


class _Attachment(Wire):
    file_name: Text = ""


class _Comment(Wire):
    id: Id
    author_id: int | str | None = None
    public: bool | None = None
    body: Text = ""
    html_body: Text = ""
    created_at: When = None
    attachments: Annotated[tuple[_Attachment, ...], none_is_empty] = ()


class _User(Named):
    role: Text = ""


class _Ticket(Wire):
    id: Id
    subject: Text = ""
    status: Text = ""
    tags: Annotated[tuple[str, ...], none_is_empty] = ()
    requester_id: Id | None = None
    group_id: Id | None = None
    assignee_id: Id | None = None
    updated_at: Text = ""


class _Shown(Wire):
    ticket: _Ticket
    users: Annotated[tuple[_User, ...], none_is_empty] = ()
    groups: Annotated[tuple[Named, ...], none_is_empty] = ()


class _PageMeta(Wire):
    has_more: bool | None = None
    after_cursor: Text = ""


class _Page(Wire):
    comments: tuple[_Comment, ...] = ()
    groups: tuple[Named, ...] = ()
    users: Annotated[tuple[_User, ...], none_is_empty] = ()
    meta: Annotated[_PageMeta | None, nothing_is_none] = None

    @property
    def next(self) -> str:
        return self.meta.after_cursor if self.meta and self.meta.has_more else ""


class _AuditEvent(Wire):
    id: Id | None = None
    type: Text = ""


class _Audit(Wire):
    events: Annotated[tuple[_AuditEvent, ...], none_is_empty] = ()


class _Updated(Wire):
    audit: Annotated[_Audit | None, nothing_is_none] = None


class ZendeskHelpdesk:
    """One Zendesk. ``connection.user`` is the e-mail address of the agent that ``connection.token`` belongs to."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self._connection, self._timeout_s = connection, timeout_s

    @cached_property
    def _rest(self) -> RestClient:
        if not self._connection.user:
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} has no user",
                fix="Give user in the connections file the e-mail address of the agent the token belongs to.",
            )
        auth = (f"{self._connection.user}/token", token_of(self._connection))
        return RestClient(self._connection, auth=auth, timeout_s=self._timeout_s)

    def receive(self, delivery: Delivery) -> Notice:
        self._check(delivery)
        hook = as_wire(_Hook, posted_json(delivery, "Zendesk's webhook"), "Zendesk's webhook")
        number, ticket_id = hook.id, hook.detail.id
        event = hook.event or _Event()
        match hook.type.removeprefix("zen:event-type:"):
            case "ticket.created":
                return Notice(delivery_id=number, ticket_id=ticket_id, about="customer")
            case "ticket.comment_added":
                if event.comment is None:
                    raise InputError("Zendesk's webhook: event.comment: nothing there", field="event.comment")
                if not event.comment.is_public:
                    return nothing(number, ticket_id, "the comment is an internal note")
                staff = event.comment.author is not None and event.comment.author.is_staff
                return Notice(delivery_id=number, ticket_id=ticket_id, about="agent" if staff else "customer")
            case "messaging_ticket.message_added":
                return _about_message(number, ticket_id, event.actor.type if event.actor else "")
            case other:
                return nothing(number, ticket_id, f"the event is {other[:60]}")

    def _check(self, delivery: Delivery) -> None:
        timestamp = delivery.headers.get(_TIMESTAMP, "")
        secret = secret_of(self._connection).encode()
        digest = signature_of(secret, timestamp.encode("utf-8", "replace"), delivery.body)
        given = delivery.headers.get(_SIGNATURE, "")
        check_signature(self._connection, _SIGNATURE, right=same(base64.b64encode(digest).decode(), given))
        signed_at = _instant(timestamp)
        if signed_at is None:
            raise Refused(f"{_TIMESTAMP} is not a time with its zone, for helpdesk {self._connection.name!r}")
        check_time(self._connection, _TIMESTAMP, signed_at.timestamp(), delivery)

    def read(self, ticket_id: str) -> HelpdeskTicket:
        shown = self._show(ticket_id)
        ticket = shown.ticket
        names = {named.id: named.name or named.id for named in (*shown.users, *shown.groups)}
        return HelpdeskTicket(
            id=ticket.id,
            subject=ticket.subject,
            entries=newest_entries(self._entries(ticket)),
            open=ticket.status.casefold() in _OPEN,
            tags=ticket.tags,
            group=names.get(ticket.group_id or "", ticket.group_id or ""),
            assignee=names.get(ticket.assignee_id or "", ticket.assignee_id or ""),
        )

    def write(self, ticket_id: str, writing: Writing) -> str:
        path = f"api/v2/tickets/{check_id(ticket_id, 'Zendesk')}"
        ticket = {"group_id": int(id_of(writing.group, self._groups(), self._connection))} if writing.group else {}
        if writing.tags:
            self._add_tags(path, writing.tags, self._show(ticket_id).ticket)
        if writing.public_reply and not has_been_said(self.read(ticket_id), writing.public_reply):
            self._comment(path, {}, writing.public_reply, public=True)
        return self._comment(path, ticket, writing.note, public=False)

    def _show(self, ticket_id: str) -> _Shown:
        said = self._rest.get(f"api/v2/tickets/{check_id(ticket_id, 'Zendesk')}.json", include="users,groups")
        return as_wire(_Shown, said, "Zendesk's ticket")

    def _entries(self, ticket: _Ticket) -> Iterator[Entry]:
        """Newest page first, up to MAX_ENTRIES."""
        params: dict[str, str | int] = {"page[size]": 100, "sort": "-created_at", "include": "users"}
        for _ in range(MAX_ENTRIES // 100):
            said = self._rest.get(f"api/v2/tickets/{ticket.id}/comments.json", **params)
            page = as_wire(_Page, said, "Zendesk's comments")
            roles = {user.id: user.role for user in page.users}
            for comment in page.comments:
                yield _entry(comment, _author(comment, ticket, roles))
            if not page.next:
                return
            params["page[after]"] = page.next

    def _add_tags(self, path: str, tags: tuple[str, ...], ticket: _Ticket) -> None:
        """This address adds to what is there; the stamp makes it a 409 when someone changed the ticket meanwhile."""
        if new := missing_tags(tags, ticket.tags):
            body = {"tags": list(new), "updated_stamp": ticket.updated_at, "safe_update": "true"}
            self._rest.put(f"{path}/tags", body)

    def _groups(self) -> Iterator[Named]:
        params: dict[str, str | int] = {"page[size]": 100}
        for _ in range(_MAX_GROUP_PAGES):
            page = as_wire(_Page, self._rest.get("api/v2/groups.json", **params), "Zendesk's groups")
            yield from page.groups
            if not page.next:
                return
            params["page[after]"] = page.next

    def _comment(self, path: str, ticket: dict[str, Any], html: str, *, public: bool) -> str:
        """The new comment's id. ``public`` is always said: left out, Zendesk shows the comment to the customer."""
        comment = {"html_body": html, "public": public}
        updated = as_wire(
            _Updated, self._rest.put(f"{path}.json", {"ticket": {**ticket, "comment": comment}}), "Zendesk"
        )
        events = updated.audit.events if updated.audit else ()
        return next((event.id for event in events if event.type == "Comment" and event.id), "")


def _instant(text: str) -> datetime | None:
    """ISO 8601 with a zone, or None."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _about_message(number: str, ticket_id: str, actor: str) -> Notice:
    kind = actor.casefold().replace("-", "_")
    if kind in {"end_user", "customer", "user"}:
        return Notice(delivery_id=number, ticket_id=ticket_id, about="customer")
    if kind in {"agent", "admin"}:
        return Notice(delivery_id=number, ticket_id=ticket_id, about="agent")
    return nothing(number, ticket_id, "the message is from neither side")


def _author(comment: _Comment, ticket: _Ticket, roles: dict[str, str]) -> Author:
    """Who is not known to be staff is a customer: what a customer wrote must not count as a note of ours."""
    author = str(comment.author_id)
    if author == "-1":
        return "system"
    if author == ticket.requester_id:
        return "customer"
    if not comment.public or roles.get(author) in {"agent", "admin"}:
        return "agent"
    return "customer"


def _entry(comment: _Comment, author: Author) -> Entry:
    return Entry(
        id=comment.id,
        author=author,
        public=bool(comment.public),
        text=plain_text(comment.html_body) if comment.html_body else comment.body,
        at=comment.created_at,
        attachments=tuple(attachment.file_name for attachment in comment.attachments if attachment.file_name),
    )
