"""``deskhand summarize --batch``: a file of tickets in, a file of summaries out. The output file is the ledger:
run again, it goes on after the last whole line, and does lines again whose input has changed.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from assistant.batches.lines import check_lines, summarize_line
from assistant.batches.work import may_be_to_blame, work_through
from assistant.cli.row_file import RowFile, kept_rows, opened_after
from assistant.cli.session import messages, progress_bar
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import DeadlineExceeded, InputError, RetryLater
from assistant.wiring import App

TENANT = "default"
WAITS_S = (2.0, 5.0, 15.0, 30.0, 60.0)


def summarize_file(source: Path, out: Path, app: App) -> tuple[int, int]:
    """Summarise each line of ``source`` into ``out``; returns how many rows there are and how many are errors."""
    lines, at_once = list(_lines(source)), app.tiers.summaries_at_once
    check_lines([line for _, line in lines])
    kept = kept_rows(out, lines)
    if kept:
        messages.print(f"{len(kept)} rows are in {out} already; going on after them.")
    desk = app.bulk_desk

    def summarized(item: BatchItem) -> SummaryRow:
        return summarize_line(item.line, item.source, TENANT, desk, app.resolve)

    with opened_after(out, kept) as file, progress_bar("Summarising", len(lines), len(kept), "min") as advance:
        rows = RowFile(file, lines[len(kept) :], at_once, advance)
        work_off(rows, summarized, at_once)
    return len(lines), rows.failed + sum(row.error is not None for row in kept)


def work_off(
    rows: RowFile,
    summarized: Callable[[BatchItem], SummaryRow],
    at_once: int,
    rest: Callable[[float], object] = time.sleep,
) -> None:
    """Work until each line has its row. What is away is waited for, and in the end raised: it costs no line its row."""
    waits, written = 0, rows.written
    while True:
        try:
            work_through(rows, summarized, at_once, lambda: True)
            return
        except (RetryLater, DeadlineExceeded) as error:
            if may_be_to_blame(error):
                continue
            waits, written = (waits if rows.written == written else 0), rows.written
            if waits == len(WAITS_S):
                raise
            messages.print(f"{error}; trying again in {WAITS_S[waits]:.0f} s.")
            rest(WAITS_S[waits])
            waits += 1


def _lines(source: Path) -> Iterator[tuple[int, str]]:
    """The lines with something in them and their numbers, from 1; bytes that are not UTF-8 make their own row fail, not the file."""
    try:
        with source.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.decode("utf-8-sig", "replace").strip()
                if line:
                    yield number, line
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}", fix="Check the path.", field="batch") from error
