"""A batch of tickets to summarise: lines in, lines out, in order."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from assistant.kernel.summary import TicketSummary
from assistant.kernel.value import Value

MAX_LINES = 100_000
MAX_LINE_BYTES = 2_000_000


class BatchState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """Its job is dead; `deskhand jobs retry` goes on with it. This is told, never stored."""


class RowError(Value):
    """Why a line has no summary: ``input`` must be mended by its sender, ``model`` may work another time."""

    kind: Literal["input", "model"]
    message: str
    fix: str = ""


class SummaryRow(Value):
    """A line of the result. Exactly one of ``summary`` and ``error`` is given.

    ``line`` counts from 1 in the input; ``left_out`` is the number of messages trimmed from the middle of a
    long thread; ``input_sha256`` is of the line, so that a changed one is noticed when a batch goes on.
    """

    line: int
    id: str | None
    summary: TicketSummary | None
    error: RowError | None
    left_out: int = 0
    input_sha256: str


class BatchProgress(Value):
    """``rows_per_minute`` and ``seconds_left`` are null until a row is finished; ``failed`` rows are among the done."""

    id: str
    state: BatchState
    total: int
    done: int
    failed: int
    rows_per_minute: float | None = None
    seconds_left: float | None = None
    created_at: str = ""
    finished_at: str | None = None
    detail: str = ""
    """Why a failed batch failed."""


class BatchItem(Value):
    """A line that waits. ``tries`` is how often work on it was begun and never ended."""

    line: int
    source: str
    tries: int = Field(ge=0)
