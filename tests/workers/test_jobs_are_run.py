"""Jobs as a worker runs them, and the relay: done once, retried, or dead with the reason."""

import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.jobs import MemoryJobStore
from assistant.adapters.memory.models import ManualClock
from assistant.kernel.errors import DatabaseError, WriterBusy
from assistant.kernel.jobs import Due, Job, JobName, JobState, Lane, Upload
from assistant.kernel.knowledge import Audience
from tests.workers.shop import Shop
from workers.relay import relay
from workers.tasks import Workshop, heartbeat, run_job

NOTE = Upload(tenant="t1", name="note.md", url="", audience=Audience.PUBLIC, data=b"# Note\n\nParcels leave at nine.")


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


@pytest.fixture
def shop(clock: ManualClock, index: MemoryIndex) -> Workshop:
    return Shop(clock, index).workshop()


def queued(shop: Workshop, upload: Upload = NOTE) -> Job:
    return shop.jobs.add(upload.tenant, JobName.INGEST_UPLOAD, shop.uploads.add(upload))


def state(shop: Workshop, job: Job) -> Job:
    assert isinstance(shop.jobs, MemoryJobStore)
    return shop.jobs.get(job.tenant, job.id)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_upload_becomes_part_of_the_snapshot(shop: Workshop, index: MemoryIndex) -> None:
    job = queued(shop)
    assert run_job(job.id, shop)
    assert state(shop, job).state is JobState.DONE
    snapshot = index.snapshot("t1")
    assert snapshot is not None
    assert [chunk.text for chunk in snapshot.by_id.values()] == ["Parcels leave at nine."]


def test_a_job_runs_once_however_often_it_is_delivered(shop: Workshop, index: MemoryIndex) -> None:
    job = queued(shop)
    assert run_job(job.id, shop)
    published = index.current("t1")
    assert [run_job(job.id, shop) for _ in range(2)] == [False, False]
    assert published is not None
    assert index.current("t1") == published


def test_an_unreadable_upload_dies_at_once_with_the_reason(shop: Workshop) -> None:
    job = queued(shop, NOTE.model_copy(update={"name": "note.pdf"}))
    run_job(job.id, shop)
    dead = state(shop, job)
    assert dead.state is JobState.DEAD
    assert "holds text/plain" in dead.detail


def archive(files: dict[str, bytes]) -> Upload:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return NOTE.model_copy(update={"name": "docs.zip", "data": buffer.getvalue()})


def test_an_uploaded_archive_becomes_its_documents_and_a_later_one_takes_their_place(
    shop: Workshop, index: MemoryIndex
) -> None:
    def texts() -> set[str]:
        snapshot = index.snapshot("t1")
        assert snapshot is not None
        return {chunk.text for chunk in snapshot.by_id.values()}

    run_job(queued(shop).id, shop)
    first = queued(shop, archive({"a.md": b"# A\n\nOne.", "b.md": b"# B\n\nTwo.", "c.pdf": b"no PDF"}))
    run_job(first.id, shop)
    assert texts() == {"Parcels leave at nine.", "One.", "Two."}
    assert state(shop, first).state is JobState.DONE
    assert "1 not read: docs.zip/c.pdf: it is named .pdf" in state(shop, first).detail
    run_job(queued(shop, archive({"a.md": b"# A\n\nThree."})).id, shop)
    assert texts() == {"Parcels leave at nine.", "Three."}
    damaged = queued(shop, archive({}).model_copy(update={"data": b"PK\x03\x04"}))
    run_job(damaged.id, shop)
    assert state(shop, damaged).state is JobState.DEAD
    assert texts() == {"Parcels leave at nine.", "Three."}


class Busy(MemoryIndex):
    """Another writer holds the tenant, ``times`` times."""

    times = 2

    def publish(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
        if self.times:
            self.times -= 1
            raise WriterBusy("another ingest is publishing for tenant 't1'")
        return super().publish(*arguments, **options)  # type: ignore[arg-type]


def test_a_job_that_cannot_run_now_is_tried_again_later(clock: ManualClock) -> None:
    shop = Shop(clock, Busy()).workshop()
    job = queued(shop)
    attempts = 0
    while state(shop, job).state is not JobState.DONE:
        attempts += run_job(job.id, shop)
        clock.advance(60)
    assert attempts == 3


def test_a_job_that_was_taken_over_while_it_ran_changes_nothing(clock: ManualClock) -> None:
    class Slow(MemoryIndex):
        def publish(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
            clock.advance(10_000)  # The worker was stopped for hours; its lease ran out.
            assert shop.jobs.claim(job.id) is not None
            return super().publish(*arguments, **options)  # type: ignore[arg-type]

    shop = Shop(clock, Slow()).workshop()
    job = queued(shop)
    assert run_job(job.id, shop)
    assert (state(shop, job).state, state(shop, job).attempt) == (JobState.RUNNING, 2)
    assert shop.uploads.get(job.subject) == NOTE


def test_a_running_job_shows_signs_of_life(shop: Workshop) -> None:
    beats: list[Job] = []

    class Counting(MemoryJobStore):
        @contextmanager
        def holding(self, job: Job, *, progress: bool = False) -> Iterator[None]:
            beats.append(job)
            with super().holding(job, progress=progress):
                yield

    jobs = Counting(ManualClock())
    job = jobs.claim(jobs.add("t1", JobName.PUBLISH).id)
    assert job is not None
    with heartbeat(job, jobs, interval_s=0.01):
        until(lambda: len(beats) >= 3)
    seen = len(beats)
    assert {beat.id for beat in beats} == {job.id}
    assert len(beats) == seen


def test_the_relay_wakes_a_job_again_until_someone_takes_it(shop: Workshop) -> None:
    job = shop.jobs.add("t1", JobName.PUBLISH)
    woken: list[tuple[str, Lane]] = []
    stop = threading.Event()
    wake = lambda job_id, lane: woken.append((job_id, lane))  # noqa: E731
    thread = threading.Thread(target=relay, args=(shop.jobs, wake, stop, 0.01, 0.0))
    thread.start()
    until(lambda: len(woken) >= 3)
    assert set(woken) == {(job.id, Lane.INGEST)}
    run_job(job.id, shop)
    stop.set()
    thread.join()
    assert shop.jobs.due() == []


def test_the_relay_outlives_a_database_that_is_away_for_a_moment(shop: Workshop) -> None:
    calls = 0

    class Flaky(MemoryJobStore):
        def due(self, limit: int = 200) -> list[Due]:
            nonlocal calls
            calls += 1
            raise OSError("the database is away")

    stop = threading.Event()
    thread = threading.Thread(target=relay, args=(Flaky(ManualClock()), print, stop, 0.01))
    thread.start()
    until(lambda: calls >= 3)
    stop.set()
    thread.join()


class Away(MemoryJobStore):
    """Its database cannot be written ``times`` times, from when a job is about to be settled."""

    def __init__(self, clock: ManualClock, times: int) -> None:
        super().__init__(clock)
        self.times = times

    @contextmanager
    def settling(self, job: Job, detail: str = "") -> Iterator[None]:
        self._fail_sometimes()
        with super().settling(job, detail):
            yield

    def fail(self, job: Job, detail: str, *, retry: bool, wait: timedelta | None = None) -> None:
        self._fail_sometimes()
        super().fail(job, detail, retry=retry, wait=wait)

    def _fail_sometimes(self) -> None:
        if self.times:
            self.times -= 1
            raise DatabaseError("the database cannot be used: OperationalError: database or disk is full")


def test_a_database_that_cannot_be_written_costs_a_job_time_and_no_strike(
    clock: ManualClock, index: MemoryIndex
) -> None:
    jobs = Away(clock, times=9)
    rests: list[float] = []
    shop = replace(Shop(clock, index, jobs=jobs).workshop(), rest=rests.append)
    job = queued(shop)
    assert run_job(job.id, shop)
    waiting = state(shop, job)
    assert (waiting.state, waiting.strikes) == (JobState.QUEUED, 0)
    assert len(rests) == 8
    assert rests == sorted(rests)
    clock.advance(60)
    assert run_job(job.id, shop)
    assert state(shop, job).state is JobState.DONE


def test_a_worker_that_waits_for_the_database_gives_way_to_one_that_took_over(
    clock: ManualClock, index: MemoryIndex
) -> None:
    jobs = Away(clock, times=3)

    def lose_the_lease(_: float) -> None:
        clock.advance(10_000)
        assert jobs.claim(job.id) is not None

    shop = replace(Shop(clock, index, jobs=jobs).workshop(), rest=lose_the_lease)
    job = queued(shop)
    assert run_job(job.id, shop)
    assert state(shop, job).state is JobState.RUNNING
    assert state(shop, job).attempt > 1
