"""Every JobStore: one worker at a time holds a job, a lost one is taken over, and a poisonous one dies."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory import ManualClock, MemoryJobStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.jobs import SqlJobStore
from assistant.kernel.errors import NotFound
from assistant.kernel.jobs import Job, JobName, JobState, Upload
from assistant.kernel.knowledge import Audience
from assistant.ports import JobStore

UPLOAD = Upload(tenant="t1", name="returns.md", url="", audience=Audience.INTERNAL, data=b"# Returns\n\xff")
LEASE_S = 600 + 1


@pytest.fixture
def jobs(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> JobStore:
    return MemoryJobStore(clock) if backend == "memory" else SqlJobStore(sessions(), clock)


def claimed(jobs: JobStore, job: Job) -> Job:
    taken = jobs.claim(job.id)
    assert taken is not None
    return taken


def test_an_upload_waits_with_its_job(jobs: JobStore) -> None:
    job = jobs.add_upload(UPLOAD)
    assert (job.name, job.state, job.attempt) == (JobName.INGEST_UPLOAD, JobState.QUEUED, 0)
    assert jobs.upload(job.subject) == UPLOAD
    assert jobs.due() == [job.id]


def test_only_one_worker_gets_a_job(jobs: JobStore) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    taken = claimed(jobs, job)
    assert (taken.state, taken.attempt) == (JobState.RUNNING, 1)
    assert jobs.claim(job.id) is None
    assert jobs.due() == []


def test_a_finished_job_keeps_its_detail_and_lets_go_of_its_upload(jobs: JobStore) -> None:
    taken = claimed(jobs, jobs.add_upload(UPLOAD))
    jobs.finish(taken, "1 document")
    done = jobs.get("t1", taken.id)
    assert (done.state, done.detail) == (JobState.DONE, "1 document")
    assert jobs.claim(taken.id) is None
    with pytest.raises(NotFound):
        jobs.upload(taken.subject)


def test_a_job_whose_worker_died_is_taken_over_when_its_lease_ends(jobs: JobStore, clock: ManualClock) -> None:
    first = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    clock.advance(LEASE_S)
    assert jobs.due() == [first.id]
    assert claimed(jobs, first).attempt == 2


def test_a_worker_that_lost_its_lease_changes_nothing(jobs: JobStore, clock: ManualClock) -> None:
    first = claimed(jobs, jobs.add_upload(UPLOAD))
    clock.advance(LEASE_S)
    second = claimed(jobs, first)
    jobs.finish(first, "too late")
    jobs.fail(first, "too late", retry=False)
    assert jobs.get("t1", first.id).state is JobState.RUNNING
    assert jobs.upload(first.subject) == UPLOAD
    jobs.finish(second, "in time")
    assert jobs.get("t1", first.id).detail == "in time"


def test_a_failed_job_waits_longer_each_time_and_then_dies_with_the_reason(jobs: JobStore, clock: ManualClock) -> None:
    job = jobs.add_upload(UPLOAD)
    waits = []
    while jobs.get("t1", job.id).state is not JobState.DEAD:
        waited = 0
        while job.id not in jobs.due():
            clock.advance(1)
            waited += 1
        waits.append(waited)
        jobs.fail(claimed(jobs, job), "the disk was full", retry=True)
    assert waits == sorted(waits)
    assert waits[-1] > waits[1] > 0
    assert jobs.get("t1", job.id).detail == "the disk was full"
    assert jobs.upload(job.subject) == UPLOAD
    clock.advance(10_000)
    assert jobs.due() == []


def test_a_job_that_kills_its_worker_dies_too(jobs: JobStore, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    for _ in range(20):
        jobs.claim(job.id)
        clock.advance(LEASE_S)
    assert jobs.get("t1", job.id).state is JobState.DEAD
    assert jobs.due() == []


def test_bad_input_kills_a_job_at_once(jobs: JobStore) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    jobs.fail(claimed(jobs, job), "not a document", retry=False)
    assert jobs.get("t1", job.id).state is JobState.DEAD


def test_a_tenant_does_not_see_another_s_job(jobs: JobStore) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    with pytest.raises(NotFound):
        jobs.get("t2", job.id)
