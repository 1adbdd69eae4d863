"""Work done later, as a row. The API and the workers share these names, and nothing else."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from assistant.kernel.knowledge import Audience
from assistant.kernel.value import CleanText, Value

RUN_JOB = "deskhand.run_job"
"""The one task a broker carries; its only argument is a job's id."""

LEASE = timedelta(seconds=60)
"""How long a claimed job is its worker's without a sign of life, unless the settings say otherwise."""
BEATS_A_LEASE = 4
"""Signs of life within a lease: three may be lost."""
MAX_STRIKES = 4
"""Crashes and failures in a row after which a job is dead; progress clears them."""
PATIENCE = timedelta(hours=6)
"""How long a job waits for something outside to come back, such as a helpdesk, before that counts as failing."""
BACKOFF = timedelta(seconds=2)
MAX_BACKOFF = timedelta(minutes=5)


class Lane(StrEnum):
    """Queues with workers of their own: nobody waits behind a longer kind of work."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    INGEST = "ingest"


class JobName(StrEnum):
    INGEST_UPLOAD = "ingest_upload"
    PUBLISH = "publish"
    ANSWER_TICKET = "answer_ticket"
    SEND_EVENT = "send_event"
    SUMMARIZE_BATCH = "summarize_batch"

    @property
    def lane(self) -> Lane:
        match self:
            case JobName.INGEST_UPLOAD | JobName.PUBLISH:
                return Lane.INGEST
            case JobName.ANSWER_TICKET | JobName.SEND_EVENT:
                return Lane.INTERACTIVE
            case JobName.SUMMARIZE_BATCH:
                return Lane.BULK


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Value):
    """``subject`` is the id of the row to work on, or empty; payloads never travel through the broker.

    ``attempt`` fences: only the worker that claimed it with this number may finish it. ``strikes`` counts
    crashes and failures since the last progress.
    """

    id: str
    tenant: str
    name: JobName
    subject: str
    state: JobState
    attempt: int
    strikes: int = 0
    detail: str = ""
    created_at: str = ""
    due_at: str = ""
    updated_at: str = ""


class Due(Value):
    """A job that may be claimed now, and the lane to send it to."""

    id: str
    lane: Lane


class LaneLoad(Value):
    """What waits and runs in a lane. ``oldest_due_s`` is how long the oldest claimable job has waited, in seconds."""

    lane: Lane
    waiting: int
    running: int
    oldest_due_s: float


class Upload(Value):
    """A document as it was sent over REST, waiting to be ingested."""

    tenant: str
    name: CleanText
    url: CleanText
    audience: Audience
    data: bytes


class FailureSettled(NamedTuple):
    """How a job goes on after a failure: queued again after ``rest``, or dead."""

    state: JobState
    strikes: int
    rest: timedelta


def settle_failure(job: Job, held: int, now: datetime, *, retry: bool, wait: timedelta | None) -> FailureSettled:
    """``held`` is the row's strikes now: progress since the claim has set them back to one.

    Progress gives back the patience too, and the short rests of a job that has just begun.
    """
    progressed = held < job.strikes
    patient = wait is not None and (progressed or now - datetime.fromisoformat(job.created_at) < PATIENCE)
    strikes = held - 1 if patient else held
    again = retry and (patient or strikes < MAX_STRIKES)
    rest = max(backoff(held if progressed else job.attempt), min(wait or timedelta(), MAX_BACKOFF))
    return FailureSettled(JobState.QUEUED if again else JobState.DEAD, strikes, rest)


def backoff(attempt: int) -> timedelta:
    """How long a job rests after its ``attempt``-th try, doubling up to MAX_BACKOFF."""
    return min(BACKOFF * (1 << min(attempt, 16)), MAX_BACKOFF)
