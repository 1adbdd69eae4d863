"""JobStore and JobBoard: a job is claimed by a conditional update with a lease, and fenced by attempt number.

Times are the wall clock's, which may jump: a job that seems due or leased further ahead than this code ever
sets counts as due, and the fence keeps a worker that is taken over from changing anything.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from assistant.adapters.store.database import Sessions, utc
from assistant.adapters.store.tables import JobRow
from assistant.kernel.errors import InputError, LeaseLost, NotFound
from assistant.kernel.jobs import (
    LEASE,
    MAX_BACKOFF,
    MAX_STRIKES,
    Due,
    Job,
    JobName,
    JobState,
    Lane,
    LaneLoad,
    settle_failure,
)  # fmt: skip
from assistant.ports import Clock

MAX_DETAIL_CHARS = 2_000
SKEW = timedelta(minutes=1)


class SqlJobStore:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions, clock: Clock, lease: timedelta = LEASE) -> None:
        self._sessions, self._clock, self._lease = sessions, clock, lease

    def add(self, tenant: str, name: JobName, subject: str = "") -> Job:
        """Queue a job. Call it in the transaction of its cause."""
        now = self._clock.now()
        row = JobRow(
            id=uuid4().hex, tenant=tenant, name=name.value, subject=subject, state=JobState.QUEUED.value, attempt=0,
            strikes=0, detail="", due_at=now, created_at=now, updated_at=now,
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(row)
            return _job(row)

    def due(self, limit: int = 200) -> list[Due]:
        """Up to ``limit`` jobs of each lane that may be claimed now, oldest first."""
        query = select(JobRow.id).where(self._claimable()).order_by(JobRow.due_at).limit(limit)
        with self._sessions.read() as session:
            return [
                Due(id=job_id, lane=lane)
                for lane in Lane
                for job_id in session.scalars(query.where(JobRow.name.in_([n for n in JobName if n.lane is lane])))
            ]

    def over(self, job_id: str) -> bool:
        """Whether nobody will work on the job any more: it is done, dead or forgotten."""
        with self._sessions.read() as session:
            state = session.scalar(select(JobRow.state).where(JobRow.id == job_id))
        return state is None or JobState(state) in {JobState.DONE, JobState.DEAD}

    def claim(self, job_id: str) -> Job | None:
        """Take the job for one lease, or None when another worker has it or it is finished.

        A claim is a strike until the job makes progress; a job whose strikes are used up dies here, for its
        worker died each time without saying why.
        """
        now = self._clock.now()
        with self._sessions.begin() as session:
            taken = session.execute(
                update(JobRow)
                .where(JobRow.id == job_id, self._claimable())
                .values(
                    state=JobState.RUNNING, attempt=JobRow.attempt + 1, strikes=JobRow.strikes + 1,
                    lease_until=now + self._lease, updated_at=now,
                )
            )  # fmt: skip
            if not _changed(taken):
                return None
            row = session.get_one(JobRow, job_id, populate_existing=True)
            if row.strikes > MAX_STRIKES:
                row.state, row.lease_until = JobState.DEAD, None
                row.detail = f"gave up after {MAX_STRIKES} attempts. {row.detail}".strip()
                return None
            return _job(row)

    @contextmanager
    def holding(self, job: Job, *, progress: bool = False) -> Iterator[None]:
        """A transaction of the worker that holds the job; extends its lease. Raises LeaseLost."""
        strikes = {"strikes": 1} if progress else {}
        with self._sessions.together():
            self._change(job, lease_until=self._clock.now() + self._lease, **strikes)
            yield

    @contextmanager
    def settling(self, job: Job, detail: str = "") -> Iterator[None]:
        """A transaction that also marks the job done: effect and done, or neither. Raises LeaseLost."""
        with self._sessions.together():
            self._change(job, state=JobState.DONE, detail=detail[:MAX_DETAIL_CHARS], lease_until=None, strikes=0)
            yield

    def again(self, job: Job, detail: str, delay: timedelta) -> None:
        """Put a job back that made progress and has more to do. Raises LeaseLost."""
        due = self._clock.now() + delay
        self._change(
            job, state=JobState.QUEUED, detail=detail[:MAX_DETAIL_CHARS], lease_until=None, strikes=0, due_at=due
        )

    def fail(self, job: Job, detail: str, *, retry: bool, wait: timedelta | None = None) -> None:
        """Queue the job again after a backoff, or let it die with the reason. Raises LeaseLost.

        ``wait`` says that something outside is away: that is no strike until the job is older than PATIENCE.
        """
        now = self._clock.now()
        with self._sessions.together():
            held = self.get(None, job.id).strikes
            end = settle_failure(job, held, now, retry=retry, wait=wait)
            self._change(
                job,
                state=end.state,
                strikes=end.strikes,
                detail=detail[:MAX_DETAIL_CHARS],
                lease_until=None,
                due_at=now + end.rest,
            )

    def get(self, tenant: str | None, job_id: str) -> Job:
        """The job with this id. Raises NotFound."""
        with self._sessions.read() as session:
            return _job(_get(session, tenant, job_id))

    def find(
        self,
        tenant: str | None,
        states: Collection[JobState] = (),
        name: JobName | None = None,
        *,
        subject: str | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Jobs, the last changed first."""
        query = select(JobRow).where(*_of(tenant)).order_by(JobRow.updated_at.desc(), JobRow.id).limit(limit)
        if states:
            query = query.where(JobRow.state.in_(states))
        if name is not None:
            query = query.where(JobRow.name == name)
        if subject is not None:
            query = query.where(JobRow.subject == subject)
        with self._sessions.read() as session:
            return [_job(row) for row in session.scalars(query)]

    def retry(self, tenant: str | None, job_id: str) -> Job:
        """Queue a dead job again with a clean slate. Raises NotFound, or InputError when it is not dead."""
        now = self._clock.now()
        with self._sessions.begin() as session:
            row = _get(session, tenant, job_id)
            if row.state != JobState.DEAD:
                raise InputError(f"job {job_id} is {row.state}, not dead", fix="Only a dead job can be tried again.")
            row.state, row.strikes, row.due_at, row.updated_at = JobState.QUEUED, 0, now, now
            return _job(row)

    def purge(self, tenant: str | None, states: Collection[JobState], older_than: timedelta) -> int:
        """Forget finished jobs last changed longer ago than ``older_than``; returns how many. Raises InputError."""
        if not set(states) <= {JobState.DONE, JobState.DEAD}:
            raise InputError("only done and dead jobs can be purged", fix="Cancel or finish the others first.")
        before = self._clock.now() - older_than
        query = delete(JobRow).where(*_of(tenant), JobRow.state.in_(states), JobRow.updated_at <= before)
        with self._sessions.begin() as session:
            done = session.execute(query)
            return done.rowcount if isinstance(done, CursorResult) else 0

    def load(self) -> list[LaneLoad]:
        """What waits and runs, a row a lane."""
        now = self._clock.now()
        waiting = select(JobRow.name, func.count(), func.min(JobRow.due_at)).where(self._claimable())
        running = select(JobRow.name, func.count()).where(JobRow.state == JobState.RUNNING, JobRow.lease_until >= now)
        with self._sessions.read() as session:
            queued = [(JobName(n).lane, c, utc(at)) for n, c, at in session.execute(waiting.group_by(JobRow.name))]
            busy = [(JobName(n).lane, c) for n, c in session.execute(running.group_by(JobRow.name))]
        return [
            LaneLoad(
                lane=lane,
                waiting=sum(count for where, count, _ in queued if where is lane),
                running=sum(count for where, count in busy if where is lane),
                oldest_due_s=max(((now - at).total_seconds() for where, _, at in queued if where is lane), default=0.0),
            )
            for lane in Lane
        ]

    def dead(self) -> int:
        """How many jobs were given up and not purged."""
        with self._sessions.read() as session:
            return session.scalar(select(func.count(JobRow.id)).where(JobRow.state == JobState.DEAD)) or 0

    def _change(self, job: Job, **values: Any) -> None:
        """Change the row if this worker still holds it. Raises LeaseLost."""
        mine = and_(JobRow.id == job.id, JobRow.attempt == job.attempt, JobRow.state == JobState.RUNNING)
        with self._sessions.begin() as session:
            if not _changed(session.execute(update(JobRow).where(mine).values(updated_at=self._clock.now(), **values))):
                raise LeaseLost(f"another worker has taken over job {job.id}")

    def _claimable(self) -> ColumnElement[bool]:
        now = self._clock.now().astimezone(UTC)
        queued_due = or_(JobRow.due_at <= now, JobRow.due_at > now + MAX_BACKOFF + SKEW)
        lease_over = or_(JobRow.lease_until < now, JobRow.lease_until > now + self._lease + SKEW)
        return or_(
            and_(JobRow.state == JobState.QUEUED, queued_due), and_(JobRow.state == JobState.RUNNING, lease_over)
        )


def _changed(result: object) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1


def _of(tenant: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant is None else [JobRow.tenant == tenant]


def _get(session: Session, tenant: str | None, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None or tenant not in {None, row.tenant}:
        raise NotFound(f"there is no job {job_id!r}", fix="Take the id from the answer that queued it.")
    return row


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        tenant=row.tenant,
        name=JobName(row.name),
        subject=row.subject,
        state=JobState(row.state),
        attempt=row.attempt,
        strikes=row.strikes,
        detail=row.detail,
        created_at=utc(row.created_at).isoformat(),
        due_at=utc(row.due_at).isoformat(),
        updated_at=utc(row.updated_at).isoformat(),
    )
