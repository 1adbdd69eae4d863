"""Runs as they were recorded, and what people thought of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from assistant.api.access import app_of, requires, scope_for
from assistant.kernel.access import ApiKey, KeyScope, agent_of
from assistant.kernel.knowledge import Audience
from assistant.kernel.reply import Reply, reply_of
from assistant.kernel.runs import Feedback, RunManifest
from assistant.text.comparison import compare_with_run

router = APIRouter(tags=["runs"])


class RunView(BaseModel):
    """A run: what was told to the caller, and what it was made with."""

    id: str
    ticket_id: str | None
    created_at: str
    question: str
    reply: Reply
    manifest: RunManifest
    models: list[str]


class FeedbackView(BaseModel):
    id: str


@router.get("/v1/runs/{run_id}")
def get_run(request: Request, key: Annotated[ApiKey, Depends(requires(KeyScope.RUNS))], run_id: str) -> RunView:
    """One run of this tenant, with the manifest that lets it be repeated."""
    run = app_of(request).runs.get(key.tenant, run_id)
    scope_for(key, Audience.INTERNAL if Audience.INTERNAL in run.audiences else Audience.PUBLIC)
    return RunView(
        id=run.id,
        ticket_id=run.ticket_id,
        created_at=run.created_at,
        question=run.question.text,
        reply=reply_of(run),
        manifest=run.manifest,
        models=[f"{attempt.raw.model.name}@{attempt.raw.model.sha256[:12]}" for attempt in run.attempts],
    )


@router.post("/v1/feedback", status_code=201)
def add_feedback(
    request: Request, key: Annotated[ApiKey, Depends(requires(KeyScope.FEEDBACK))], feedback: Feedback
) -> FeedbackView:
    """Say what became of a draft: up, down, sent, edited or discarded, and the text that was sent.

    A sent text is compared with the draft: edit distance over words, and which cited sentences are still there.
    """
    runs = app_of(request).runs
    compared = compare_with_run(runs.get(key.tenant, feedback.run_id), feedback.sent_text)
    if session := agent_of(key):  # Who is signed in is known here; what the page says of it is not asked.
        feedback = feedback.model_copy(update={"agent": session.agent})
    return FeedbackView(id=runs.add_feedback(key.tenant, feedback, compared))
