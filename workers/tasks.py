"""What a job does, by name. A task is: claim, do, settle; everything it needs is read by id."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog

from assistant.kernel.errors import DeskhandError, InputError, LeaseLost, RetryLater
from assistant.kernel.jobs import HEARTBEAT_S, Job, JobName
from assistant.ports import JobStore, UploadStore
from ingest.index import index
from ingest.load import source_from_upload
from ingest.pipeline import Ingest, ingest

log = structlog.get_logger()


class Done(NamedTuple):
    """The work is done: what to say of it, and what to write in the transaction that marks it done."""

    detail: str
    effect: Callable[[], object] = lambda: None


class Unfinished(NamedTuple):
    """There is more to do, after ``delay``: others get their turn first."""

    detail: str
    delay: timedelta = timedelta()


@dataclass(frozen=True)
class Workshop:
    """All that jobs need."""

    jobs: JobStore
    uploads: UploadStore
    ingest: Ingest


Outcome = Done | Unfinished
Action = Callable[[Job, Workshop], Outcome]


def run_job(job_id: str, shop: Workshop) -> bool:
    """Claim the job and do it; False when someone else has it or it is finished.

    A failure is written to the job: bad input kills it at once, anything else is tried again later.
    """
    job = shop.jobs.claim(job_id)
    if job is None:
        return False
    told = log.bind(job=job.id, name=job.name, attempt=job.attempt)
    told.info("job started")
    try:
        with heartbeat(job, shop.jobs):
            _do(job, shop)
        told.info("job done")
    except LeaseLost:
        told.warning("job taken over by another worker; nothing was changed")
    return True


def _do(job: Job, shop: Workshop) -> None:
    """Run the job's action and settle it, or write down why not. Raises LeaseLost."""
    told = log.bind(job=job.id, name=job.name)
    try:
        match ACTIONS[job.name](job, shop):
            case Done(detail=detail, effect=effect):
                with shop.jobs.settling(job, detail):
                    effect()
            case Unfinished(detail=detail, delay=delay):
                shop.jobs.again(job, detail, delay)
    except LeaseLost:
        raise
    except InputError as error:
        told.warning("job refused", error=error.code)
        shop.jobs.fail(job, f"{error} {error.fix}".strip(), retry=False)
    except RetryLater as error:
        told.warning("job waits", error=error.code)
        shop.jobs.fail(job, str(error), retry=True, wait=timedelta(seconds=error.retry_after_s))
    except DeskhandError as error:
        told.warning("job failed", error=error.code)
        shop.jobs.fail(job, f"{error} {error.fix}".strip(), retry=True)
    except Exception as error:  # A bug must not stop the worker; the job says what happened.
        told.exception("job broke")
        shop.jobs.fail(job, f"unexpected {type(error).__name__}", retry=True)


@contextmanager
def heartbeat(job: Job, jobs: JobStore, interval_s: float = HEARTBEAT_S) -> Iterator[None]:
    """Keep the job's lease while the block runs. A beat that fails is not the end: the fence guards the result."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(interval_s):
            try:
                with jobs.holding(job):
                    pass
            except LeaseLost:
                return
            except DeskhandError as error:
                log.warning("heartbeat failed", job=job.id, error=error.code)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _ingest_upload(job: Job, shop: Workshop) -> Outcome:
    upload = shop.uploads.get(job.subject)
    source = source_from_upload(upload.name, upload.data, upload.url, upload.audience)
    report = ingest([source], upload.tenant, upload.audience, shop.ingest)
    if report.problems:
        problem = report.problems[0]
        raise InputError(f"{problem.name}: {problem.reason}", fix=problem.fix)
    changed = report.added + report.changed
    return Done(f"{changed} documents, snapshot {report.generation}", lambda: shop.uploads.delete(job.subject))


def _publish(job: Job, shop: Workshop) -> Outcome:
    """Publish what the store holds now, as after a deletion."""
    parts = shop.ingest
    manifest = index(job.tenant, parts.store, parts.writer, parts.embedder)
    return Done(f"snapshot {manifest.generation}")


ACTIONS: dict[JobName, Action] = {
    JobName.INGEST_UPLOAD: _ingest_upload,
    JobName.PUBLISH: _publish,
}
