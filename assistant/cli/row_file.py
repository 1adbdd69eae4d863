"""The output file of a batch as its ledger: rows in the order of their lines, so that it can be gone on with."""

import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from assistant.batches.lines import digest
from assistant.kernel.batches import BatchItem, SummaryRow
from assistant.kernel.errors import InputError

AHEAD = 2
"""Lines that may be without a row in the file, for each that is under way: what a crash costs at most.

A row that is done early waits for those before it. With 1, a quarter to a third of the time nothing could be begun;
with 2, a twentieth at most (simulated with 4 and 8 at once, lengths log-normal with σ = .45, 2026-11).
"""


class RowFile:
    """``file`` is open at its end, with the rows of all lines before ``unwritten`` in it; ``advance`` is told of each more."""

    def __init__(
        self, file: IO[str], unwritten: Sequence[tuple[int, str]], at_once: int, advance: Callable[[int], None]
    ) -> None:
        self._file, self._unwritten, self._advance = file, deque(unwritten), advance
        self._most = AHEAD * at_once
        self.written = self.failed = 0
        self._tries: Counter[int] = Counter()
        self._under_way: set[int] = set()
        self._early: dict[int, SummaryRow] = {}
        self._broken: OSError | None = None

    def begin(self) -> BatchItem | None:
        """The first line that is neither under way nor done, unless too many before it lack their row."""
        for line, source in islice(self._unwritten, self._most):
            if line not in self._under_way and line not in self._early:
                self._under_way.add(line)
                self._tries[line] += 1
                return BatchItem(line=line, source=source, tries=self._tries[line])
        return None

    def finish(self, row: SummaryRow) -> None:
        """Write the row and those that waited for it; until its turn it waits itself."""
        self._under_way.remove(row.line)
        self._early[row.line] = row
        while self._unwritten and self._unwritten[0][0] in self._early:
            line, _ = self._unwritten[0]
            self._write(self._early.pop(line))
            self._unwritten.popleft()
            self._advance(1)

    def put_back(self, line: int, *, tried: bool) -> None:
        self._under_way.remove(line)
        self._tries[line] -= not tried

    def _write(self, row: SummaryRow) -> None:
        """Nothing more is written once a row could not be: part of it may stand in the file, or wait for room."""
        if self._broken is not None:
            raise self._broken
        try:
            self._file.write(row.model_dump_json() + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._broken = error
            raise
        self.written += 1
        self.failed += row.error is not None


def kept_rows(out: Path, lines: Sequence[tuple[int, str]]) -> list[SummaryRow]:
    """The rows at the beginning of ``out`` that are whole and belong to the lines of today. Raises InputError."""
    kept: list[SummaryRow] = []
    if not out.exists():
        return kept
    try:
        with out.open("rb") as file:
            for raw, (number, line) in zip(file, lines, strict=False):
                row = SummaryRow.model_validate_json(raw)
                if not raw.endswith(b"\n") or row.line != number or row.input_sha256 != digest(line):
                    break
                kept.append(row)
    except OSError as error:
        raise InputError(f"{out} cannot be read: {error.strerror}", fix="Check the path.", field="out") from error
    except ValidationError as error:
        if not kept and not _looks_torn(out):
            raise InputError(
                f"{out} is there and is no result of a batch", fix="Name another file, or remove it.", field="out"
            ) from error
    return kept


def opened_after(out: Path, kept: Sequence[SummaryRow]) -> IO[str]:
    """``out`` with the kept rows in it and nothing else, open at its end. A crash meanwhile loses none of them."""
    try:
        draft = out.with_name(f".{out.name}.part")
        draft.write_text("".join(row.model_dump_json() + "\n" for row in kept), "utf-8")
        draft.replace(out)
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{out} cannot be written: {error.strerror}", fix="Check folder and disk.", field="out"
        ) from error


def _looks_torn(out: Path) -> bool:
    """Whether a crash may have cut off the first line."""
    return out.stat().st_size == 0 or not out.read_bytes().count(b"\n")
