"""Webhooks of helpdesks: verified over the raw bytes, kept, and answered at once; a job does the work."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from assistant.api.access import app_of
from assistant.kernel.errors import NotFound
from assistant.kernel.helpdesks import Delivery
from assistant.kernel.jobs import JobName
from assistant.wiring import App

router = APIRouter(tags=["webhooks"])


class Received(BaseModel):
    """``known`` was delivered before; ``ignored`` says in ``why`` that there is nothing to do."""

    status: Literal["queued", "known", "ignored"]
    why: str = ""
    job: str | None = None


async def raw_body(request: Request) -> bytes:
    """The very bytes that were signed."""
    return await request.body()


Body = Annotated[bytes, Depends(raw_body)]


@router.post("/v1/webhooks/{connection}", status_code=202)
def receive_webhook(request: Request, connection: str, body: Body) -> Received:
    """A helpdesk says that something happened; the connections file names it and holds the secret it signs with.

    A connection of the kind `generic` takes any helpdesk, signed by Standard Webhooks:
    `{"type": "ticket.created" | "ticket.message", "timestamp": "…", "data": {"ticket": {"id": "…", "subject": "…",
    "messages": [{"author": "customer", "text": "…"}]}}}`; what becomes of it is told by the events `draft.ready`
    and `handoff.created`.
    """
    return _receive(app_of(request), connection, _headers(request), body)


@router.post("/v1/webhooks/{connection}/{secret}", status_code=202)
def receive_unsigned_webhook(request: Request, connection: str, secret: str, body: Body) -> Received:
    """The same for a helpdesk that cannot sign: the address holds the secret."""
    return _receive(app_of(request), connection, _headers(request) | {"x-deskhand-path-secret": secret}, body)


def _receive(app: App, name: str, headers: dict[str, str], body: bytes) -> Received:
    helpdesk = app.helpdesks.get(name)
    if helpdesk is None:
        raise NotFound(f"there is no helpdesk {name!r}", fix="Add it to the file that DESKHAND_CONNECTIONS names.")
    notice = helpdesk.receive(Delivery(headers=headers, body=body, received_at=app.clock.now()))
    if notice.about == "nothing":
        return Received(status="ignored", why=notice.why)
    with app.transactions.together():
        inbox_id = app.letters.receive(name, notice)
        if inbox_id is None:
            return Received(status="known")
        job = app.jobs.add(app.connections.helpdesks[name].tenant, JobName.ANSWER_TICKET, inbox_id)
    app.wake(job)
    return Received(status="queued", job=job.id)


def _headers(request: Request) -> dict[str, str]:
    """Lower-case names; none of them may be taken for the secret in an address."""
    return {name: value for name, value in request.headers.items() if name != "x-deskhand-path-secret"}
