"""The in-memory twin of the Helpdesk port: tickets that can be added to, signed webhooks, and what was written."""

import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime, timedelta

from assistant.kernel.conversation import Author
from assistant.kernel.errors import DeskhandError, InputError, NotFound, Refused
from assistant.kernel.helpdesks import Delivery, Entry, HelpdeskTicket, Notice, Writing

_SIGNATURE = "x-memory-signature"
_SECRET = b"of this process"


class MemoryHelpdesk:
    """A helpdesk of one process. ``writings`` is what was written to which ticket, in order."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.tickets: dict[str, HelpdeskTicket] = {}
        self.writings: list[tuple[str, Writing]] = []
        self._start, self._entries = start, 0
        self._failures: list[DeskhandError] = []
        self._lock = threading.RLock()

    def add_ticket(self, ticket_id: str, subject: str, text: str) -> HelpdeskTicket:
        """An open ticket with the customer's first message."""
        with self._lock:
            self.tickets[ticket_id] = HelpdeskTicket(id=ticket_id, subject=subject, entries=(), open=True)
            self.say(ticket_id, "customer", text)
            return self.tickets[ticket_id]

    def say(
        self, ticket_id: str, author: Author, text: str, *, public: bool = True, attachments: tuple[str, ...] = ()
    ) -> Entry:
        """Someone adds a message, or a note, to a ticket."""
        with self._lock:
            ticket = self._ticket(ticket_id)
            self._entries += 1
            at = self._start + timedelta(minutes=self._entries)
            entry = Entry(
                id=str(self._entries), author=author, public=public, text=text, at=at, attachments=attachments
            )
            self.tickets[ticket_id] = ticket.model_copy(update={"entries": (*ticket.entries, entry)})
            return entry

    def close(self, ticket_id: str) -> None:
        """A person closes a ticket."""
        with self._lock:
            self.tickets[ticket_id] = self._ticket(ticket_id).model_copy(update={"open": False})

    def fail_next(self, error: DeskhandError) -> None:
        """Let the next ``read`` or ``write`` raise this."""
        self._failures.append(error)

    def delivery(self, ticket_id: str, at: datetime) -> Delivery:
        """The signed webhook about a ticket's newest entry, which is the same each time it is sent."""
        entry = self._ticket(ticket_id).entries[-1]
        about = entry.author if entry.public and entry.author != "system" else "nothing"
        body = json.dumps({"delivery_id": f"d-{entry.id}", "ticket_id": ticket_id, "about": about}).encode()
        return Delivery(headers={_SIGNATURE: self._signature(body)}, body=body, received_at=at)

    def receive(self, delivery: Delivery) -> Notice:
        given = delivery.headers.get(_SIGNATURE, "").encode("utf-8", "replace")
        if not hmac.compare_digest(self._signature(delivery.body).encode(), given):
            raise Refused(f"the signature in {_SIGNATURE} is missing or wrong")
        try:
            return Notice.model_validate_json(delivery.body)
        except ValueError:
            raise InputError("the webhook is not a notice", field="body") from None

    def read(self, ticket_id: str) -> HelpdeskTicket:
        with self._lock:
            self._fail_if_told()
            return self._ticket(ticket_id)

    def write(self, ticket_id: str, writing: Writing) -> str:
        with self._lock:
            self._fail_if_told()
            ticket = self._ticket(ticket_id)
            tags = tuple(dict.fromkeys((*ticket.tags, *writing.tags)))
            self.tickets[ticket_id] = ticket.model_copy(update={"tags": tags, "group": writing.group or ticket.group})
            if writing.public_reply:
                self.say(ticket_id, "agent", writing.public_reply)
            self.writings.append((ticket_id, writing))
            return self.say(ticket_id, "agent", writing.note_text, public=False).id

    def _ticket(self, ticket_id: str) -> HelpdeskTicket:
        if ticket_id not in self.tickets:
            raise NotFound(f"there is no ticket {ticket_id!r}")
        return self.tickets[ticket_id]

    def _signature(self, body: bytes) -> str:
        return hmac.new(_SECRET, body, hashlib.sha256).hexdigest()

    def _fail_if_told(self) -> None:
        if self._failures:
            raise self._failures.pop(0)
