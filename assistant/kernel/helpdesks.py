"""What passes between Deskhand and a helpdesk, whichever vendor's it is."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from assistant.kernel.conversation import (
    MAX_MESSAGE_CHARS,
    MAX_MESSAGES,
    MAX_TICKET_CHARS,
    Author,
    Message,
    Ticket,
)  # fmt: skip
from assistant.kernel.knowledge import Audience
from assistant.kernel.value import CleanText, Value


class HelpdeskKind(StrEnum):
    ZAMMAD = "zammad"
    CHATWOOT = "chatwoot"
    ZENDESK = "zendesk"
    FRESHDESK = "freshdesk"
    DJANGO_HELPDESK = "django-helpdesk"
    GENERIC = "generic"


Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]
"""Scheme and host of pages that may show the sidebar; it ends up in a header, so nothing else may stand in it."""


class PublicReplies(Value):
    """The operator's leave to send answers to tickets with ``tag`` without a person.

    Never used for a draft whose calibrated confidence is unknown or below ``min_confidence``.
    """

    tag: str = Field(min_length=1)
    min_confidence: float = Field(ge=0.5, le=1.0)


class Team(Value):
    """Who may be handed tickets ``about`` such things, in words of customers. ``name`` is that of the group in the helpdesk."""

    name: str = Field(min_length=1, max_length=200)
    tenant: str = "default"
    about: tuple[str, ...] = Field(min_length=1, max_length=1_000)


class Connection(Value):
    """One helpdesk this service works with, as its operator set it up.

    ``name`` stands in the webhook's address. ``user`` is the account the token belongs to where the vendor
    asks for it; ``account`` is Chatwoot's account number. ``secret`` signs webhooks. ``audience`` says which
    documents drafts may cite. ``answer_in`` names the statuses in which a Chatwoot conversation is the bot's
    to answer; an inbox without a bot needs "open" too.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    kind: HelpdeskKind
    tenant: str = "default"
    url: str = ""
    user: str = ""
    account: str = ""
    token: str = Field(default="", repr=False)
    secret: str = Field(default="", repr=False)
    audience: Audience = Audience.PUBLIC
    handoff_group: str = ""
    tag: bool = True
    shared_drafts: bool = True
    answer_in: tuple[str, ...] = ("pending",)
    public_replies: tuple[PublicReplies, ...] = ()
    origins: tuple[Origin, ...] = ()


class Delivery(Value):
    """A webhook as it arrived. Header names are in lower case; ``body`` is the raw bytes, which are what is signed."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Notice(Value):
    """What a webhook says: a hint to look at a ticket, not the truth about it.

    ``delivery_id`` is the same when the helpdesk sends the same thing again. ``about`` is ``customer`` when a
    customer may wait for an answer, ``agent`` when a person answered, ``nothing`` (with ``why``) when there is
    nothing to do. ``ticket`` is given only by a helpdesk that cannot be asked for it.
    """

    delivery_id: str = Field(max_length=200)
    ticket_id: str = Field(max_length=200)
    about: Literal["customer", "agent", "nothing"]
    why: str = ""
    ticket: Ticket | None = None


class Entry(Value):
    """One message or note of a ticket, as plain text. ``attachments`` are file names; their content is not read."""

    id: str
    author: Author
    public: bool
    text: CleanText
    at: datetime | None = None
    attachments: tuple[str, ...] = ()


class HelpdeskTicket(Value):
    """A ticket as its helpdesk tells it now, entries oldest first."""

    id: str
    subject: CleanText
    entries: tuple[Entry, ...]
    open: bool
    tags: tuple[str, ...] = ()
    group: str = ""
    assignee: str = ""

    @property
    def newest(self) -> Entry | None:
        """The newest message that both sides can see."""
        return next((e for e in reversed(self.entries) if e.public and e.author != "system"), None)

    @property
    def awaits_reply(self) -> bool:
        """Whether the customer had the last word and nobody closed the ticket since."""
        return self.open and self.newest is not None and self.newest.author == "customer"

    def mentions(self, key: str) -> bool:
        """Whether a note with this key is here already. Only entries a customer cannot have written count."""
        return any(key in entry.text for entry in self.entries if entry.author != "customer")

    def conversation(self) -> Ticket:
        """The public conversation, cut at its beginning to what a Ticket holds."""
        messages: list[Message] = []
        room = MAX_TICKET_CHARS
        for entry in reversed(self.entries):
            if not entry.public or len(messages) == MAX_MESSAGES:
                continue
            names = "".join(f"\n[attachment: {name}]" for name in entry.attachments)
            text = (entry.text + names)[:MAX_MESSAGE_CHARS]
            room -= len(text)
            if room < 0:
                break
            if text.strip():
                messages.append(Message(author=entry.author, text=text, at=entry.at))
        return Ticket(id=self.id, subject=self.subject[:2_000], messages=tuple(reversed(messages)))


class Writing(Value):
    """What to leave at a ticket. Nothing of it reaches the customer unless ``public_reply`` is given.

    ``key`` is part of ``note`` and of ``note_text``, so that a note written before is recognised. ``note`` and ``draft`` are
    sanitised HTML, ``note_text`` the note as plain text for a helpdesk that shows only that; ``draft`` is the
    bare reply for a helpdesk that keeps real drafts, ``public_reply`` the same HTML to be sent. ``tags`` are
    added to what is there; ``group``, a name or number, is assigned when not empty.
    """

    key: str
    note: str
    note_text: str
    draft: str = ""
    public_reply: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""


def writing_key(connection: str, ticket_id: str, entry_id: str) -> str:
    """The idempotency key of what is written in answer to one message: ``dh-`` and 16 hex digits."""
    return f"dh-{hashlib.sha256(chr(0).join((connection, ticket_id, entry_id)).encode()).hexdigest()[:16]}"
