"""A batch with several lines under way: cancelled, out of time, or taken over, each line still has one result."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock
from assistant.batches.stored import SLICE_S
from assistant.kernel.batches import BatchState
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.pipeline import Desk
from tests.summaries import written
from tests.workers.shop import Shop
from workers.tasks import run_job

MakeDesk = Callable[..., Desk]
WAIT_S = 30.0


class Model:
    """Summarises; the first ``together`` that ask wait for each other, and then ``meanwhile`` happens."""

    def __init__(self, together: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._barrier = threading.Barrier(together, meanwhile)
        self._together, self._lock = together, threading.Lock()
        self.asked: Counter[int] = Counter()

    def __call__(self, messages: Sequence[ChatMessage]) -> str:
        found = re.search(r"number (\d+)", messages[-1].content)
        assert found is not None
        with self._lock:
            self.asked[int(found.group(1))] += 1
            waits = self.asked.total() <= self._together
        if waits:
            self._barrier.wait(WAIT_S)
        return written()


def batch_of(make_desk: MakeDesk, clock: ManualClock, model: Model, lines: int) -> tuple[Shop, str, Job]:
    shop = Shop(clock, MemoryIndex(), make_desk(model), at_once=3)
    tickets = [
        json.dumps({"messages": [{"author": "customer", "text": f"My Duo number {n} asks to be descaled."}]})
        for n in range(1, lines + 1)
    ]
    batch, _ = shop.batches.create("default", tickets, None)
    return shop, batch.id, shop.jobs.add("default", JobName.SUMMARIZE_BATCH, batch.id)


def lines_done(shop: Shop, batch_id: str) -> list[int]:
    return [json.loads(row)["line"] for row in shop.batches.results("default", batch_id)]


def test_each_line_of_many_is_asked_for_once(make_desk: MakeDesk, clock: ManualClock) -> None:
    model = Model(together=3)
    shop, batch_id, job = batch_of(make_desk, clock, model, 40)
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == list(range(1, 41))
    assert model.asked == Counter(range(1, 41))


def test_a_cancelled_batch_stops_after_the_rows_at_hand(make_desk: MakeDesk, clock: ManualClock) -> None:
    model = Model(together=3, meanwhile=lambda: shop.batches.close("default", batch_id, BatchState.CANCELLED))
    shop, batch_id, job = batch_of(make_desk, clock, model, 9)
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == [1, 2, 3]
    assert model.asked == Counter([1, 2, 3])
    assert shop.batches.progress("default", batch_id).state is BatchState.CANCELLED
    assert shop.jobs.get("default", job.id).state is JobState.DONE


def test_a_batch_whose_turn_is_over_finishes_the_rows_at_hand(make_desk: MakeDesk, clock: ManualClock) -> None:
    model = Model(together=3, meanwhile=lambda: clock.advance(SLICE_S))
    shop, batch_id, job = batch_of(make_desk, clock, model, 5)
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == [1, 2, 3]
    assert shop.jobs.get("default", job.id).state is JobState.QUEUED
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == [1, 2, 3, 4, 5]
    assert model.asked == Counter(range(1, 6))


def test_a_worker_that_lost_its_lease_keeps_nothing_and_begins_nothing(make_desk: MakeDesk, clock: ManualClock) -> None:
    def taken_over() -> None:
        clock.advance(600)
        assert shop.jobs.claim(job.id) is not None

    model = Model(together=3, meanwhile=taken_over)
    shop, batch_id, job = batch_of(make_desk, clock, model, 9)
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == []
    assert model.asked == Counter([1, 2, 3])
    clock.advance(600)
    run_job(job.id, shop.workshop())
    assert lines_done(shop, batch_id) == list(range(1, 10))
    assert shop.batches.progress("default", batch_id).failed == 0


def test_a_model_that_dies_again_and_again_costs_only_the_line_to_blame_its_row(
    make_desk: MakeDesk, clock: ManualClock
) -> None:
    """Line 2 kills the process: the first time with two others in it, and after that alone."""
    deaths = 0

    def dies() -> None:
        raise ModelUnavailable("the model process ended with code -9")

    class Killed(Model):
        def __call__(self, messages: Sequence[ChatMessage]) -> str:
            nonlocal deaths
            try:
                reply = super().__call__(messages)
            except (ModelUnavailable, threading.BrokenBarrierError) as error:
                raise ModelUnavailable("the model process ended with code -9") from error
            if "number 2 " in messages[-1].content:
                deaths += 1
                dies()
            return reply

    shop, batch_id, job = batch_of(make_desk, clock, Killed(together=3, meanwhile=dies), 5)
    for _ in range(10):
        run_job(job.id, shop.workshop())
        clock.advance(400)
    assert shop.jobs.get("default", job.id).state is JobState.DONE
    rows = [json.loads(row) for row in shop.batches.results("default", batch_id)]
    assert [row["line"] for row in rows if row["error"]] == [2]
    assert [row["line"] for row in rows] == [1, 2, 3, 4, 5]
    assert deaths == 2
