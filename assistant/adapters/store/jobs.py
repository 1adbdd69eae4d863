"""JobStore: jobs and the uploads they work on. A job is claimed by lease and fenced by attempt number."""

from datetime import UTC, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, or_, select, update
from sqlalchemy.orm import Session

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import JobRow, UploadRow
from assistant.kernel.errors import NotFound
from assistant.kernel.jobs import Job, JobName, JobState, Upload
from assistant.kernel.knowledge import Audience
from assistant.ports import Clock

LEASE = timedelta(minutes=10)
MAX_ATTEMPTS = 4
BACKOFF = timedelta(seconds=2)


class SqlJobStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def add_upload(self, upload: Upload) -> Job:
        """Keep a document and queue the job that ingests it, both or neither."""
        with self._sessions.begin() as session:
            row = UploadRow(
                id=uuid4().hex,
                tenant=upload.tenant,
                name=upload.name,
                url=upload.url,
                audience=upload.audience.value,
                data=upload.data,
                created_at=self._clock.now(),
            )
            session.add(row)
            return self._queue(session, upload.tenant, JobName.INGEST_UPLOAD, row.id)

    def add(self, tenant: str, name: JobName, subject: str = "") -> Job:
        with self._sessions.begin() as session:
            return self._queue(session, tenant, name, subject)

    def get(self, tenant: str, job_id: str) -> Job:
        """The job with this id. Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(JobRow, job_id)
            if row is None or row.tenant != tenant:
                raise NotFound(f"there is no job {job_id!r}", fix="Take the id from the answer that queued it.")
            return _job(row)

    def upload(self, upload_id: str) -> Upload:
        """The document that waits under this id. Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(UploadRow, upload_id)
            if row is None:
                raise NotFound(f"there is no upload {upload_id!r}", fix="It was ingested already; send it again.")
            return Upload(tenant=row.tenant, name=row.name, url=row.url, audience=Audience(row.audience), data=row.data)

    def due(self, limit: int = 20) -> list[str]:
        """Ids of jobs that may be claimed now: queued and due, or running with a lease that ran out."""
        query = select(JobRow.id).where(self._claimable()).order_by(JobRow.due_at).limit(limit)
        with self._sessions.read() as session:
            return list(session.scalars(query))

    def claim(self, job_id: str) -> Job | None:
        """Take the job for one lease, or None when another worker has it or it is finished.

        A job whose attempts are used up dies here: its worker died each time without saying why.
        """
        now = self._clock.now()
        with self._sessions.begin() as session:
            taken = session.execute(
                update(JobRow)
                .where(JobRow.id == job_id, self._claimable())
                .values(state=JobState.RUNNING, attempt=JobRow.attempt + 1, lease_until=now + LEASE, updated_at=now)
            )
            if not isinstance(taken, CursorResult) or taken.rowcount != 1:
                return None
            row = session.get_one(JobRow, job_id, populate_existing=True)
            if row.attempt > MAX_ATTEMPTS:
                row.state, row.lease_until = JobState.DEAD, None
                row.detail = f"gave up after {MAX_ATTEMPTS} attempts. {row.detail}".strip()
                return None
            return _job(row)

    def finish(self, job: Job, detail: str = "") -> None:
        """Mark the job done and forget its upload. A worker whose lease was taken over changes nothing."""
        with self._sessions.begin() as session:
            if self._settle(session, job, JobState.DONE, detail) and job.name is JobName.INGEST_UPLOAD:
                row = session.get(UploadRow, job.subject)
                if row is not None:
                    session.delete(row)

    def fail(self, job: Job, detail: str, *, retry: bool) -> None:
        """Queue the job again after a backoff, or let it die with the reason. Its upload is kept."""
        with self._sessions.begin() as session:
            again = retry and job.attempt < MAX_ATTEMPTS
            self._settle(session, job, JobState.QUEUED if again else JobState.DEAD, detail)

    def _settle(self, session: Session, job: Job, state: JobState, detail: str) -> bool:
        now = self._clock.now()
        done = session.execute(
            update(JobRow)
            .where(JobRow.id == job.id, JobRow.attempt == job.attempt, JobRow.state == JobState.RUNNING)
            .values(
                state=state,
                detail=detail[:2_000],
                lease_until=None,
                due_at=now + BACKOFF * 2**job.attempt,
                updated_at=now,
            )
        )
        return isinstance(done, CursorResult) and done.rowcount == 1

    def _queue(self, session: Session, tenant: str, name: JobName, subject: str) -> Job:
        now = self._clock.now()
        row = JobRow(
            id=uuid4().hex,
            tenant=tenant,
            name=name.value,
            subject=subject,
            state=JobState.QUEUED.value,
            attempt=0,
            detail="",
            due_at=now,
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        return _job(row)

    def _claimable(self) -> ColumnElement[bool]:
        now = self._clock.now().astimezone(UTC)
        return or_(
            (JobRow.state == JobState.QUEUED) & (JobRow.due_at <= now),
            (JobRow.state == JobState.RUNNING) & (JobRow.lease_until < now),
        )


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        tenant=row.tenant,
        name=JobName(row.name),
        subject=row.subject,
        state=JobState(row.state),
        attempt=row.attempt,
        detail=row.detail,
    )
