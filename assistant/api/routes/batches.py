"""Batches of summaries: sent as lines or as a list, worked on by a job, fetched as JSON lines."""

import json
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile

from assistant.api.access import app_of, requires
from assistant.batches.lines import check_lines
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.batches import MAX_LINES, BatchProgress, BatchState
from assistant.kernel.errors import InputError
from assistant.kernel.jobs import JobName, JobState

router = APIRouter(tags=["batches"])
BatchesKey = Annotated[ApiKey, Depends(requires(KeyScope.BATCHES))]


class NewBatch(BaseModel):
    """Tickets, or the ids of tickets in a helpdesk of the connections file; both may be given."""

    model_config = ConfigDict(extra="forbid")

    tickets: list[dict[str, Any]] = Field(default=[], max_length=MAX_LINES)
    ticket_ids: list[str] = Field(default=[], max_length=MAX_LINES)
    connection: str = Field(default="", description="The helpdesk that has the ticket_ids.")


class Sent(NamedTuple):
    """A request's body and what it is: the file's bytes when it is a form with a file."""

    body: bytes
    is_json: bool


async def sent(request: Request) -> Sent:
    kind = request.headers.get("content-type", "application/json")
    if not kind.startswith("multipart/form-data"):
        return Sent(await request.body(), kind.startswith("application/json"))
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InputError("the form has no file", fix="Send the lines as a file named `file`.", field="file")
        return Sent(await file.read(), is_json=False)


@router.post(
    "/v1/summaries/batches",
    status_code=202,
    response_model=BatchProgress,
    responses={200: {"model": BatchProgress, "description": "The same batch was created before."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": NewBatch.model_json_schema()},
                "application/x-ndjson": {"schema": {"type": "string", "description": "A ticket a line."}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "string", "format": "binary", "description": "A ticket a line."}
                        },
                        "required": ["file"],
                    }
                },
            },
        }
    },
)
def create_batch(
    request: Request,
    key: BatchesKey,
    given: Annotated[Sent, Depends(sent)],
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> JSONResponse:
    """Summarise many tickets: JSON lines (`application/x-ndjson`, or a file in a form), or JSON with `tickets` or
    `ticket_ids`.

    A line that is no ticket becomes an error row. With an `Idempotency-Key` a repeated request gives the same
    batch. The event `batch.finished` tells when it is done.
    """
    app = app_of(request)
    lines = check_lines(_lines(given))
    with app.transactions.together():
        batch, new = app.batches.create(key.tenant, lines, idempotency_key)
        job = app.jobs.add(key.tenant, JobName.SUMMARIZE_BATCH, batch.id) if new else None
    if job is not None:
        app.wake(job)
    return JSONResponse(batch.model_dump(mode="json"), status_code=202 if new else 200)


@router.get("/v1/summaries/batches/{batch_id}")
def get_batch(request: Request, key: BatchesKey, batch_id: str) -> BatchProgress:
    """How far a batch is, its rows a minute, and the seconds it will still take.

    `failed` is a batch whose job was given up; `detail` says why. What is finished stays, and the rest can be gone on with.
    """
    app = app_of(request)
    batch = app.batches.progress(key.tenant, batch_id)
    dead = app.jobs.find(key.tenant, [JobState.DEAD], JobName.SUMMARIZE_BATCH, subject=batch_id, limit=1)
    if batch.state in {BatchState.QUEUED, BatchState.RUNNING} and dead:
        return batch.model_copy(update={"state": BatchState.FAILED, "detail": dead[0].detail, "seconds_left": None})
    return batch


@router.get(
    "/v1/summaries/batches/{batch_id}/results",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def get_results(request: Request, key: BatchesKey, batch_id: str) -> StreamingResponse:
    """The rows finished so far as JSON lines, in the order of the input."""
    batches = app_of(request).batches
    batches.progress(key.tenant, batch_id)  # Now, while an error can still be told.
    rows = (f"{row}\n" for row in batches.results(key.tenant, batch_id))
    return StreamingResponse(rows, media_type="application/x-ndjson")


@router.post("/v1/summaries/batches/{batch_id}/cancel")
def cancel_batch(request: Request, key: BatchesKey, batch_id: str) -> BatchProgress:
    """Stop after the rows at hand; what is finished stays. A batch that has ended stays as it is."""
    batches = app_of(request).batches
    batches.close(key.tenant, batch_id, BatchState.CANCELLED)
    return batches.progress(key.tenant, batch_id)


def _lines(given: Sent) -> list[str]:
    """The lines of a request, whichever form it has. Raises InputError."""
    try:
        text = given.body.decode("utf-8-sig")
        if not given.is_json:
            return text.split("\n")
        batch = NewBatch.model_validate_json(text)
    except UnicodeDecodeError as error:
        raise InputError("the body is not UTF-8", fix="Send UTF-8.", field="body") from error
    except ValueError as error:
        raise InputError("the body is not a batch", fix='Send {"tickets": […]} or JSON lines.', field="body") from error
    if batch.ticket_ids and not batch.connection:
        raise InputError("ticket_ids need a connection", fix="Name the helpdesk that has them.", field="connection")
    named = [json.dumps({"connection": batch.connection, "ticket_id": ticket_id}) for ticket_id in batch.ticket_ids]
    return [json.dumps(ticket, ensure_ascii=False) for ticket in batch.tickets] + named
