"""What people teach: feedback as training data, and articles proposed for what the knowledge base lacks."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from assistant.api.access import app_of, requires, scope_for
from assistant.api.routes.drafts import AudienceQuery
from assistant.api.routes.jobs import JobView, view_of
from assistant.api.service import Service, service_of
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.knowledge import Audience
from assistant.kernel.learning import Article, ArticleProposal, Gap, ProposalState
from assistant.kernel.value import CleanText
from assistant.learning.decisions import MAX_ARTICLE_CHARS, approve, reject
from assistant.learning.export import Form, Tally, export
from assistant.learning.gaps import find_gaps, propose_articles

router = APIRouter(tags=["learning"])
DocumentsKey = Annotated[ApiKey, Depends(requires(KeyScope.DOCUMENTS))]
Verdict = Literal["up", "down", "sent", "edited", "discarded"]
Since = Annotated[date | None, Query(description="Only from this day on, in UTC.")]


class ProposalView(BaseModel):
    """A proposed article. ``nearest`` is left out when it is internal and the key may not read that."""

    id: str
    state: ProposalState
    kind: Literal["new", "change"]
    gap: Gap
    article: Article
    decided_tickets: int
    why: str
    document: str
    created_at: str
    updated_at: str


class ProposalList(BaseModel):
    proposals: list[ProposalView]


class Looked(BaseModel):
    """``tickets`` were looked at; ``more``: older ones were not. ``proposals`` are those of the gaps found."""

    tickets: int
    more: bool
    proposals: list[ProposalView]


class Approval(BaseModel):
    """How an article is approved: as it is, or with another title, or with another text (Markdown)."""

    model_config = ConfigDict(extra="forbid")

    audience: Audience = Audience.INTERNAL
    title: CleanText = Field(default="", max_length=300)
    text: CleanText = Field(default="", max_length=MAX_ARTICLE_CHARS)


class Approved(BaseModel):
    """The proposal as it stands now, and the job that ingests its article."""

    proposal: ProposalView
    job: JobView


class Rejection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: CleanText = Field(min_length=1, max_length=2_000)


@router.get(
    "/v1/feedback/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    dependencies=[Depends(requires(KeyScope.RUNS))],
)
def export_feedback(
    request: Request,
    key: Annotated[ApiKey, Depends(requires(KeyScope.FEEDBACK))],
    since: Since = None,
    verdict: Annotated[list[Verdict] | None, Query(description="Only these; all when left out.")] = None,
    format: Annotated[Form, Query(description="`chat`: messages for trainers. `plain`: all there is.")] = "plain",
    audience: AudienceQuery = Audience.PUBLIC,
) -> StreamingResponse:
    """What the model was asked and what people sent, a JSON object a line, masked again.

    The key needs the scopes `feedback` and `runs`, and `internal` for rows whose prompt holds internal passages.
    Names, postal addresses and order numbers are not masked.
    """
    internal = Audience.INTERNAL in scope_for(key, audience).audiences
    lessons = app_of(request).learning.lessons.lessons(key.tenant, since=_midnight(since), verdicts=verdict or ())
    rows = export(lessons, format, Tally(), internal=internal)
    return StreamingResponse(rows, media_type="application/x-ndjson")


@router.get("/v1/gaps")
def list_gaps(
    request: Request,
    key: DocumentsKey,
    state: Annotated[list[ProposalState] | None, Query(description="Only these states; all when left out.")] = None,
) -> ProposalList:
    """Gaps of the knowledge base with their proposed articles, the last changed first."""
    found = app_of(request).learning.proposals.find(key.tenant, state or ())
    return ProposalList(proposals=[_view(proposal, key) for proposal in found])


@router.post("/v1/gaps")
async def look_for_gaps(
    request: Request, key: DocumentsKey, service: Annotated[Service, Depends(service_of)], since: Since = None
) -> Looked:
    """Look for gaps now, and keep a proposed article for each; the same gap updates the proposal it has."""
    learning = app_of(request).learning

    def work() -> Looked:
        findings = propose_articles(key.tenant, find_gaps(key.tenant, learning, since=_midnight(since)), learning)
        proposals = [_view(found.proposal, key) for found in findings.found if found.proposal is not None]
        return Looked(tickets=findings.tickets, more=findings.more, proposals=proposals)

    with service.admission.admitted():
        return await service.on_thread(work)


@router.get("/v1/gaps/{proposal_id}")
def get_gap(request: Request, key: DocumentsKey, proposal_id: str) -> ProposalView:
    """One gap with its proposed article: each sentence with the runs it was the answer to."""
    return _view(app_of(request).learning.proposals.get(key.tenant, proposal_id), key)


@router.post("/v1/gaps/{proposal_id}/approve", status_code=202)
def approve_gap(request: Request, key: DocumentsKey, proposal_id: str, approval: Approval) -> Approved:
    """Send the article to be ingested. An internal one, which is the default, needs the scope `internal`."""
    app = app_of(request)
    scope_for(key, approval.audience)
    done = approve(
        key.tenant, proposal_id, approval.audience, app.learning, title=approval.title, text=approval.text
    )  # fmt: skip
    app.wake(done.job)
    return Approved(proposal=_view(done.proposal, key), job=view_of(done.job))


@router.post("/v1/gaps/{proposal_id}/reject")
def reject_gap(request: Request, key: DocumentsKey, proposal_id: str, rejection: Rejection) -> ProposalView:
    """Say that no article shall come of it; it is proposed again when twice as many tickets ask for it."""
    return _view(reject(key.tenant, proposal_id, rejection.why, app_of(request).learning), key)


def _view(proposal: ArticleProposal, key: ApiKey) -> ProposalView:
    view = ProposalView.model_validate(proposal, from_attributes=True)
    nearest = proposal.gap.nearest
    if nearest is None or nearest.audience is Audience.PUBLIC or KeyScope.INTERNAL in key.scopes:
        return view
    return view.model_copy(update={"gap": proposal.gap.model_copy(update={"nearest": None})})


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
