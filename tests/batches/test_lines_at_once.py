"""Several lines under way: as many as are wanted, what was tried before alone, and none left without an end."""

import threading
from collections.abc import Callable, Collection

import pytest

from assistant.batches.lines import failed_line
from assistant.batches.work import MAX_TRIES, work_through
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import (
    ConfigurationError,
    DatabaseError,
    DeadlineExceeded,
    HelpdeskUnavailable,
    LeaseLost,
    ModelAway,
    ModelUnavailable,
    RetryLater,
)
from tests.summaries import summary

SUMMARY = summary()
WAIT_S = 30.0


class NotedLedger:
    """Lines 1 to ``total``, and every word that was said of them."""

    def __init__(self, total: int, tries: dict[int, int] | None = None) -> None:
        self.tries = dict.fromkeys(range(1, total + 1), 0) | (tries or {})
        self.under_way: set[int] = set()
        self.rows: dict[int, SummaryRow] = {}
        self.finishing: Callable[[SummaryRow], object] = lambda _: None
        self._thread = threading.get_ident()

    def begin(self) -> BatchItem | None:
        assert threading.get_ident() == self._thread
        waiting = [line for line in self.tries if line not in self.rows and line not in self.under_way]
        if not waiting:
            return None
        self.under_way.add(waiting[0])
        self.tries[waiting[0]] += 1
        return BatchItem(line=waiting[0], source=f"ticket {waiting[0]}", tries=self.tries[waiting[0]])

    def finish(self, row: SummaryRow) -> None:
        assert threading.get_ident() == self._thread
        self.finishing(row)
        self.under_way.remove(row.line)
        self.rows[row.line] = row

    def put_back(self, line: int, *, tried: bool) -> None:
        assert threading.get_ident() == self._thread
        self.under_way.remove(line)
        self.tries[line] -= not tried


def row(line: int) -> SummaryRow:
    return SummaryRow(line=line, id=None, summary=SUMMARY, error=None, input_sha256="0" * 64)


class Model:
    """Summarises. Those ``together`` end only when all of them have begun; some ``fail``."""

    def __init__(self, together: Collection[int] = (), fails: dict[int, BaseException] | None = None) -> None:
        self._together, self._fails = together, fails or {}
        self._all_here = threading.Barrier(max(len(together), 1))
        self._lock = threading.Lock()
        self._here: set[int] = set()
        self.seen: list[set[int]] = []
        """Who was under way whenever a line began."""

    def __call__(self, item: BatchItem) -> SummaryRow:
        with self._lock:
            self._here.add(item.line)
            self.seen.append(set(self._here))
        try:
            if item.line in self._together and item.tries == 1:
                self._all_here.wait(WAIT_S)
            if item.line in self._fails:
                raise self._fails[item.line]
            return row(item.line)
        finally:
            with self._lock:
                self._here.remove(item.line)


def always() -> bool:
    return True


def test_as_many_lines_as_wanted_are_under_way_and_no_more() -> None:
    ledger, model = NotedLedger(12), Model(together=range(1, 5))
    assert work_through(ledger, model, 4, always)
    assert {1, 2, 3, 4} in model.seen
    assert max(map(len, model.seen)) == 4
    assert set(ledger.rows) == set(range(1, 13))


def test_one_at_a_time_is_one_at_a_time() -> None:
    ledger, model = NotedLedger(3), Model()
    assert work_through(ledger, model, 1, always)
    assert model.seen == [{1}, {2}, {3}]


def test_a_line_that_was_tried_before_is_tried_alone() -> None:
    ledger, model = NotedLedger(6, tries={2: 1, 4: 2}), Model()
    assert work_through(ledger, model, 3, always)
    assert {2} in model.seen
    assert {4} in model.seen
    assert all(len(here) == 1 for here in model.seen if here & {2, 4})
    assert (ledger.tries[2], ledger.tries[4]) == (2, 3)


def test_only_the_line_that_kills_the_model_is_given_up() -> None:
    """All that were under way when it died have the same try; alone, they show which of them it was."""
    ledger = NotedLedger(6)
    died = ModelUnavailable("the model process ended with code -9")

    def dying(item: BatchItem) -> SummaryRow:
        """With line 3 under way the process dies, whoever else is in it."""
        if item.line == 3 or (item.line < 5 and item.tries == 1):
            raise died
        return row(item.line)

    for _ in range(20):
        try:
            if work_through(ledger, dying, 4, always):
                break
        except ModelUnavailable:
            assert not ledger.under_way
    assert [line for line, done in sorted(ledger.rows.items()) if done.error] == [3]
    assert ledger.rows[3] == failed_line(3, "ticket 3", str(died))
    assert ledger.tries == {1: 2, 2: 2, 3: MAX_TRIES, 4: 2, 5: 1, 6: 1}


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ModelAway("the service is not running"), 0),
        (RetryLater("the model server has too much to do"), 0),
        (HelpdeskUnavailable("helpdesk 'acme' cannot be reached"), 0),
        (ConfigurationError("the model server answered 401"), 0),
        (ModelUnavailable("the model process ended with code -9"), 1),
        (DeadlineExceeded("the model did not answer in the time given"), 1),
        (ZeroDivisionError("a bug"), 1),
    ],
)
def test_an_error_in_the_middle_lets_the_others_finish_and_is_raised(error: Exception, tries: int) -> None:
    ledger = NotedLedger(9)
    with pytest.raises(type(error)) as raised:
        work_through(ledger, Model(together=(1, 2, 3), fails={2: error}), 3, always)
    assert raised.value is error
    assert not ledger.under_way
    assert {1, 3} <= set(ledger.rows)
    assert ledger.tries == {line: int(line in ledger.rows) for line in range(1, 10)} | {2: tries}


def test_when_all_fail_each_is_put_back_and_the_first_error_is_raised() -> None:
    errors: dict[int, BaseException] = {line: ModelAway(f"away for line {line}") for line in (1, 2, 3)}
    ledger = NotedLedger(3)
    with pytest.raises(ModelAway, match="away for line"):
        work_through(ledger, Model(together=(1, 2, 3), fails=errors), 3, always)
    assert not ledger.under_way
    assert not ledger.rows
    assert set(ledger.tries.values()) == {0}


def test_a_lost_lease_or_database_is_told_once_and_begins_nothing_more() -> None:
    for error in (LeaseLost("another worker has taken over job 7"), DatabaseError("the disk is full")):
        ledger, model = NotedLedger(9), Model(together=(1, 2, 3))

        def refuse(_: SummaryRow, error: Exception = error) -> None:
            raise error

        ledger.finishing = refuse
        with pytest.raises(type(error)):
            work_through(ledger, model, 3, always)
        assert not ledger.rows
        assert set.union(*model.seen) == {1, 2, 3}


def test_when_the_turn_is_over_what_is_under_way_is_finished() -> None:
    ledger = NotedLedger(9)
    turns = iter([True, True, True, False])
    assert not work_through(ledger, Model(together=(1, 2, 3)), 4, lambda: next(turns))
    assert set(ledger.rows) == {1, 2, 3}
    assert not ledger.under_way


def test_an_interruption_waits_for_nobody() -> None:
    ledger, release, ended = NotedLedger(3), threading.Event(), list[int]()

    def interrupted(item: BatchItem) -> SummaryRow:
        if item.line == 2:
            raise KeyboardInterrupt
        release.wait(WAIT_S)
        ended.append(item.line)
        return row(item.line)

    with pytest.raises(KeyboardInterrupt):
        work_through(ledger, interrupted, 3, always)
    assert not ended
    assert not ledger.rows
    release.set()
