"""Every BatchStore: lines in order, each finished once, and a key that makes creating twice the same as once."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory.letters import MemoryBatchStore
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.store.batches import SqlBatchStore
from assistant.adapters.store.database import Sessions
from assistant.batches.lines import failed_line
from assistant.kernel.batches import BatchState, SummaryRow
from assistant.kernel.errors import InputError, NotFound
from assistant.ports import BatchStore
from tests.summaries import summary

SUMMARY = summary("Möchte entkalken.")


@pytest.fixture
def batches(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> BatchStore:
    return MemoryBatchStore(clock) if backend == "memory" else SqlBatchStore(sessions(), clock)


def row(line: int) -> SummaryRow:
    return SummaryRow(line=line, id=None, summary=SUMMARY, error=None, input_sha256="0" * 64)


def test_lines_are_begun_in_order_until_each_has_its_result(batches: BatchStore) -> None:
    batch, new = batches.create("t1", ["a", "b", "c"], None)
    assert (new, batch.state, batch.total, batch.done) == (True, BatchState.QUEUED, 3, 0)
    for expected in (1, 2, 3):
        item = batches.begin(batch.id)
        assert item is not None
        assert (item.line, item.source, item.tries) == (expected, "abc"[expected - 1], 1)
        batches.finish(batch.id, row(expected))
    assert batches.begin(batch.id) is None
    assert list(batches.results("t1", batch.id)) == [row(n).model_dump_json() for n in (1, 2, 3)]


def test_blank_lines_count_and_are_left_out(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["", "a", "  ", "b", ""], None)
    assert batch.total == 2
    numbers = []
    while (item := batches.begin(batch.id)) is not None:
        numbers.append(item.line)
        batches.finish(batch.id, row(item.line))
    assert numbers == [2, 4]


def test_a_line_that_was_begun_and_not_finished_is_begun_again_and_counted(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a"], None)
    assert [item.tries for _ in range(3) if (item := batches.begin(batch.id)) is not None] == [1, 2, 3]
    batches.put_back(batch.id, 1)
    item = batches.begin(batch.id)
    assert item is not None
    assert item.tries == 3


def test_a_line_under_way_is_not_begun_again_beside_itself(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a", "b", "c", "d"], None)
    under_way: set[int] = set()
    for expected in (1, 2, 3):
        item = batches.begin(batch.id, under_way)
        assert item is not None
        assert (item.line, item.tries) == (expected, 1)
        under_way.add(expected)
    batches.finish(batch.id, row(3))
    under_way.remove(3)
    last = batches.begin(batch.id, under_way)
    assert last is not None
    assert last.line == 4
    assert batches.begin(batch.id, under_way | {4}) is None
    assert batches.progress("t1", batch.id).done == 1


def test_lines_finished_in_any_order_are_told_in_theirs(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a", "b", "c"], None)
    for under_way in ((), (1,), (1, 2)):
        batches.begin(batch.id, under_way)
    for line in (3, 1, 2):
        batches.finish(batch.id, row(line))
    assert list(batches.results("t1", batch.id)) == [row(n).model_dump_json() for n in (1, 2, 3)]


def test_a_line_put_back_beside_others_is_the_next_and_has_its_try_back(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a", "b", "c"], None)
    for under_way in ((), (1,), (1, 2)):
        batches.begin(batch.id, under_way)
    batches.put_back(batch.id, 2)
    item = batches.begin(batch.id, (1, 3))
    assert item is not None
    assert (item.line, item.tries) == (2, 1)


def test_progress_counts_rows_and_errors(batches: BatchStore, clock: ManualClock) -> None:
    batch, _ = batches.create("t1", ["a", "b", "c"], None)
    for finished in (row(1), failed_line(2, "b", "the model process died")):
        batches.begin(batch.id)
        clock.advance(30)
        batches.finish(batch.id, finished)
    progress = batches.progress("t1", batch.id)
    assert (progress.state, progress.done, progress.failed) == (BatchState.RUNNING, 2, 1)


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
def test_progress_tells_rows_a_minute_and_the_time_left(batches: BatchStore, clock: ManualClock) -> None:
    batch, _ = batches.create("t1", [str(n) for n in range(10)], None)
    assert batches.progress("t1", batch.id).rows_per_minute is None
    for line in range(1, 5):
        batches.begin(batch.id)
        clock.advance(15)
        batches.finish(batch.id, row(line))
    progress = batches.progress("t1", batch.id)
    assert progress.rows_per_minute == pytest.approx(4.0)
    assert progress.seconds_left == pytest.approx(90.0)


def test_creating_a_batch_twice_with_one_key_is_creating_it_once(batches: BatchStore) -> None:
    first, new = batches.create("t1", ["a"], "order-1")
    again, again_new = batches.create("t1", ["a"], "order-1")
    assert (new, again_new) == (True, False)
    assert first.id == again.id
    other_tenant, _ = batches.create("t2", ["a"], "order-1")
    assert other_tenant.id != first.id
    with pytest.raises(InputError, match="another batch"):
        batches.create("t1", ["b"], "order-1")


def test_a_cancelled_batch_begins_no_more_lines_and_stays_cancelled(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a", "b"], None)
    batches.begin(batch.id)
    batches.finish(batch.id, row(1))
    batches.close("t1", batch.id, BatchState.CANCELLED)
    assert batches.begin(batch.id) is None
    batches.close("t1", batch.id, BatchState.DONE)
    progress = batches.progress("t1", batch.id)
    assert (progress.state, progress.done) == (BatchState.CANCELLED, 1)


def test_a_tenant_does_not_see_another_s_batch(batches: BatchStore) -> None:
    batch, _ = batches.create("t1", ["a"], None)
    for ask in (batches.progress, lambda tenant, batch_id: list(batches.results(tenant, batch_id))):
        with pytest.raises(NotFound):
            ask("t2", batch.id)
    with pytest.raises(NotFound):
        batches.close("t2", batch.id, BatchState.CANCELLED)
