"""Zammad: webhooks of its triggers, articles as entries, shared drafts where a group has them.

Not verified against a running server: that an access token goes in ``Authorization: Token token=…`` (its
documentation says so), and which method makes a shared draft. Its source takes PUT, its documentation says
POST, so both are tried, and neither decides whether the note is written. Its signature covers no time, so a
replay is not told from a retry here; the delivery id is what tells.
"""

from email.utils import parseaddr
from functools import cached_property
from typing import Annotated, Any

import structlog
from pydantic import Field

from assistant.adapters.helpdesks.http import TIMEOUT_S, RestClient, token_of
from assistant.adapters.helpdesks.plain import has_been_said, plain_text
from assistant.adapters.helpdesks.signing import check_signature, same, secret_of, signature_of
from assistant.adapters.helpdesks.wire import (
    Id,
    Name,
    Text,
    When,
    Wire,
    as_wire,
    as_wires,
    check_id,
    delivery_id,
    missing_tags,
    newest_entries,
    none_is_empty,
    nothing,
    nothing_is_none,
    posted_json,
)
from assistant.kernel.conversation import Author
from assistant.kernel.errors import ConfigurationError, InputError, NotFound
from assistant.kernel.helpdesks import Connection, Delivery, Entry, HelpdeskTicket, Notice, Writing

_log = structlog.get_logger(__name__)
_SIGNATURE = "x-hub-signature"
_CLOSED = {"closed", "merged", "removed"}
"""States without an answer. A state the operator added under another name counts as open."""
_MAILED = {"email", "web", "phone"}
"""Kinds of article that Zammad's own reply button answers by mail."""


class _Attachment(Wire):
    filename: Text = ""
    preferences: dict[str, Any] | None = None


class _Article(Wire):
    id: Id | None = None
    ticket_id: Id | None = None
    body: Text = ""
    content_type: Text = ""
    sender: Name = ""
    type: Name = ""
    internal: bool | None = None
    from_: Text = Field(default="", alias="from")
    created_by: Name = ""
    created_at: When = None
    attachments: Annotated[tuple[_Attachment, ...], none_is_empty] = ()

    @property
    def author(self) -> Author:
        """Customer unless Zammad says otherwise."""
        sender = self.sender.casefold()
        return "agent" if sender == "agent" else "system" if sender == "system" else "customer"


class _Ticket(Wire):
    id: Id
    title: Text = ""
    state: Name = ""
    group: Name = ""
    owner: Name = ""
    customer: Name = ""


class _Hook(Wire):
    ticket: Annotated[_Ticket | None, nothing_is_none] = None
    article: Annotated[_Article | None, nothing_is_none] = None


class _Tags(Wire):
    tags: Annotated[tuple[str, ...], none_is_empty] = ()


class _Draft(Wire):
    shared_draft_id: Id | None = None
    assets: dict[str, dict[str, Any]] | None = None


class _Me(Wire):
    id: Id


class ZammadHelpdesk:
    """One Zammad. ``connection.token`` is an access token with the permission ticket.agent."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self._connection, self._timeout_s = connection, timeout_s

    @cached_property
    def _rest(self) -> RestClient:
        headers = {"Authorization": f"Token token={token_of(self._connection)}"}
        return RestClient(self._connection, headers, timeout_s=self._timeout_s)

    def receive(self, delivery: Delivery) -> Notice:
        expected = signature_of(secret_of(self._connection).encode(), delivery.body, algorithm="sha1").hex()
        given = delivery.headers.get(_SIGNATURE, "")
        check_signature(self._connection, _SIGNATURE, right=same(f"sha1={expected}", given))
        hook = as_wire(_Hook, posted_json(delivery, "Zammad's webhook"), "Zammad's webhook")
        article = hook.article
        ticket_id = hook.ticket.id if hook.ticket else article.ticket_id if article else None
        if ticket_id is None:
            raise InputError("Zammad's webhook has neither ticket.id nor article.ticket_id", field="ticket.id")
        number = delivery_id(delivery, "x-zammad-delivery")
        if article is None:
            return nothing(number, ticket_id, "no article was written")
        if article.internal:
            return nothing(number, ticket_id, "the article is an internal note")
        if article.created_by and article.created_by.casefold() == self._connection.user.casefold():
            return nothing(number, ticket_id, "the article was written by this connection's own user")
        if article.author == "system":
            return nothing(number, ticket_id, "the article was written by Zammad itself")
        return Notice(delivery_id=number, ticket_id=ticket_id, about=article.author)

    def read(self, ticket_id: str) -> HelpdeskTicket:
        ticket = self._ticket(ticket_id)
        tags = as_wire(_Tags, self._rest.get("api/v1/tags", object="Ticket", o_id=ticket_id), "Zammad's tags")
        return HelpdeskTicket(
            id=ticket.id,
            subject=ticket.title,
            entries=newest_entries(_entry(article) for article in self._articles(ticket_id)),
            open=ticket.state.casefold() not in _CLOSED,
            tags=tags.tags,
            group=ticket.group,
            assignee="" if ticket.owner == "-" else ticket.owner,
        )

    def write(self, ticket_id: str, writing: Writing) -> str:
        drafts = bool(writing.draft) and self._connection.shared_drafts
        answer = self._answer_to(ticket_id) if drafts or writing.public_reply else {}
        if writing.public_reply and answer.get("type") != "email":
            raise InputError(
                f"ticket {ticket_id} of helpdesk {self._connection.name!r} did not come by mail, the web or phone",
                fix="Take the tag of public_replies off tickets of this channel; a person answers them.",
                field="public_reply",
            )
        self._add_tags(ticket_id, writing)
        self._assign(ticket_id, writing.group)
        if drafts:
            self._share_draft(ticket_id, writing.draft, answer)
        if writing.public_reply and not has_been_said(self.read(ticket_id), writing.public_reply):
            self._write_article(ticket_id, {**answer, "body": writing.public_reply}, f"{writing.key}-reply")
        note = {"body": writing.note, "type": "note", "internal": True}
        return self._write_article(ticket_id, note, writing.key)

    def _ticket(self, ticket_id: str) -> _Ticket:
        path = f"api/v1/tickets/{check_id(ticket_id, 'Zammad')}"
        return as_wire(_Ticket, self._rest.get(path, expand="true"), "Zammad's ticket")

    def _articles(self, ticket_id: str) -> list[_Article]:
        said = self._rest.get(f"api/v1/ticket_articles/by_ticket/{check_id(ticket_id, 'Zammad')}", expand="true")
        return as_wires(_Article, said or [], "Zammad's articles")

    def _answer_to(self, ticket_id: str) -> dict[str, Any]:
        """The fields of an answer to the customer: by mail, or an internal note where mail cannot be meant."""
        ticket = self._ticket(ticket_id)
        newest = next(
            (a for a in reversed(self._articles(ticket_id)) if a.author == "customer" and not a.internal), None
        )
        address = parseaddr(newest.from_)[1] if newest else ""
        address = address if "@" in address else ticket.customer
        if newest is None or newest.type.casefold() not in _MAILED or "@" not in address:
            return {"type": "note", "internal": True}
        return {"type": "email", "internal": False, "to": address, "subject": ticket.title}

    def _add_tags(self, ticket_id: str, writing: Writing) -> None:
        if not writing.tags:
            return
        present = self._rest.get("api/v1/tags", object="Ticket", o_id=check_id(ticket_id, "Zammad"))
        for tag in missing_tags(writing.tags, as_wire(_Tags, present, "Zammad's tags").tags):
            self._rest.post("api/v1/tags/add", {"item": tag, "object": "Ticket", "o_id": int(ticket_id)})

    def _assign(self, ticket_id: str, group: str) -> None:
        if not group:
            return
        wanted: dict[str, Any] = {"group_id": int(group)} if group.isascii() and group.isdigit() else {"group": group}
        try:
            self._rest.put(f"api/v1/tickets/{check_id(ticket_id, 'Zammad')}", wanted)
        except NotFound:
            raise
        except InputError as error:
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} did not take a ticket into group {group!r}",
                fix="Give handoff_group in the connections file the name or number of a group there.",
            ) from error

    def _share_draft(self, ticket_id: str, draft: str, answer: dict[str, Any]) -> None:
        """Leave the reply where an agent finds it in the editor, unless an agent's own draft is there."""
        path = f"api/v1/tickets/{ticket_id}/shared_draft"
        article = {**answer, "body": draft, "content_type": "text/html", "ticket_id": int(ticket_id)}
        body = {"form_id": ticket_id, "new_article": article, "ticket_attributes": {}}
        try:
            if self._is_anothers(path):
                return
            try:
                self._rest.put(path, body)
            except InputError:
                self._rest.post(path, body)
        except (InputError, ConfigurationError) as error:
            _log.info("shared_draft_refused", connection=self._connection.name, ticket=ticket_id, error=str(error))

    def _is_anothers(self, path: str) -> bool:
        """Whether a person's shared draft is there, which nobody but them overwrites."""
        try:
            found = as_wire(_Draft, self._rest.get(path), "Zammad's shared draft")
        except NotFound:
            return False
        if found.shared_draft_id is None:
            return False
        held = (found.assets or {}).get("TicketSharedDraftZoom", {}).get(found.shared_draft_id) or {}
        me = as_wire(_Me, self._rest.get("api/v1/users/me"), "Zammad's user")
        return str(held.get("updated_by_id", "")) != me.id

    def _write_article(self, ticket_id: str, fields: dict[str, Any], key: str) -> str:
        body = {"ticket_id": int(check_id(ticket_id, "Zammad")), "content_type": "text/html", **fields}
        written = as_wire(_Article, self._rest.post("api/v1/ticket_articles", body, key), "Zammad's article")
        return written.id or ""


def _entry(article: _Article) -> Entry:
    html = "html" in article.content_type.casefold()
    return Entry(
        id=article.id or "",
        author=article.author,
        public=not article.internal,
        text=plain_text(article.body) if html else article.body,
        at=article.created_at,
        attachments=tuple(
            attachment.filename
            for attachment in article.attachments
            if attachment.filename and not (attachment.preferences or {}).get("original-format")
        ),
    )
