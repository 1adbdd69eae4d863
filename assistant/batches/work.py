"""Lines worked on, several at once: each in a thread of its own, while one thread alone keeps what becomes of them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from assistant.batches.lines import failed_line
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import DeadlineExceeded, DeskhandError, LeaseLost, ModelAway, ModelUnavailable

MAX_TRIES = 3


class Ledger(Protocol):
    """Which line is next, and what has become of those that were begun. It is asked by one thread only.

    ``begin`` gives a line without a row that is not under way, and counts a try; None when there is none for now.
    ``put_back`` lets it be begun again; unless it was ``tried``, the count is taken back.
    """

    def begin(self) -> BatchItem | None: ...
    def finish(self, row: SummaryRow) -> None: ...
    def put_back(self, line: int, *, tried: bool) -> None: ...


def work_through(
    ledger: Ledger, summarized: Callable[[BatchItem], SummaryRow], at_once: int, more: Callable[[], bool]
) -> bool:
    """Work on lines, ``at_once`` at a time, until none is left (True) or ``more`` says that it is enough (False).

    A line that no model survived MAX_TRIES times is given up. A line that was tried before is tried alone: a model
    that dies leaves a try with all that were under way, and only the line to blame shall gather them.

    The first error is raised, when what was under way has ended: each line begun is finished or put back by then.
    An interruption, and a lease that was lost, wait for nothing.
    """
    under_way = _UnderWay(summarized)
    try:
        while more():
            item = ledger.begin()
            if item is None and not under_way.count:
                return True
            if item is not None and item.tries > 1:
                _leave_alone(item, under_way, ledger)
            if item is not None:
                under_way.start(item)
            if item is None or item.tries > 1 or under_way.count == at_once:
                _settle(*under_way.next_ended(), ledger)
        while under_way.count:
            _settle(*under_way.next_ended(), ledger)
        return False
    except LeaseLost:
        raise
    except Exception:
        while under_way.count:
            with suppress(Exception):
                _settle(*under_way.next_ended(), ledger)
        raise


def may_be_to_blame(error: Exception) -> bool:
    """Whether the line itself may have caused ``error``: a model that died or took too long over it, or a bug.

    What is away, has too much to do or is set up wrongly is no line's doing.
    """
    if isinstance(error, ModelAway):
        return False
    return isinstance(error, ModelUnavailable | DeadlineExceeded) or not isinstance(error, DeskhandError)


class _UnderWay:
    """Lines under way. Their threads are daemons: one that is interrupted leaves them, and a process may end."""

    def __init__(self, summarized: Callable[[BatchItem], SummaryRow]) -> None:
        self.count = 0
        self._summarized = summarized
        self._ended: SimpleQueue[tuple[BatchItem, Future[SummaryRow]]] = SimpleQueue()

    def start(self, item: BatchItem) -> None:
        threading.Thread(target=self._work_on, args=(item,), name="batch-line", daemon=True).start()
        self.count += 1

    def next_ended(self) -> tuple[BatchItem, Future[SummaryRow]]:
        """Wait for one to end, whichever it is."""
        ended = self._ended.get()
        self.count -= 1
        return ended

    def _work_on(self, item: BatchItem) -> None:
        end = Future[SummaryRow]()
        try:
            end.set_result(self._summarized(item))
        except BaseException as error:  # It is raised again where the ledger is kept.
            end.set_exception(error)
        self._ended.put((item, end))


def _leave_alone(item: BatchItem, under_way: _UnderWay, ledger: Ledger) -> None:
    """Wait for all that is under way. Raises what they do, and puts ``item`` back then."""
    try:
        while under_way.count:
            _settle(*under_way.next_ended(), ledger)
    except Exception:
        with suppress(Exception):
            ledger.put_back(item.line, tried=False)
        raise


def _settle(item: BatchItem, end: Future[SummaryRow], ledger: Ledger) -> None:
    """Finish the line or put it back. Raises what kept it from its row."""
    try:
        row = end.result()
    except Exception as error:
        tried = may_be_to_blame(error)
        if not (tried and isinstance(error, DeskhandError) and item.tries >= MAX_TRIES):
            ledger.put_back(item.line, tried=tried)
            raise
        row = failed_line(item.line, item.source, str(error))
    ledger.finish(row)
