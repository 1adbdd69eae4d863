"""Chatwoot: webhooks of an agent bot or of an account, conversations as tickets, private notes as notes.

- Each webhook and each bot has a secret of its own, which Chatwoot makes: one Connection a source. The string
  that is signed, ``timestamp.body``, is known from independent implementations, not from its documentation.
- The token is an agent's or administrator's: a bot's may not read or set labels. An agent's token (not an
  administrator's) that opens a conversation is also made its assignee by newer versions.
- Newer versions keep only labels that the account has, so those named in the connections file must exist there.
- While a conversation is pending it belongs to the bot. Once it is open a person has it, so a customer's message
  there is left to that person unless ``connection.answer_in`` names "open": for an inbox without a bot.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator

from assistant.adapters.helpdesks.http import TIMEOUT_S, RestClient, token_of
from assistant.adapters.helpdesks.plain import has_been_said, plain_text
from assistant.adapters.helpdesks.signing import (
    check_signature,
    check_time,
    same,
    secret_of,
    signature_of,
    unix_time,
)  # fmt: skip
from assistant.adapters.helpdesks.wire import (
    MAX_ENTRIES,
    Id,
    Name,
    Named,
    Text,
    When,
    Wire,
    as_wire,
    as_wires,
    check_id,
    delivery_id,
    id_of,
    missing_tags,
    newest_entries,
    none_is_empty,
    nothing,
    nothing_is_none,
    posted_json,
)
from assistant.kernel.conversation import Author
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.helpdesks import Connection, Delivery, Entry, HelpdeskTicket, Notice, Writing

_SIGNATURE, _TIMESTAMP = "x-chatwoot-signature", "x-chatwoot-timestamp"
_OPEN = {"pending", "open"}
_KINDS = ("incoming", "outgoing", "activity", "template")
_AUTHORS: dict[str, Author] = {"incoming": "customer", "outgoing": "agent"}


def _kind(value: object) -> object:
    """Chatwoot names the kind of a message in webhooks and numbers it elsewhere."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _KINDS[value] if 0 <= value < len(_KINDS) else "unknown"
    return "" if value is None else value


_Kind = Annotated[str, BeforeValidator(_kind)]


class _Attachment(Wire):
    data_url: Text = ""
    file_type: Text = ""

    @property
    def name(self) -> str:
        """The last part of its address, or what kind of file it is."""
        return unquote(urlsplit(self.data_url).path.rsplit("/", 1)[-1]) or self.file_type or "file"


class _Sender(Wire):
    type: Text = ""
    email: Text = ""


class _ContentAttributes(Wire):
    deleted: bool | None = None


class _Message(Wire):
    id: Id
    content: Text = ""
    message_type: _Kind = ""
    private: bool | None = None
    created_at: When = None
    content_attributes: Annotated[_ContentAttributes | None, nothing_is_none] = None
    attachments: Annotated[tuple[_Attachment, ...], none_is_empty] = ()


class _Meta(Wire):
    team: Name = ""
    assignee: Name = ""


class _Additional(Wire):
    mail_subject: Text = ""


class _Conversation(Wire):
    id: Id
    status: Text = ""
    labels: Annotated[tuple[str, ...], none_is_empty] = ()
    meta: Annotated[_Meta | None, nothing_is_none] = None
    additional_attributes: Annotated[_Additional | None, nothing_is_none] = None


class _Hook(Wire):
    event: str
    message_type: _Kind = ""
    private: bool | None = None
    sender: Annotated[_Sender | None, nothing_is_none] = None
    conversation: Annotated[_Conversation | None, nothing_is_none] = None


class _Page(Wire):
    payload: tuple[_Message, ...]


class _Labels(Wire):
    payload: tuple[str, ...]


class ChatwootHelpdesk:
    """One account of one Chatwoot. Ticket ids are the conversations' display ids, as in its addresses."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self._connection, self._timeout_s = connection, timeout_s

    @cached_property
    def _rest(self) -> RestClient:
        headers = {"api_access_token": token_of(self._connection)}
        return RestClient(self._connection, headers, timeout_s=self._timeout_s)

    @cached_property
    def _account(self) -> str:
        account = self._connection.account
        if not (account.isascii() and account.isdigit()):
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} has no account number",
                fix="Give account in the connections file the number after /accounts/ in Chatwoot's address.",
            )
        return f"api/v1/accounts/{account}"

    def receive(self, delivery: Delivery) -> Notice:
        self._check(delivery)
        hook = as_wire(_Hook, posted_json(delivery, "Chatwoot's webhook"), "Chatwoot's webhook")
        number = delivery_id(delivery, "x-chatwoot-delivery")
        ticket_id = hook.conversation.id if hook.conversation else ""
        if hook.event != "message_created":
            return nothing(number, ticket_id, f"the event is {hook.event[:60]}")
        if hook.conversation is None:
            raise InputError("Chatwoot's webhook: conversation: nothing there", field="conversation")
        return self._about(hook, hook.conversation, number)

    def _check(self, delivery: Delivery) -> None:
        timestamp = delivery.headers.get(_TIMESTAMP, "")
        secret = secret_of(self._connection).encode()
        expected = signature_of(secret, timestamp.encode("utf-8", "replace"), b".", delivery.body).hex()
        given = delivery.headers.get(_SIGNATURE, "")
        check_signature(self._connection, _SIGNATURE, right=same(f"sha256={expected}", given))
        check_time(self._connection, _TIMESTAMP, unix_time(self._connection, _TIMESTAMP, timestamp), delivery)

    def _about(self, hook: _Hook, conversation: _Conversation, number: str) -> Notice:
        sender = hook.sender or _Sender()
        if hook.private:
            return nothing(number, conversation.id, "the message is a private note")
        if hook.message_type == "incoming":
            if conversation.status in {*self._connection.answer_in, ""}:
                return Notice(delivery_id=number, ticket_id=conversation.id, about="customer")
            return nothing(number, conversation.id, f"the conversation is {conversation.status[:60]}")
        if hook.message_type != "outgoing":
            return nothing(number, conversation.id, "the message is from neither side")
        own = bool(sender.email) and sender.email.casefold() == self._connection.user.casefold()
        if own or sender.type.casefold() in {"agent_bot", "agentbot"}:
            return nothing(number, conversation.id, "the message is a bot's own")
        return Notice(delivery_id=number, ticket_id=conversation.id, about="agent")

    def read(self, ticket_id: str) -> HelpdeskTicket:
        said = self._rest.get(self._path(ticket_id))
        conversation = as_wire(_Conversation, said, "Chatwoot's conversation")
        meta, more = conversation.meta or _Meta(), conversation.additional_attributes or _Additional()
        return HelpdeskTicket(
            id=conversation.id,
            subject=more.mail_subject,
            entries=newest_entries(_entry(message) for message in self._messages(ticket_id) if _is_there(message)),
            open=conversation.status in _OPEN,
            tags=conversation.labels,
            group=meta.team,
            assignee=meta.assignee,
        )

    def write(self, ticket_id: str, writing: Writing) -> str:
        path = self._path(ticket_id)
        team = id_of(writing.group, self._teams(), self._connection) if writing.group else ""
        if writing.tags:
            present = as_wire(_Labels, self._rest.get(f"{path}/labels"), "Chatwoot's labels").payload
            if new := missing_tags(writing.tags, present):
                self._rest.post(f"{path}/labels", {"labels": [*present, *new]})
        if team:
            self._rest.post(f"{path}/toggle_status", {"status": "open"})
            self._rest.post(f"{path}/assignments", {"team_id": int(team)})
        if writing.public_reply and not has_been_said(self.read(ticket_id), writing.public_reply):
            self._say(path, plain_text(writing.public_reply), f"{writing.key}-reply", private=False)
        note = writing.note_text if writing.key in writing.note_text else f"{writing.note_text}\n\n{writing.key}"
        return self._say(path, note.replace("![", "! ["), writing.key, private=True)  # Markdown: no image may load.

    def _path(self, ticket_id: str) -> str:
        return f"{self._account}/conversations/{check_id(ticket_id, 'Chatwoot')}"

    def _messages(self, ticket_id: str) -> Iterator[_Message]:
        """All messages, newest page first, up to MAX_ENTRIES; Chatwoot gives 20 before a given one at a time."""
        path, seen = f"{self._path(ticket_id)}/messages", set[str]()
        before: dict[str, int] = {}
        while len(seen) < MAX_ENTRIES:
            page = as_wire(_Page, self._rest.get(path, **before), "Chatwoot's messages").payload
            new = [message for message in page if message.id not in seen]
            if not new:
                return
            seen.update(message.id for message in new)
            before = {"before": min(int(message.id) for message in new)}
            yield from new

    def _teams(self) -> list[Named]:
        return as_wires(Named, self._rest.get(f"{self._account}/teams"), "Chatwoot's teams")

    def _say(self, path: str, text: str, key: str, *, private: bool) -> str:
        body: dict[str, Any] = {"content": text, "message_type": "outgoing", "private": private}
        return as_wire(_Message, self._rest.post(f"{path}/messages", body, key), "Chatwoot's message").id


def _is_there(message: _Message) -> bool:
    return not (message.content_attributes and message.content_attributes.deleted)


def _entry(message: _Message) -> Entry:
    return Entry(
        id=message.id,
        author=_AUTHORS.get(message.message_type, "system"),
        public=not message.private and message.message_type != "activity",
        text=message.content,
        at=message.created_at,
        attachments=tuple(attachment.name for attachment in message.attachments),
    )
