"""A helpdesk of any make that can send and take webhooks: the ticket comes in whole, results go out as events.

Signed by Standard Webhooks: headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` (several,
with spaces between, while a secret is being changed). The check is ours because it is measured against the
arrival, not this machine's clock at the time of looking. The payload, strict:

    {"type": "ticket.created" or "ticket.message",
     "timestamp": "2026-11-22T09:30:00Z",
     "data": {"ticket": {"id": "4711", "subject": "…", "messages": [
         {"author": "customer", "text": "…", "at": "2026-11-22T09:29:41Z"}]}}}

``ticket`` is a Ticket with all its public messages, oldest first. Other types are taken and left alone.
"""

import base64
import hashlib
from typing import Literal, NoReturn, get_args

from pydantic import AwareDatetime, ValidationError, model_validator

from assistant.adapters.helpdesks.signing import (
    check_signature,
    check_time,
    key_bytes,
    same,
    secret_of,
    signature_of,
    unix_time,
)  # fmt: skip
from assistant.adapters.helpdesks.wire import nothing, posted_json
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskTicket, Notice, Writing
from assistant.kernel.value import Value

_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
EventType = Literal["ticket.created", "ticket.message"]


class TicketData(Value):
    ticket: Ticket

    @model_validator(mode="after")
    def _has_an_id(self) -> "TicketData":
        if not self.ticket.id:
            raise ValueError("ticket.id is required")
        return self


class TicketEvent(Value):
    """What a generic helpdesk posts."""

    type: EventType
    timestamp: AwareDatetime
    data: TicketData


class GenericHelpdesk:
    """A source of webhooks. It cannot be asked for a ticket, nor written to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self, delivery: Delivery) -> Notice:
        number = self._checked_id(delivery)
        kind = posted_json(delivery, "the webhook").get("type")
        if isinstance(kind, str) and kind not in get_args(EventType):
            return nothing(number, "", f"the event is {kind[:60]}")
        ticket = _event(delivery).data.ticket
        ticket_id = ticket.id or ""
        last = ticket.messages[-1].author if ticket.messages else "system"
        if last == "system":
            return nothing(number, ticket_id, "the last message is from neither side")
        return Notice(delivery_id=number, ticket_id=ticket_id, about=last, ticket=ticket)

    def read(self, ticket_id: str) -> HelpdeskTicket:  # noqa: ARG002 — the port's
        self._cannot("be asked for a ticket")

    def write(self, ticket_id: str, writing: Writing) -> str:  # noqa: ARG002 — the port's
        self._cannot("be written to")

    def _cannot(self, what: str) -> NoReturn:
        raise ConfigurationError(
            f"helpdesk {self._connection.name!r} is generic and cannot {what}: results leave as outgoing events",
            fix="Receive the events at an address of your own, or give the connection the kind of a known helpdesk.",
        )

    def _checked_id(self, delivery: Delivery) -> str:
        """The webhook's id once its signature holds. Raises Refused."""
        number, timestamp = delivery.headers.get(_ID, ""), delivery.headers.get(_TIMESTAMP, "")
        signed = f"{number}.{timestamp}.".encode("utf-8", "replace")
        digest = signature_of(key_bytes(secret_of(self._connection)), signed, delivery.body)
        expected = f"v1,{base64.b64encode(digest).decode()}"
        given = delivery.headers.get(_SIGNATURE, "").split()[:32]
        right = [same(expected, signature.rstrip(",")) for signature in given]
        check_signature(self._connection, _SIGNATURE, right=any(right) and bool(number))
        check_time(self._connection, _TIMESTAMP, unix_time(self._connection, _TIMESTAMP, timestamp), delivery)
        return number if len(number) <= 200 else hashlib.sha256(number.encode("utf-8", "replace")).hexdigest()


def _event(delivery: Delivery) -> TicketEvent:
    try:
        return TicketEvent.model_validate_json(delivery.body, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise InputError(f"the webhook: {field}: {first['msg']}", field=field) from None
