"""Ports of helpdesks, of letters left at their tickets and of events."""

from typing import Protocol

from assistant.kernel.helpdesks import Delivery, HelpdeskTicket, Notice, Writing
from assistant.kernel.outgoing import EventType, Letter, LetterState, OutgoingEvent, Receiver


class Correspondence(Protocol):
    """Webhooks that came in, each once, and the letters left at tickets in answer, each by its key."""

    def receive(self, connection: str, notice: Notice) -> str | None: ...
    def notice(self, inbox_id: str) -> tuple[str, Notice]: ...
    def plan(self, letter: Letter) -> None: ...
    def letter(self, key: str) -> Letter | None: ...
    def hand_over(self, key: str, job_id: str) -> None: ...
    def close(self, key: str, state: LetterState, external_id: str = "") -> None: ...
    def latest(self, tenant: str, connection: str, ticket_id: str) -> Letter | None: ...


class Outbox(Protocol):
    """Events on their way to receivers."""

    def add(self, tenant: str, receiver: str, type_: EventType, data: dict[str, object]) -> str: ...
    def get(self, event_id: str) -> OutgoingEvent: ...


class EventSender(Protocol):
    """Brings an event to its receiver. Raises HelpdeskUnavailable when trying again may help, else InputError."""

    def send(self, receiver: Receiver, event: OutgoingEvent) -> None: ...


class Helpdesk(Protocol):
    """One vendor's helpdesk: what it sends, what it says of a ticket, and what may be written back.

    ``receive`` does no I/O and raises Refused for a wrong or missing signature and InputError for a payload
    that is not this vendor's. ``read`` raises NotFound. ``write`` may be repeated: tags and group first, the
    note last and never twice; it returns the helpdesk's id of what was written. Both raise
    HelpdeskUnavailable when trying again may help, and ConfigurationError when the credentials are wrong.
    """

    def receive(self, delivery: Delivery) -> Notice: ...
    def read(self, ticket_id: str) -> HelpdeskTicket: ...
    def write(self, ticket_id: str, writing: Writing) -> str: ...
