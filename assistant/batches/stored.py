"""A batch in the store, worked on by the job that holds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from assistant.batches.lines import Resolve, summarize_line
from assistant.batches.work import MAX_TRIES, work_through
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import ModelUnavailable
from assistant.pipeline import Desk
from assistant.ports import BatchStore, Clock

SLICE_S = 60.0
"""How long a batch begins lines before other batches of its lane get their turn."""


@dataclass(frozen=True)
class Summaries:
    """All that a batch needs. ``at_once``: how many of its lines are under way at a time."""

    desk: Desk
    batches: BatchStore
    resolve: Resolve
    clock: Clock
    at_once: int


Holding = Callable[[bool], AbstractContextManager[None]]
"""A transaction that fails unless this worker still has the job; True: there was progress."""


def work_on(tenant: str, batch_id: str, parts: Summaries, holding: Holding) -> bool:
    """Summarise lines until none is left, the batch is cancelled or its turn is over; True when it is finished.

    Each line is kept as soon as it is done, in a transaction of ``holding`` (True: that was progress), so
    that a crash costs the lines under way. A line that its worker or model did not outlive MAX_TRIES times is
    given up; a model that cannot be asked is no try. Raises as the models do.
    """

    def summarized(item: BatchItem) -> SummaryRow:
        if item.tries > MAX_TRIES:
            raise ModelUnavailable(f"no result after {MAX_TRIES} tries")
        return summarize_line(item.line, item.source, tenant, parts.desk, parts.resolve)

    end = parts.clock.monotonic() + SLICE_S
    ledger = _StoredLedger(batch_id, parts.batches, holding)
    return work_through(ledger, summarized, parts.at_once, lambda: parts.clock.monotonic() < end)


class _StoredLedger:
    """Every change is a transaction of ``holding``. What is under way is known here alone: a batch has one holder."""

    def __init__(self, batch_id: str, batches: BatchStore, holding: Holding) -> None:
        self._batch_id, self._batches, self._holding = batch_id, batches, holding
        self._under_way: set[int] = set()

    def begin(self) -> BatchItem | None:
        with self._holding(False):
            item = self._batches.begin(self._batch_id, self._under_way)
        if item is not None:
            self._under_way.add(item.line)
        return item

    def finish(self, row: SummaryRow) -> None:
        with self._holding(True):
            self._batches.finish(self._batch_id, row)
        self._under_way.remove(row.line)

    def put_back(self, line: int, *, tried: bool) -> None:
        if not tried:
            with self._holding(False):
                self._batches.put_back(self._batch_id, line)
        self._under_way.remove(line)
