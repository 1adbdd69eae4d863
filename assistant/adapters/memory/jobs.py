"""The in-memory twins of JobStore, JobBoard, UploadStore, Transactions and JobQueue."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from assistant.adapters.memory.models import ManualClock
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
    Upload,
    settle_failure,
)  # fmt: skip


class MemoryTransactions:
    """Memory keeps what was written when a block breaks off in the middle; a database does not."""

    @contextmanager
    def together(self) -> Iterator[None]:
        yield


class MemoryUploadStore:
    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        upload_id = uuid4().hex
        self._uploads[upload_id] = upload
        return upload_id

    def get(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise NotFound(f"there is no upload {upload_id!r}")
        return self._uploads[upload_id]

    def delete(self, upload_id: str) -> None:
        self._uploads.pop(upload_id, None)


@dataclass(frozen=True)
class _QueuedJob:
    job: Job
    due_at: datetime
    updated_at: datetime
    lease_until: datetime | None = None


class MemoryJobStore:
    """JobStore and JobBoard."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._jobs: dict[str, _QueuedJob] = {}
        self._lock = threading.RLock()

    def add(self, tenant: str, name: JobName, subject: str = "") -> Job:
        now = self._clock.now()
        job = Job(
            id=uuid4().hex, tenant=tenant, name=name, subject=subject, state=JobState.QUEUED, attempt=0,
            created_at=now.isoformat(), due_at=now.isoformat(), updated_at=now.isoformat(),
        )  # fmt: skip
        self._jobs[job.id] = _QueuedJob(job, now, now)
        return job

    def due(self, limit: int = 200) -> list[Due]:
        claimable = sorted((q for q in self._jobs.values() if self._claimable(q)), key=lambda q: q.due_at)
        due = [Due(id=queued.job.id, lane=queued.job.name.lane) for queued in claimable]
        return [item for lane in Lane for item in [d for d in due if d.lane is lane][:limit]]

    def over(self, job_id: str) -> bool:
        queued = self._jobs.get(job_id)
        return queued is None or queued.job.state in {JobState.DONE, JobState.DEAD}

    def claim(self, job_id: str) -> Job | None:
        with self._lock:
            queued = self._jobs.get(job_id)
            if queued is None or not self._claimable(queued):
                return None
            dead = queued.job.strikes >= MAX_STRIKES
            job = queued.job.model_copy(
                update={
                    "attempt": queued.job.attempt + 1,
                    "strikes": queued.job.strikes + 1,
                    "state": JobState.DEAD if dead else JobState.RUNNING,
                    "detail": f"gave up after {MAX_STRIKES} attempts. {queued.job.detail}" if dead else "",
                }
            )
            now = self._clock.now()
            self._jobs[job_id] = _QueuedJob(job, now, now, None if dead else now + LEASE)
            return None if dead else job

    @contextmanager
    def holding(self, job: Job, *, progress: bool = False) -> Iterator[None]:
        with self._lock:
            held = self._held(job)
            now = self._clock.now()
            kept = held.job.model_copy(update={"strikes": 1} if progress else {})
            self._jobs[job.id] = replace(held, job=kept, lease_until=now + LEASE, updated_at=now)
            yield

    @contextmanager
    def settling(self, job: Job, detail: str = "") -> Iterator[None]:
        with self._lock:
            self._held(job)
            yield
            self._settle(job, timedelta(), state=JobState.DONE, detail=detail, strikes=0)

    def again(self, job: Job, detail: str, delay: timedelta) -> None:
        self._settle(job, delay, state=JobState.QUEUED, detail=detail, strikes=0)

    def fail(self, job: Job, detail: str, *, retry: bool, wait: timedelta | None = None) -> None:
        end = settle_failure(job, self._held(job).job.strikes, self._clock.now(), retry=retry, wait=wait)
        self._settle(job, end.rest, state=end.state, detail=detail, strikes=end.strikes)

    def get(self, tenant: str | None, job_id: str) -> Job:
        queued = self._jobs.get(job_id)
        if queued is None or tenant not in {None, queued.job.tenant}:
            raise NotFound(f"there is no job {job_id!r}")
        return queued.job

    def find(
        self,
        tenant: str | None,
        states: Collection[JobState] = (),
        name: JobName | None = None,
        *,
        subject: str | None = None,
        limit: int = 100,
    ) -> list[Job]:
        found = [
            queued
            for queued in self._jobs.values()
            if tenant in {None, queued.job.tenant}
            and (not states or queued.job.state in states)
            and name in {None, queued.job.name}
            and subject in {None, queued.job.subject}
        ]
        return [queued.job for queued in sorted(found, key=lambda q: q.updated_at, reverse=True)[:limit]]

    def retry(self, tenant: str | None, job_id: str) -> Job:
        job, now = self.get(tenant, job_id), self._clock.now()
        if job.state is not JobState.DEAD:
            raise InputError(f"job {job_id} is {job.state}, not dead")
        fresh = job.model_copy(update={"state": JobState.QUEUED, "strikes": 0})
        self._jobs[job_id] = _QueuedJob(fresh, now, now)
        return fresh

    def purge(self, tenant: str | None, states: Collection[JobState], older_than: timedelta) -> int:
        if not set(states) <= {JobState.DONE, JobState.DEAD}:
            raise InputError("only done and dead jobs can be purged")
        before = self._clock.now() - older_than
        old = [
            queued.job.id
            for queued in self._jobs.values()
            if tenant in {None, queued.job.tenant} and queued.job.state in states and queued.updated_at <= before
        ]
        for job_id in old:
            del self._jobs[job_id]
        return len(old)

    def load(self) -> list[LaneLoad]:
        now = self._clock.now()
        jobs = list(self._jobs.values())
        loads = []
        for lane in Lane:
            mine = [queued for queued in jobs if queued.job.name.lane is lane]
            waiting = [queued for queued in mine if self._claimable(queued)]
            running = [q for q in mine if q.job.state is JobState.RUNNING and not self._claimable(q)]
            oldest = max(((now - queued.due_at).total_seconds() for queued in waiting), default=0.0)
            loads.append(LaneLoad(lane=lane, waiting=len(waiting), running=len(running), oldest_due_s=oldest))
        return loads

    def dead(self) -> int:
        return sum(queued.job.state is JobState.DEAD for queued in self._jobs.values())

    def _held(self, job: Job) -> _QueuedJob:
        held = self._jobs[job.id]
        if held.job.attempt != job.attempt or held.job.state is not JobState.RUNNING:
            raise LeaseLost(f"another worker has taken over job {job.id}")
        return held

    def _settle(self, job: Job, delay: timedelta, **changes: object) -> None:
        with self._lock:
            held, now = self._held(job), self._clock.now()
            due = now + delay
            settled = held.job.model_copy(update=changes | {"due_at": due.isoformat(), "updated_at": now.isoformat()})
            self._jobs[job.id] = _QueuedJob(settled, due, now)

    def _claimable(self, queued: _QueuedJob) -> bool:
        now = self._clock.now()
        if queued.job.state is JobState.QUEUED:
            return queued.due_at <= now or queued.due_at > now + 2 * MAX_BACKOFF
        lease = queued.lease_until
        return queued.job.state is JobState.RUNNING and lease is not None and not now <= lease <= now + 2 * LEASE


class MemoryQueue:
    """Remembers which jobs it was asked to wake."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, Lane]] = []

    def wake(self, job_id: str, lane: Lane) -> None:
        self.woken.append((job_id, lane))
