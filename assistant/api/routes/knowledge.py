"""Search, and the documents it searches: sent, listed and deleted here, ingested by a job."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from pydantic import BaseModel

from assistant.api.access import app_of, requires, scope_for
from assistant.api.routes.drafts import AudienceQuery, HtmlQuery
from assistant.api.routes.jobs import JobView, view_of
from assistant.api.service import Service, service_of
from assistant.api.views import PassageView, passage_view
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.errors import DeskhandError, InputError
from assistant.kernel.jobs import JobName, Upload
from assistant.kernel.knowledge import Audience, Standing
from assistant.kernel.reply import ReplyPassage, reply_passage
from assistant.stages.retrieve import Said, search

log = structlog.get_logger()
router = APIRouter(tags=["knowledge"])
DocumentsKey = Annotated[ApiKey, Depends(requires(KeyScope.DOCUMENTS))]


class Found(BaseModel):
    passages: list[ReplyPassage]


class FoundView(BaseModel):
    """Passages with safe HTML beside their text."""

    passages: list[PassageView]


class DocumentView(BaseModel):
    """``copy_of`` is the key of the near-duplicate that is found in its place; ``modified_at`` what its source says."""

    id: str
    key: str
    title: str
    url: str
    audience: Audience
    sha256: str
    chunks: int
    updated_at: str
    modified_at: str
    standing: Standing
    copy_of: str


class DocumentMark(BaseModel):
    """What a document is worth: ``outdated`` ones sink, ``separate`` ones have no near-duplicates."""

    standing: Standing


class DocumentPage(BaseModel):
    """``next`` is the value of ``after`` for the following page, or null on the last."""

    documents: list[DocumentView]
    next: str | None


@router.get("/v1/search")
async def search_passages(
    request: Request,
    key: Annotated[ApiKey, Depends(requires(KeyScope.SEARCH))],
    service: Annotated[Service, Depends(service_of)],
    q: Annotated[str, Query(min_length=1, max_length=2_000, description="What to look for.")],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
    audience: AudienceQuery = Audience.PUBLIC,
    html: HtmlQuery = False,
) -> Found | FoundView:
    """Passages for a query, best first."""
    app, scope = app_of(request), scope_for(key, audience)

    def work() -> Found | FoundView:
        snapshot = app.index.snapshot(scope.tenant)
        if snapshot is None:
            return Found(passages=[])
        policy = app.policy[0].retrieval.model_copy(update={"shown": limit})
        evidence = search([Said(q)], app.settings.default_language, scope, snapshot, app.embedder, policy, app.reranker)
        found = [reply_passage(passage) for passage in evidence.passages]
        return FoundView(passages=[passage_view(passage) for passage in found]) if html else Found(passages=found)

    return await service.on_thread(work)


@router.post("/v1/documents", status_code=202)
def add_document(
    request: Request,
    key: DocumentsKey,
    file: Annotated[
        UploadFile,
        File(description="HTML, Markdown, text, PDF, DOCX, PPTX, XLSX, CSV, EML and others, or an archive of them."),
    ],
    audience: Annotated[Audience, Form()] = Audience.PUBLIC,
    url: Annotated[
        str, Form(max_length=2_000, description="Where a reader finds it; what an archive holds is below it.")
    ] = "",
) -> JobView:
    """Add a document, or the documents of an archive, or a new version of what has the same file name. A job ingests it."""
    app = app_of(request)
    data = file.file.read()
    if not data:
        raise InputError("the file is empty", fix="Send a file with text in it.", field="file")
    name = (file.filename or "").strip()
    if not name:
        raise InputError("the file has no name", fix="Send a name such as returns.html.", field="file")
    if url and not url.startswith(("https://", "http://")):
        raise InputError("the url is not a web address", fix="Send one that begins with https://.", field="url")
    scope_for(key, audience)
    with app.transactions.together():
        upload = app.uploads.add(Upload(tenant=key.tenant, name=name, url=url, audience=audience, data=data))
        job = app.jobs.add(key.tenant, JobName.INGEST_UPLOAD, upload)
    app.wake(job)
    return view_of(job)


@router.get("/v1/documents")
def list_documents(
    request: Request,
    key: DocumentsKey,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str, Query(description="`next` of the page before.")] = "",
) -> DocumentPage:
    """The documents in use, by key."""
    found = app_of(request).documents.documents(key.tenant, _readable(key), limit=limit + 1, after=after)
    page = [DocumentView.model_validate(document, from_attributes=True) for document in found[:limit]]
    return DocumentPage(documents=page, next=page[-1].key if len(found) > limit else None)


@router.patch("/v1/documents/{document_id}", status_code=202)
def mark_document(request: Request, key: DocumentsKey, document_id: str, mark: DocumentMark) -> JobView:
    """Say that a document is outdated, current, or no near-duplicate of another. A job publishes that."""
    app = app_of(request)
    with app.transactions.together():
        app.documents.mark(key.tenant, document_id, mark.standing, _readable(key))
        job = app.jobs.add(key.tenant, JobName.PUBLISH)
    app.wake(job)
    return view_of(job)


@router.delete("/v1/documents/{document_id}", status_code=202)
def delete_document(request: Request, key: DocumentsKey, document_id: str) -> JobView:
    """Delete a document. Nobody finds it any more; a job sees to the rest."""
    app = app_of(request)
    with app.transactions.together():
        document = app.documents.delete_by_id(key.tenant, document_id, _readable(key))
        job = app.jobs.add(key.tenant, JobName.PUBLISH)
    try:
        app.index_writer.hide(key.tenant, [document])
    except DeskhandError as error:  # A full disk, or a long merge: the job will do it.
        log.warning("a deleted document is still found", tenant=key.tenant, job=job.id, error=error.code)
    app.wake(job)
    return view_of(job)


def _readable(key: ApiKey) -> frozenset[Audience]:
    """The audiences whose documents the key may see at all."""
    return frozenset(Audience) if KeyScope.INTERNAL in key.scopes else frozenset({Audience.PUBLIC})
