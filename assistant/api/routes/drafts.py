"""Drafts and summaries: what needs a model, and therefore waits its turn."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from assistant.api.access import app_of, requires, scope_for
from assistant.api.service import Service, service_of
from assistant.api.stream import events
from assistant.api.views import ReplyView, view_of
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.conversation import Ticket, Tone, Wish
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.knowledge import Audience
from assistant.kernel.reply import Reply
from assistant.kernel.runs import Event, OnEvent, TokenWritten
from assistant.kernel.summary import TicketSummary
from assistant.pipeline import answer
from assistant.pipeline import summarize as summarize_ticket
from assistant.prompts import Prompt
from assistant.text.language import LANGUAGE_NAMES

router = APIRouter(tags=["drafts"])
AudienceQuery = Annotated[
    Audience, Query(description="`internal` also reads and cites internal documents; the key must allow it.")
]
ToneQuery = Annotated[Tone | None, Query(description="How to write it, when a draft is written again.")]
LanguageQuery = Annotated[
    str,
    Query(
        pattern="^([a-z]{2})?$",
        description="Language to write in (ISO 639-1), when not the ticket's. A draft in another language than its "
        "sources cannot be checked: it comes as `handoff.draft`, never as an answer.",
    ),
]
HtmlQuery = Annotated[bool, Query(description="Put safe HTML beside the texts of sentences and passages.")]


@router.post(
    "/v1/drafts",
    response_model=Reply | ReplyView,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "The decision; with `Accept: text/event-stream` the events evidence, token, sentence, decision, done.",
        }
    },
)
async def create_draft(
    ticket: Ticket,
    request: Request,
    key: Annotated[ApiKey, Depends(requires(KeyScope.DRAFTS))],
    service: Annotated[Service, Depends(service_of)],
    audience: AudienceQuery = Audience.PUBLIC,
    tone: ToneQuery = None,
    language: LanguageQuery = "",
    html: HtmlQuery = False,
) -> Response:
    """Draft a reply to a ticket: an answer with citations, a question back, or a handoff to a human."""
    app, scope = app_of(request), scope_for(key, audience)
    wish = _wish(tone, language, app.desk.prompts["draft"])
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
            return service.finished(answer(ticket, scope, app.desk, noted, wish))
        finally:
            service.admission.leave(app.clock.monotonic() - started)

    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(
            events(work, service.threads, html=html),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )
    reply = await service.on_thread(lambda: work(lambda _: None))
    return JSONResponse((view_of(reply) if html else reply).model_dump(mode="json"))


@router.post("/v1/summaries")
async def create_summary(
    ticket: Ticket,
    request: Request,
    key: Annotated[ApiKey, Depends(requires(KeyScope.SUMMARIES))],
    service: Annotated[Service, Depends(service_of)],
) -> TicketSummary:
    """Summarise one ticket: in a sentence, and what was asked, tried, answered and left open, each with its messages."""
    with service.admission.admitted():
        return (await service.on_thread(lambda: summarize_ticket(ticket, key.tenant, app_of(request).desk))).summary


def _wish(tone: Tone | None, language: str, prompt: Prompt) -> Wish:
    """What the caller asks for. Raises when a wish could not come true, rather than ignoring it."""
    if language and language not in LANGUAGE_NAMES:
        known = ", ".join(sorted(LANGUAGE_NAMES))
        raise InputError(
            f"drafts cannot be asked for in {language!r}", fix=f"Ask for one of {known}.", field="language"
        )
    if tone is not None and not prompt.takes("tone"):
        raise ConfigurationError(f"the prompt {prompt.name} knows no tones", fix="Set DESKHAND_DRAFT_PROMPT=draft/5.")
    return Wish(tone=tone, language=language)
