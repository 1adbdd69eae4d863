"""``deskhand summarize --batch``: a file of tickets in, a file of summaries out. The output file is the ledger:
run again, it goes on after the last whole line, and does lines again whose input has changed.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from assistant.batches import MAX_TRIES, check_lines, digest, failed_line, summarize_line
from assistant.cli.session import messages, progress_bar
from assistant.kernel.batches import SummaryRow
from assistant.kernel.errors import (
    DeadlineExceeded,
    HelpdeskUnavailable,
    InputError,
    ModelAway,
    ModelUnavailable,
    Overloaded,
)
from assistant.wiring import App

TENANT = "default"
WAITS_S = (2.0, 5.0, 15.0, 30.0, 60.0)


def summarize_file(source: Path, out: Path, app: App) -> tuple[int, int]:
    """Summarise each line of ``source`` into ``out``; returns how many rows there are and how many are errors."""
    lines = list(_lines(source))
    check_lines([line for _, line in lines])
    kept = _kept(out, lines)
    failed = sum(row.error is not None for row in kept)
    if kept:
        messages.print(f"{len(kept)} rows are in {out} already; going on after them.")
    with _opened(out, kept) as ledger, progress_bar("Summarising", len(lines), len(kept), "min") as advance:
        for number, line in lines[len(kept) :]:
            row = _summarize(number, line, app)
            ledger.write(row.model_dump_json() + "\n")
            ledger.flush()
            os.fsync(ledger.fileno())
            failed += row.error is not None
            advance(1)
    return len(lines), failed


def _summarize(number: int, line: str, app: App) -> SummaryRow:
    """The result of a line. What is away is waited for, and in the end raised: such a line is not written off."""
    tries, waits = 0, 0
    while True:
        try:
            return summarize_line(number, line, TENANT, app.bulk_desk, app.resolve)
        except (ModelAway, HelpdeskUnavailable, Overloaded) as error:
            if waits == len(WAITS_S):
                raise
            messages.print(f"{error}; trying again in {WAITS_S[waits]:.0f} s.")
            time.sleep(WAITS_S[waits])
            waits += 1
        except (ModelUnavailable, DeadlineExceeded) as error:
            tries += 1
            if tries == MAX_TRIES:
                return failed_line(number, line, str(error))


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


def _kept(out: Path, lines: list[tuple[int, str]]) -> list[SummaryRow]:
    """The rows at the beginning of ``out`` that are whole and belong to the lines of today."""
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


def _looks_torn(out: Path) -> bool:
    """Whether a crash may have cut off the first line."""
    return out.stat().st_size == 0 or not out.read_bytes().count(b"\n")


def _opened(out: Path, kept: list[SummaryRow]) -> IO[str]:
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
