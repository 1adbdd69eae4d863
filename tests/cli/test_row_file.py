"""The file of a batch while several lines are under way: always its beginning, in order, whatever ends first."""

import errno
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from assistant.batches.lines import digest
from assistant.batches.work import MAX_TRIES
from assistant.cli.batching import WAITS_S, work_off
from assistant.cli.row_file import AHEAD, RowFile, kept_rows, opened_after
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import HelpdeskUnavailable, ModelAway, ModelUnavailable, Overloaded, RetryLater
from tests.summaries import summary

LINES = [(number, f"ticket {number}") for number in range(1, 41, 2)]
"""Every second line of the input is blank."""
SUMMARY = summary()
WAIT_S = 30.0


def row(item: BatchItem) -> SummaryRow:
    return SummaryRow(line=item.line, id=None, summary=SUMMARY, error=None, input_sha256=digest(item.source))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def opened(out: Path) -> Iterator[Callable[[int], RowFile]]:
    """The file after what it has, for so many lines at once."""
    files = []

    def make(at_once: int) -> RowFile:
        kept = kept_rows(out, LINES)
        files.append(opened_after(out, kept))
        return RowFile(files[-1], LINES[len(kept) :], at_once, lambda _: None)

    yield make
    for file in files:
        file.close()


def written(out: Path) -> list[int]:
    return [json.loads(line)["line"] for line in out.read_text().splitlines()]


def test_rows_done_early_wait_for_those_before_them(opened: Callable[[int], RowFile], out: Path) -> None:
    rows = opened(3)
    items = [item for _ in range(3) if (item := rows.begin()) is not None]
    assert [item.line for item in items] == [1, 3, 5]
    rows.finish(row(items[2]))
    rows.finish(row(items[1]))
    assert (written(out), rows.written) == ([], 0)
    rows.finish(row(items[0]))
    assert (written(out), rows.written) == ([1, 3, 5], 3)


def test_no_line_is_begun_far_ahead_of_the_last_row(opened: Callable[[int], RowFile], out: Path) -> None:
    rows = opened(3)
    first = rows.begin()
    assert first is not None
    others = 0
    while (item := rows.begin()) is not None:
        rows.finish(row(item))
        others += 1
    assert others + 1 == AHEAD * 3
    rows.finish(row(first))
    assert written(out) == [number for number, _ in LINES[: AHEAD * 3]]
    assert rows.begin() is not None


def test_after_a_row_that_could_not_be_written_nothing_is(out: Path) -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            written = super().write(text)
            if json.loads(text)["line"] == 3:  # As a buffer does: the text is taken, and cannot be put on the disk.
                raise OSError(errno.ENOSPC, "No space left on device")
            return written

        def fileno(self) -> int:
            return descriptor

    with out.open("w") as some:
        descriptor = some.fileno()
        disk = FullDisk()
        rows = RowFile(disk, LINES, 4, lambda _: None)
        items = [item for _ in range(4) if (item := rows.begin()) is not None]
        for item in items:
            with suppress(OSError):
                rows.finish(row(item))
    assert [json.loads(line)["line"] for line in disk.getvalue().splitlines()] == [1, 3]


def test_a_crash_costs_what_is_not_in_the_file_and_no_more(opened: Callable[[int], RowFile], out: Path) -> None:
    rows = opened(4)
    for item in [rows.begin() for _ in range(4)]:
        assert item is not None
        if item.line != 5:
            rows.finish(row(item))
    assert written(out) == [1, 3]
    again = opened(4)
    work_off(again, row, 4)
    assert again.written == len(LINES) - 2
    assert written(out) == [number for number, _ in LINES]


def test_whatever_order_rows_end_in_the_file_has_the_order_of_the_lines(
    opened: Callable[[int], RowFile], out: Path
) -> None:
    """Of each two neighbours the first ends only when the second has."""
    ended = {number: threading.Event() for number, _ in LINES}

    def backwards(item: BatchItem) -> SummaryRow:
        if item.line % 4 == 1:
            assert ended[item.line + 2].wait(WAIT_S)
        ended[item.line].set()
        return row(item)

    work_off(opened(4), backwards, 4)
    assert written(out) == [number for number, _ in LINES]


@pytest.mark.parametrize(
    "error",
    [
        ModelAway("the service is not running"),
        HelpdeskUnavailable("helpdesk 'acme' cannot be reached"),
        Overloaded("256 requests wait for the models already"),
        RetryLater("the model server has too much to do"),
    ],
)
def test_what_is_away_is_waited_for_once_for_all_lines(
    opened: Callable[[int], RowFile], out: Path, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    away, rests = True, list[float]()

    def rest(seconds: float) -> None:
        nonlocal away
        rests.append(seconds)
        away = len(rests) < 3

    def summarized(item: BatchItem) -> SummaryRow:
        if away:
            raise error
        return row(item)

    work_off(opened(4), summarized, 4, rest)
    assert rests == list(WAITS_S[:3])
    assert capsys.readouterr().err.count("trying again in") == 3
    assert written(out) == [number for number, _ in LINES]


def test_what_stays_away_is_raised_in_the_end_and_the_rows_before_it_are_there(
    opened: Callable[[int], RowFile], out: Path
) -> None:
    rests = list[float]()

    def summarized(item: BatchItem) -> SummaryRow:
        if item.line == 9:
            raise HelpdeskUnavailable("helpdesk 'acme' cannot be reached")
        return row(item)

    with pytest.raises(HelpdeskUnavailable):
        work_off(opened(3), summarized, 3, rests.append)
    assert tuple(rests[-len(WAITS_S) :]) == WAITS_S
    assert written(out) == [1, 3, 5, 7]


def test_a_line_that_kills_the_model_is_an_error_row_and_its_neighbours_are_not(
    opened: Callable[[int], RowFile], out: Path
) -> None:
    def dying(item: BatchItem) -> SummaryRow:
        if item.line == 5 or (item.line < 8 and item.tries == 1):
            raise ModelUnavailable("the model process ended with code -9")
        return row(item)

    rows = opened(4)
    work_off(rows, dying, 4)
    assert (rows.written, rows.failed) == (len(LINES), 1)
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(bad["line"], bad["error"]["kind"]) for bad in told if bad["error"]] == [(5, "model")]


def test_an_interruption_leaves_whole_rows_in_order(opened: Callable[[int], RowFile], out: Path) -> None:
    release, hung = threading.Event(), list[bool]()

    def interrupted(item: BatchItem) -> SummaryRow:
        if item.line == 11:
            raise KeyboardInterrupt
        if item.line == 9:
            hung.append(release.wait(WAIT_S))
        return row(item)

    with pytest.raises(KeyboardInterrupt):
        work_off(opened(3), interrupted, 3)
    assert not hung, "nobody waited for the line that hangs"
    assert written(out) == [1, 3, 5, 7][: len(written(out))]
    assert out.read_bytes().endswith(b"\n") or not out.read_bytes()
    release.set()
    work_off(opened(3), row, 3)
    assert written(out) == [number for number, _ in LINES]


def test_a_line_is_tried_no_more_than_it_may(opened: Callable[[int], RowFile]) -> None:
    tried: list[int] = []

    def never(item: BatchItem) -> SummaryRow:
        tried.append(item.line)
        raise ModelUnavailable("the model did not finish a summary in 768 tokens")

    rows = opened(2)
    work_off(rows, never, 2)
    assert rows.failed == len(LINES)
    assert {tried.count(number) for number, _ in LINES} == {MAX_TRIES}
