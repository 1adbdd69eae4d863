"""Jobs as their tenant sees them: what waits, what died and why, and trying it again."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from assistant.api.access import app_of, requires
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.jobs import Job, JobName, JobState

router = APIRouter(tags=["jobs"])
JobsKey = Annotated[ApiKey, Depends(requires(KeyScope.JOBS))]
AnyJobKey = Annotated[ApiKey, Depends(requires(KeyScope.JOBS, KeyScope.DOCUMENTS))]


class JobView(BaseModel):
    """A job; ask for it again at /v1/jobs/{id} until its state is done or dead."""

    id: str
    name: JobName
    state: JobState
    attempt: int
    detail: str
    created_at: str
    updated_at: str


class JobList(BaseModel):
    jobs: list[JobView]


class Purged(BaseModel):
    purged: int


@router.get("/v1/jobs")
def list_jobs(
    request: Request,
    key: JobsKey,
    state: Annotated[list[JobState] | None, Query(description="Only these states; all when left out.")] = None,
    name: JobName | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> JobList:
    """Jobs of this tenant, the last changed first."""
    return JobList(jobs=[view_of(job) for job in app_of(request).jobs.find(key.tenant, state or (), name, limit=limit)])


@router.get("/v1/jobs/{job_id}")
def get_job(request: Request, key: AnyJobKey, job_id: str) -> JobView:
    """How a job stands; ``detail`` says what it did, or why it died."""
    return view_of(app_of(request).jobs.get(key.tenant, job_id))


@router.post("/v1/jobs/{job_id}/retry", status_code=202)
def retry_job(request: Request, key: JobsKey, job_id: str) -> JobView:
    """Queue a dead job again."""
    app = app_of(request)
    job = app.jobs.retry(key.tenant, job_id)
    app.wake(job)
    return view_of(job)


@router.delete("/v1/jobs")
def purge_jobs(
    request: Request,
    key: JobsKey,
    state: Annotated[JobState, Query(description="`done` or `dead`.")] = JobState.DONE,
    older_than_days: Annotated[int, Query(ge=0, le=3650)] = 7,
) -> Purged:
    """Forget finished jobs that were last changed so long ago."""
    board = app_of(request).jobs
    return Purged(purged=board.purge(key.tenant, [state], timedelta(days=older_than_days)))


def view_of(job: Job) -> JobView:
    return JobView.model_validate(job.model_dump(include=set(JobView.model_fields)))
