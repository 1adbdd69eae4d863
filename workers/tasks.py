"""What a job does, by name. A task is: claim, do, finish; everything it needs is read by id."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from assistant.kernel.errors import DeskhandError, InputError, RetryLater
from assistant.kernel.jobs import Job, JobName
from assistant.ports import JobStore
from ingest.index import index
from ingest.load import source_from_upload
from ingest.pipeline import Ingest, ingest

log = structlog.get_logger()


@dataclass(frozen=True)
class Workshop:
    """All that jobs need."""

    jobs: JobStore
    ingest: Ingest


def run_job(job_id: str, shop: Workshop) -> bool:
    """Claim the job and do it; False when someone else has it or it is finished.

    A failure is written to the job: bad input kills it at once, anything else is tried again later.
    """
    job = shop.jobs.claim(job_id)
    if job is None:
        return False
    log.info("job started", job=job.id, name=job.name, attempt=job.attempt)
    try:
        detail = _ACTIONS[job.name](job, shop)
    except InputError as error:
        shop.jobs.fail(job, f"{error} {error.fix}".strip(), retry=False)
        log.warning("job refused", job=job.id, name=job.name, error=error.code)
    except DeskhandError as error:
        shop.jobs.fail(job, str(error), retry=True)
        log.warning(
            "job failed", job=job.id, name=job.name, error=error.code, retry_later=isinstance(error, RetryLater)
        )
    except Exception as error:  # A bug must not stop the worker; the job says what happened.
        shop.jobs.fail(job, f"unexpected {type(error).__name__}", retry=True)
        log.exception("job broke", job=job.id, name=job.name)
    else:
        shop.jobs.finish(job, detail)
        log.info("job done", job=job.id, name=job.name)
    return True


def _ingest_upload(job: Job, shop: Workshop) -> str:
    upload = shop.jobs.upload(job.subject)
    source = source_from_upload(upload.name, upload.data, upload.url, upload.audience)
    report = ingest([source], upload.tenant, upload.audience, shop.ingest)
    if report.problems:
        problem = report.problems[0]
        raise InputError(f"{problem.name}: {problem.reason}", fix=problem.fix)
    return f"{report.added + report.changed} documents, snapshot {report.generation}"


def _publish(job: Job, shop: Workshop) -> str:
    """Publish what the store holds now, as after a deletion."""
    parts = shop.ingest
    manifest = index(job.tenant, parts.store, parts.writer, parts.embedder)
    return f"snapshot {manifest.generation}"


_ACTIONS: dict[JobName, Callable[[Job, Workshop], str]] = {
    JobName.INGEST_UPLOAD: _ingest_upload,
    JobName.PUBLISH: _publish,
}
