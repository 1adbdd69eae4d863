"""Drafts and summaries: what needs a model, and therefore waits its turn."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from assistant.api.access import app_of, requires, scope_for
from assistant.api.service import Service, service_of
from assistant.api.stream import events
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.conversation import Ticket, TicketSummary
from assistant.kernel.knowledge import Audience
from assistant.kernel.reply import Reply
from assistant.kernel.runs import Event, OnEvent, TokenWritten
from assistant.pipeline import answer
from assistant.pipeline import summarize as summarize_ticket

router = APIRouter(tags=["drafts"])
AudienceQuery = Annotated[
    Audience, Query(description="`internal` also reads and cites internal documents; the key must allow it.")
]


@router.post(
    "/v1/drafts",
    response_model=Reply,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "The decision; with `Accept: text/event-stream` the events evidence, token, decision, done.",
        }
    },
)
async def create_draft(
    ticket: Ticket,
    request: Request,
    key: Annotated[ApiKey, Depends(requires(KeyScope.DRAFTS))],
    service: Annotated[Service, Depends(service_of)],
    audience: AudienceQuery = Audience.PUBLIC,
) -> Response:
    """Draft a reply to a ticket: an answer with citations, a question back, or a handoff to a human."""
    app, scope = app_of(request), scope_for(key, audience)
    service.admission.enter()
    started = app.clock.monotonic()

    def work(on_event: OnEvent) -> Reply:
        first = True

        def noted(event: Event) -> None:
            nonlocal first
            if first and isinstance(event, TokenWritten):
                first = False
                service.metrics.first_token_seconds.observe(app.clock.monotonic() - started)
            on_event(event)

        try:
            return service.finished(answer(ticket, scope, app.desk, noted))
        finally:
            service.admission.leave(app.clock.monotonic() - started)

    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(
            events(work, service.threads), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )
    reply = await service.on_thread(lambda: work(lambda _: None))
    return JSONResponse(reply.model_dump(mode="json"))


@router.post("/v1/summaries", dependencies=[Depends(requires(KeyScope.SUMMARIES))])
async def create_summary(
    ticket: Ticket,
    request: Request,
    service: Annotated[Service, Depends(service_of)],
) -> TicketSummary:
    """Summarise one ticket: request, what was done, open questions, next step, sentiment."""
    with service.admission.admitted():
        return (await service.on_thread(lambda: summarize_ticket(ticket, app_of(request).desk))).summary
