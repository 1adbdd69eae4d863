"""What Deskhand tells other systems of its own accord, and what it leaves at tickets."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from assistant.kernel.helpdesks import Writing
from assistant.kernel.value import Value


class EventType(StrEnum):
    DRAFT_READY = "draft.ready"
    HANDOFF_CREATED = "handoff.created"
    BATCH_FINISHED = "batch.finished"


class Receiver(Value):
    """A web address that wants events of one tenant, signed by Standard Webhooks with ``secret``."""

    name: str
    tenant: str = "default"
    url: str = Field(pattern="^https?://")
    secret: str = Field(min_length=8, repr=False)
    types: tuple[EventType, ...] = tuple(EventType)


class OutgoingEvent(Value):
    """An event on its way to one receiver. ``id`` is the same however often it is sent: receivers know it by that."""

    id: str
    tenant: str
    receiver: str
    type: EventType
    created_at: str
    data: dict[str, Any]


class LetterState(StrEnum):
    PLANNED = "planned"
    """It is written down here, and perhaps at the helpdesk."""
    SENT = "sent"
    DROPPED = "dropped"
    """A person was faster, or the customer said more."""
    ANSWERED = "answered"
    """A person answered afterwards; their words are feedback on the run."""


class Letter(Value):
    """What a run leaves at a ticket in answer to one message.

    ``job_id`` is the one job that may leave it there; ``external_id`` is the helpdesk's id of it.
    """

    key: str
    tenant: str
    connection: str
    ticket_id: str
    run_id: str
    job_id: str
    writing: Writing
    state: LetterState
    external_id: str = ""
