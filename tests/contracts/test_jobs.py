"""Every JobStore and JobBoard: one worker at a time holds a job, a lost one is taken over, a poisonous one dies."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from assistant.adapters.memory.jobs import MemoryJobStore
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.jobs import SqlJobStore
from assistant.kernel.errors import InputError, LeaseLost, NotFound
from assistant.kernel.jobs import LEASE, MAX_STRIKES, PATIENCE, Job, JobName, JobState, Lane

LEASE_S = LEASE.total_seconds() + 1
Jobs = MemoryJobStore | SqlJobStore


@pytest.fixture
def jobs(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> Jobs:
    return MemoryJobStore(clock) if backend == "memory" else SqlJobStore(sessions(), clock)


def claimed(jobs: Jobs, job: Job) -> Job:
    taken = jobs.claim(job.id)
    assert taken is not None
    return taken


def due(jobs: Jobs) -> list[str]:
    return [item.id for item in jobs.due()]


def finish(jobs: Jobs, job: Job, detail: str = "") -> None:
    with jobs.settling(job, detail):
        pass


def test_a_queued_job_is_due_in_its_lane(jobs: Jobs) -> None:
    job = jobs.add("t1", JobName.PUBLISH, "x")
    assert (job.name, job.state, job.attempt, job.subject) == (JobName.PUBLISH, JobState.QUEUED, 0, "x")
    assert [(item.id, item.lane) for item in jobs.due()] == [(job.id, Lane.INGEST)]


def test_a_long_queue_in_one_lane_hides_no_other_lane(jobs: Jobs) -> None:
    for _ in range(5):
        jobs.add("t1", JobName.SUMMARIZE_BATCH)
    urgent = jobs.add("t1", JobName.ANSWER_TICKET)
    assert urgent.id in [item.id for item in jobs.due(limit=2)]


def test_only_one_worker_gets_a_job(jobs: Jobs) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    taken = claimed(jobs, job)
    assert (taken.state, taken.attempt) == (JobState.RUNNING, 1)
    assert jobs.claim(job.id) is None
    assert due(jobs) == []


def test_a_finished_job_keeps_its_detail(jobs: Jobs) -> None:
    taken = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    finish(jobs, taken, "1 document")
    done = jobs.get("t1", taken.id)
    assert (done.state, done.detail) == (JobState.DONE, "1 document")
    assert jobs.claim(taken.id) is None


def test_a_job_whose_effect_fails_is_not_done(jobs: Jobs) -> None:
    taken = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    with pytest.raises(OSError, match="disk"), jobs.settling(taken, "1 document"):
        raise OSError("the disk is full")
    assert jobs.get("t1", taken.id).state is JobState.RUNNING


def test_a_job_whose_worker_died_is_taken_over_when_its_lease_ends(jobs: Jobs, clock: ManualClock) -> None:
    first = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    clock.advance(LEASE_S)
    assert due(jobs) == [first.id]
    assert claimed(jobs, first).attempt == 2


def test_a_sign_of_life_extends_the_lease(jobs: Jobs, clock: ManualClock) -> None:
    taken = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    for _ in range(3):
        clock.advance(LEASE_S - 2)
        with jobs.holding(taken):
            pass
    assert due(jobs) == []


def test_a_worker_that_lost_its_lease_changes_nothing(jobs: Jobs, clock: ManualClock) -> None:
    first = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    clock.advance(LEASE_S)
    second = claimed(jobs, first)
    with pytest.raises(LeaseLost), jobs.settling(first, "too late"):
        raise AssertionError("the effect must not run")
    with pytest.raises(LeaseLost), jobs.holding(first):
        raise AssertionError("the effect must not run")
    with pytest.raises(LeaseLost):
        jobs.fail(first, "too late", retry=False)
    assert jobs.get("t1", first.id).state is JobState.RUNNING
    finish(jobs, second, "in time")
    assert jobs.get("t1", first.id).detail == "in time"


def test_a_failed_job_waits_longer_each_time_and_then_dies_with_the_reason(jobs: Jobs, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    waits = []
    while jobs.get("t1", job.id).state is not JobState.DEAD:
        waited = 0
        while job.id not in due(jobs):
            clock.advance(1)
            waited += 1
        waits.append(waited)
        jobs.fail(claimed(jobs, job), "the disk was full", retry=True)
    assert len(waits) == MAX_STRIKES
    assert waits == sorted(waits)
    assert waits[-1] > waits[1] > 0
    assert jobs.get("t1", job.id).detail == "the disk was full"
    clock.advance(10_000)
    assert due(jobs) == []


def test_a_job_waits_for_something_outside_much_longer_than_it_may_fail(jobs: Jobs, clock: ManualClock) -> None:
    job, started, tries = jobs.add("t1", JobName.ANSWER_TICKET), clock.monotonic(), 0
    while jobs.get("t1", job.id).state is not JobState.DEAD:
        while job.id not in due(jobs):
            clock.advance(5)
        tries += 1
        jobs.fail(claimed(jobs, job), "the helpdesk is away", retry=True, wait=timedelta(seconds=20))
    assert tries > MAX_STRIKES
    assert timedelta(seconds=clock.monotonic() - started) >= PATIENCE


def test_a_job_that_kills_its_worker_dies_too(jobs: Jobs, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    claims = 0
    for _ in range(20):
        claims += jobs.claim(job.id) is not None
        clock.advance(LEASE_S)
    assert claims == MAX_STRIKES
    assert jobs.get("t1", job.id).state is JobState.DEAD
    assert "gave up" in jobs.get("t1", job.id).detail
    assert due(jobs) == []


def test_a_job_that_makes_progress_is_not_given_up(jobs: Jobs, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.SUMMARIZE_BATCH)
    for _ in range(3 * MAX_STRIKES):
        with jobs.holding(claimed(jobs, job), progress=True):
            pass
        clock.advance(LEASE_S)
    jobs.again(claimed(jobs, job), "half of it", timedelta(seconds=5))
    assert due(jobs) == []
    clock.advance(5)
    finish(jobs, claimed(jobs, job))


def test_progress_clears_strikes_also_when_the_job_fails_afterwards(jobs: Jobs, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.SUMMARIZE_BATCH)
    for _ in range(MAX_STRIKES - 1):
        jobs.claim(job.id)
        clock.advance(LEASE_S)
    clock.advance(PATIENCE.total_seconds())
    last = claimed(jobs, job)
    assert last.strikes == MAX_STRIKES
    with jobs.holding(last, progress=True):
        pass
    jobs.fail(last, "the model is away", retry=True, wait=timedelta(seconds=5))
    assert jobs.get("t1", job.id).state is JobState.QUEUED
    clock.advance(30)
    finish(jobs, claimed(jobs, job))


def test_bad_input_kills_a_job_at_once(jobs: Jobs) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    jobs.fail(claimed(jobs, job), "not a document", retry=False)
    assert jobs.get("t1", job.id).state is JobState.DEAD
    assert jobs.dead() == 1


@pytest.mark.parametrize("hours", [-30 * 24, 30 * 24])
def test_a_clock_that_jumps_delays_no_job_for_long(jobs: Jobs, clock: ManualClock, hours: int) -> None:
    waiting, running = jobs.add("t1", JobName.PUBLISH), claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    clock.advance(hours * 3600)
    assert set(due(jobs)) == {waiting.id, running.id}
    taken_over = claimed(jobs, running)
    with pytest.raises(LeaseLost):
        finish(jobs, running)
    finish(jobs, taken_over)


def test_a_dead_job_can_be_tried_again_with_a_clean_slate(jobs: Jobs) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    jobs.fail(claimed(jobs, job), "not a document", retry=False)
    jobs.retry("t1", job.id)
    assert due(jobs) == [job.id]
    with pytest.raises(InputError, match="not dead"):
        jobs.retry("t1", job.id)
    finish(jobs, claimed(jobs, job))


def test_jobs_are_found_by_state_and_name(jobs: Jobs, clock: ManualClock) -> None:
    old = claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    clock.advance(1)
    finish(jobs, old)
    clock.advance(1)
    waiting = jobs.add("t1", JobName.INGEST_UPLOAD)
    jobs.add("t2", JobName.PUBLISH)
    assert [job.id for job in jobs.find("t1")] == [waiting.id, old.id]
    assert [job.id for job in jobs.find("t1", [JobState.DONE])] == [old.id]
    assert [job.id for job in jobs.find("t1", name=JobName.INGEST_UPLOAD)] == [waiting.id]
    assert len(jobs.find(None)) == 3
    assert jobs.find("t1", subject="no such") == []
    assert len(jobs.find("t1", subject="")) == 2


def test_only_finished_jobs_are_purged_and_only_old_ones(jobs: Jobs, clock: ManualClock) -> None:
    finish(jobs, claimed(jobs, jobs.add("t1", JobName.PUBLISH)))
    clock.advance(3 * 86_400)
    finish(jobs, claimed(jobs, jobs.add("t1", JobName.PUBLISH)))
    jobs.add("t1", JobName.PUBLISH)
    assert jobs.purge("t1", [JobState.DONE], timedelta(days=2)) == 1
    assert len(jobs.find("t1")) == 2
    with pytest.raises(InputError):
        jobs.purge("t1", [JobState.QUEUED], timedelta())


def test_the_load_of_a_lane_is_what_waits_and_runs(jobs: Jobs, clock: ManualClock) -> None:
    claimed(jobs, jobs.add("t1", JobName.PUBLISH))
    jobs.add("t1", JobName.PUBLISH)
    clock.advance(7)
    load = {item.lane: item for item in jobs.load()}
    assert (load[Lane.INGEST].waiting, load[Lane.INGEST].running) == (1, 1)
    assert load[Lane.INGEST].oldest_due_s == pytest.approx(7)
    assert load[Lane.BULK].waiting == 0


def test_a_tenant_does_not_see_another_s_job(jobs: Jobs) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    for ask in (jobs.get, jobs.retry):
        with pytest.raises(NotFound):
            ask("t2", job.id)
    assert jobs.find("t2") == []


def test_a_job_is_over_when_nobody_will_work_on_it_any_more(jobs: Jobs, clock: ManualClock) -> None:
    job = jobs.add("t1", JobName.PUBLISH)
    assert not jobs.over(job.id)
    taken = claimed(jobs, job)
    assert not jobs.over(job.id)
    clock.advance(LEASE_S)
    assert not jobs.over(job.id)
    jobs.fail(taken, "not a document", retry=False)
    assert jobs.over(job.id)
    jobs.retry("t1", job.id)
    assert not jobs.over(job.id)
    finish(jobs, claimed(jobs, job))
    assert jobs.over(job.id)
    assert jobs.over("never-was")
