"""What a job does, by name. A task is: claim, do, settle; everything it needs is read by id."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog

from assistant.batches.stored import Summaries, work_on
from assistant.kernel.batches import BatchState
from assistant.kernel.errors import DatabaseError, DeskhandError, InputError, LeaseLost, RetryLater
from assistant.kernel.jobs import BEATS_A_LEASE, LEASE, Job, JobName
from assistant.kernel.outgoing import EventType
from assistant.ports import EventSender, JobStore, UploadStore
from assistant.ticketing import FrontDesk, Outcome, announce, answer_ticket
from ingest.index import index
from ingest.load import load_upload, upload_key
from ingest.pipeline import Ingest, ingest

log = structlog.get_logger()
WRITE_AGAIN_S = (1.0, 2.0, 4.0, 8.0, *([15.0] * 30))
"""Rests between tries to write an outcome: some eight minutes, so that a task stays below its time limit."""

REPORTED = 5
"""So many files of an archive that were not read are named in the job."""


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
    front_desk: Callable[[], FrontDesk]
    summaries: Callable[[], Summaries]
    sender: EventSender
    lease: timedelta = LEASE
    """As the job store has it."""
    rest: Callable[[float], object] = time.sleep
    """Waits so many seconds before an outcome that could not be written is written again."""


Action = Callable[[Job, Workshop], Outcome | Unfinished]


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
        with heartbeat(job, shop.jobs, shop.lease.total_seconds() / BEATS_A_LEASE):
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
            case Outcome(detail=detail, effect=effect):
                with shop.jobs.settling(job, detail):
                    effect()
            case Unfinished(detail=detail, delay=delay):
                shop.jobs.again(job, detail, delay)
    except LeaseLost:
        raise
    except InputError as error:
        told.warning("job refused", error=error.code)
        _write_down(job, shop, f"{error} {error.fix}".strip(), retry=False)
    except RetryLater as error:
        told.warning("job waits", error=error.code)
        _write_down(job, shop, str(error), wait=timedelta(seconds=error.retry_after_s))
    except DatabaseError as error:  # It is locked, full or away: not the job's doing.
        told.warning("job waits", error=error.code)
        _write_down(job, shop, f"{error} {error.fix}".strip(), wait=timedelta())
    except DeskhandError as error:
        told.warning("job failed", error=error.code)
        _write_down(job, shop, f"{error} {error.fix}".strip())
    except Exception as error:  # A bug must not stop the worker; the job says what happened.
        told.exception("job broke")
        _write_down(job, shop, f"unexpected {type(error).__name__}")


def _write_down(job: Job, shop: Workshop, detail: str, *, retry: bool = True, wait: timedelta | None = None) -> None:
    """Say that the job failed, again and again while the database cannot be written. Raises LeaseLost.

    A job that is left running counts as one that killed its worker: an outage of some minutes would end it.
    """
    for pause_s in WRITE_AGAIN_S:
        try:
            return shop.jobs.fail(job, detail, retry=retry, wait=wait)
        except DatabaseError as error:
            log.warning("outcome not written", job=job.id, error=error.code)
            shop.rest(pause_s)
    return shop.jobs.fail(job, detail, retry=retry, wait=wait)


@contextmanager
def heartbeat(job: Job, jobs: JobStore, interval_s: float) -> Iterator[None]:
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


def _ingest_upload(job: Job, shop: Workshop) -> Outcome | Unfinished:
    upload = shop.uploads.get(job.subject)
    report = ingest(
        load_upload(upload.name, upload.data, upload.url, upload.audience),
        upload.tenant,
        upload.audience,
        shop.ingest,
        roots=[f"{upload_key(upload.name, upload.audience)}#"],  # What an earlier version of an archive held.
        allow_mass_delete=True,
        backlog=False,
    )
    named = [f"{problem.name}: {problem.reason}" for problem in report.problems]
    if named and not report.added + report.changed + report.unchanged:
        raise InputError(named[0], fix=report.problems[0].fix)
    detail = f"{report.added + report.changed} documents, snapshot {report.generation}"
    if named:
        detail += f"; {len(named)} not read: {'; '.join(named[:REPORTED])}"
    return Outcome(detail, lambda: shop.uploads.delete(job.subject))


def _publish(job: Job, shop: Workshop) -> Outcome | Unfinished:
    """Publish what the store holds now, as after a deletion."""
    parts = shop.ingest
    published = index(job.tenant, parts.store, parts.writer, parts.embedder, backlog=False)
    return Outcome(f"snapshot {published.manifest.generation}")


def _answer_ticket(job: Job, shop: Workshop) -> Outcome | Unfinished:
    return answer_ticket(job, shop.front_desk(), lambda: shop.jobs.holding(job))


def _send_event(job: Job, shop: Workshop) -> Outcome | Unfinished:
    front = shop.front_desk()
    event = front.outbox.get(job.subject)
    receiver = next((r for r in front.receivers if (r.name, r.tenant) == (event.receiver, event.tenant)), None)
    if receiver is None:
        return Outcome(f"receiver {event.receiver!r} is no longer in the connections file")
    shop.sender.send(receiver, event)
    return Outcome(f"{event.type} told to {receiver.name}")


def _summarize_batch(job: Job, shop: Workshop) -> Outcome | Unfinished:
    parts, front = shop.summaries(), shop.front_desk()
    finished = work_on(job.tenant, job.subject, parts, lambda progress: shop.jobs.holding(job, progress=progress))
    state = parts.batches.progress(job.tenant, job.subject)
    detail = f"{state.done} of {state.total} rows, {state.failed} of them errors"
    if not finished:
        return Unfinished(detail)

    def effect() -> None:
        parts.batches.close(job.tenant, job.subject, BatchState.DONE)
        told = parts.batches.progress(job.tenant, job.subject).model_dump(mode="json")
        announce(job.tenant, EventType.BATCH_FINISHED, told, front.receivers, front.outbox, shop.jobs)

    return Outcome(detail, effect)


ACTIONS: dict[JobName, Action] = {
    JobName.INGEST_UPLOAD: _ingest_upload,
    JobName.PUBLISH: _publish,
    JobName.ANSWER_TICKET: _answer_ticket,
    JobName.SEND_EVENT: _send_event,
    JobName.SUMMARIZE_BATCH: _summarize_batch,
}
