"""Work done later, as a row. The API and the workers share these names, and nothing else."""

from enum import StrEnum

from assistant.kernel.knowledge import Audience
from assistant.kernel.value import CleanText, Value

RUN_JOB = "deskhand.run_job"
"""The one task a broker carries; its only argument is a job's id."""


class JobName(StrEnum):
    INGEST_UPLOAD = "ingest_upload"
    PUBLISH = "publish"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Value):
    """``subject`` is the id of the row to work on, or empty; payloads never travel through the broker."""

    id: str
    tenant: str
    name: JobName
    subject: str
    state: JobState
    attempt: int
    detail: str = ""


class Upload(Value):
    """A document as it was sent over REST, waiting to be ingested."""

    tenant: str
    name: CleanText
    url: CleanText
    audience: Audience
    data: bytes
