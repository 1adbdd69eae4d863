"""Jobs on the service's own thread and by the relay: done once, retried, or dead with the reason."""

import threading
import time
from collections.abc import Callable

import pytest

from assistant.adapters.memory import (
    HashingEmbedder,
    ManualClock,
    MemoryDocumentStore,
    MemoryIndex,
    MemoryJobStore,
)  # fmt: skip
from assistant.kernel.errors import WriterBusy
from assistant.kernel.jobs import Job, JobName, JobState, Upload
from assistant.kernel.knowledge import Audience
from ingest.pipeline import Ingest
from workers.relay import EmbeddedWorker, relay
from workers.tasks import Workshop, run_job

NOTE = Upload(tenant="t1", name="note.md", url="", audience=Audience.PUBLIC, data=b"# Note\n\nParcels leave at nine.")


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


@pytest.fixture
def shop(clock: ManualClock, index: MemoryIndex) -> Workshop:
    parts = Ingest(MemoryDocumentStore(), index, HashingEmbedder(), chunk_tokens=100, overlap_tokens=10)
    return Workshop(jobs=MemoryJobStore(clock), ingest=parts)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_upload_becomes_part_of_the_snapshot(shop: Workshop, index: MemoryIndex) -> None:
    job = shop.jobs.add_upload(NOTE)
    assert run_job(job.id, shop)
    assert shop.jobs.get("t1", job.id).state is JobState.DONE
    snapshot = index.snapshot("t1")
    assert snapshot is not None
    assert [chunk.text for chunk in snapshot.by_id.values()] == ["Parcels leave at nine."]


def test_a_job_runs_once_however_often_it_is_delivered(shop: Workshop, index: MemoryIndex) -> None:
    job = shop.jobs.add_upload(NOTE)
    assert [run_job(job.id, shop) for _ in range(3)] == [True, False, False]
    snapshot = index.snapshot("t1")
    assert snapshot is not None
    assert snapshot.manifest.generation == 1


def test_an_unreadable_upload_dies_at_once_with_the_reason(shop: Workshop) -> None:
    job = shop.jobs.add_upload(NOTE.model_copy(update={"name": "note.pdf"}))
    run_job(job.id, shop)
    dead = shop.jobs.get("t1", job.id)
    assert dead.state is JobState.DEAD
    assert "holds text/plain" in dead.detail


class Busy(MemoryIndex):
    """Another writer holds the tenant, ``times`` times."""

    times = 2

    def publish(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
        if self.times:
            self.times -= 1
            raise WriterBusy("another ingest is publishing for tenant 't1'")
        return super().publish(*arguments, **options)  # type: ignore[arg-type]


def test_a_job_that_cannot_run_now_is_tried_again_later(clock: ManualClock) -> None:
    parts = Ingest(MemoryDocumentStore(), Busy(), HashingEmbedder(), chunk_tokens=100, overlap_tokens=10)
    shop = Workshop(jobs=MemoryJobStore(clock), ingest=parts)
    job = shop.jobs.add_upload(NOTE)
    attempts = 0
    while shop.jobs.get("t1", job.id).state is not JobState.DONE:
        attempts += run_job(job.id, shop)
        clock.advance(60)
    assert attempts == 3


def test_the_service_s_own_worker_does_what_is_due_and_stops(shop: Workshop) -> None:
    worker = EmbeddedWorker(shop)
    worker.start()
    jobs: list[Job] = [shop.jobs.add("t1", JobName.PUBLISH) for _ in range(5)]
    until(lambda: all(shop.jobs.get("t1", job.id).state is JobState.DONE for job in jobs))
    worker.close()


def test_the_relay_wakes_a_job_again_until_someone_takes_it(shop: Workshop) -> None:
    job = shop.jobs.add("t1", JobName.PUBLISH)
    woken: list[str] = []
    stop = threading.Event()
    thread = threading.Thread(target=relay, args=(shop.jobs, woken.append, stop, 0.01, 0.0))
    thread.start()
    until(lambda: len(woken) >= 3)
    assert set(woken) == {job.id}
    run_job(job.id, shop)
    stop.set()
    thread.join()
    assert shop.jobs.due() == []


def test_the_relay_outlives_a_database_that_is_away_for_a_moment(shop: Workshop) -> None:
    calls = 0

    class Flaky(MemoryJobStore):
        def due(self, limit: int = 20) -> list[str]:
            nonlocal calls
            calls += 1
            raise OSError("the database is away")

    stop = threading.Event()
    thread = threading.Thread(target=relay, args=(Flaky(ManualClock()), print, stop, 0.01))
    thread.start()
    until(lambda: calls >= 3)
    stop.set()
    thread.join()
