"""A page → its lines and tables in the order they are read: column after column."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

from ingest.formats.pdf.grid import find_grids
from ingest.formats.pdf.page import Box, PageContent, Run

MAX_RUNS = 3_000
"""Of a page whose columns are looked for. What has more is a drawing, or a page made to take time."""
GUTTER = 8.0
"""Narrowest space between columns."""
CROSSING_SHARE = 0.15
"""Of a page's runs, such as headings, that may cross the space between columns."""
MIN_COLUMN_LINES, MIN_COLUMN_SIZES = 4, 8.0
"""A column has so many lines, at least so many times as wide as high: cells of a table are not columns."""
CELL_GAP_SIZES = 2.5
"""So many times its size apart, text on a line is that of cells in a table without rules."""
MAX_CELL_CHARS = 200
"""In a table's only row, which may be the end of one; else it is text in frames."""
ITEM = re.compile(r"^([•‣◦▪●■–*-]|\(?\d{1,2}[.)]|[a-z][.)])\s+")
_NUMBER = re.compile(r"^\d{1,2}$")


class Line(NamedTuple):
    page: int
    box: Box
    text: str
    size: float
    bold: bool


class FoundTable(NamedTuple):
    page: int
    rows: list[list[str]]


def items_of(page: PageContent) -> Iterator[Line | FoundTable]:
    """Lines and tables of a page in the order they are read."""
    taken: set[int] = set()
    tables: dict[int, FoundTable] = {}
    placed = []
    for grid in find_grids(page.rules):
        within = [run for run in page.runs if grid.holds(run)]
        rows = grid.rows(within)
        if len(rows) > 1 or (rows and max(map(len, rows[0])) <= MAX_CELL_CHARS):
            taken |= {id(run) for run in within}
            placed.append(grid.as_run())
            tables[id(placed[-1])] = FoundTable(page.number, rows)
    for column in _columns([run for run in page.runs if id(run) not in taken] + placed):
        yield from _lines(column, page.number, tables)


def _columns(runs: list[Run]) -> Iterator[list[Run]]:
    """The runs of each column in turn; what spans them ends the columns above it."""
    middle = _gutter(runs)
    if middle is None:
        yield runs
        return
    for spans, band in groupby(sorted(runs, key=lambda run: run.box.top), key=lambda run: _crosses(run, middle)):
        some = list(band)
        if spans:
            yield some
        else:
            yield from _columns([run for run in some if run.box.right <= middle])
            yield from _columns([run for run in some if run.box.left >= middle])


def _crosses(run: Run, x: float) -> bool:
    return run.box.left < x < run.box.right


def _gutter(runs: Sequence[Run]) -> float | None:
    """The middle of the space that fewest runs cross, of these the widest, with a column on either side."""
    if not 2 * MIN_COLUMN_LINES <= len(runs) <= MAX_RUNS:
        return None
    edges = sorted({run.box.right for run in runs})
    allowed = CROSSING_SHARE * len(runs)
    best: tuple[tuple[int, float], float] | None = None
    for edge in edges[:-1]:
        after = [run.box.left for run in runs if run.box.left > edge - 0.01]
        if not after:
            continue
        nearest = sorted(after)[min(len(after) - 1, int(allowed / 2))]
        middle, width = (edge + nearest) / 2, nearest - edge
        if width < GUTTER:
            continue
        rank = sum(_crosses(run, middle) for run in runs), -width
        if rank[0] > allowed or (best is not None and rank >= best[0]):
            continue
        sides = [run for run in runs if run.box.right <= middle], [run for run in runs if run.box.left >= middle]
        if all(_is_column(side) for side in sides):
            best = rank, middle
    return best[1] if best else None


def _is_column(runs: Sequence[Run]) -> bool:
    lines = {round(run.box.top / max(run.size, 1)) for run in runs}
    if len(lines) < MIN_COLUMN_LINES:
        return False
    return median((run.box.right - run.box.left) / max(run.size, 1) for run in runs) >= MIN_COLUMN_SIZES


def _lines(runs: Sequence[Run], page: int, tables: dict[int, FoundTable]) -> Iterator[Line | FoundTable]:
    """Runs of a column as lines from top to bottom."""
    held: list[Run] = []
    for run in sorted(runs, key=lambda run: (run.box.top + run.box.bottom) / 2):
        if held and (id(run) in tables or id(held[0]) in tables or not _level(held[0].box, run.box)):
            yield _line(held, page, tables)
            held = []
        held.append(run)
    if held:
        yield _line(held, page, tables)


def _level(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > 0.4 * min(one.bottom - one.top, other.bottom - other.top)


def _line(runs: list[Run], page: int, tables: dict[int, FoundTable]) -> Line | FoundTable:
    if id(runs[0]) in tables:
        return tables[id(runs[0])]
    runs.sort(key=lambda run: run.box.left)
    size = max(runs, key=lambda run: len(run.text)).size
    text = runs[0].text.strip()
    if len(runs) > 1 and _NUMBER.match(text) and runs[1].box.left - runs[0].box.right > 0.3 * size:
        text += "."  # The number of a list's item, set apart.
    for before, run in pairwise(runs):
        gap = run.box.left - before.box.right
        apart = gap > CELL_GAP_SIZES * size and not ITEM.match(f"{text} ")
        text += (" | " if apart else " " if gap > 0.12 * size or before.text.endswith(" ") else "") + run.text.strip()
    boxes = [run.box for run in runs]
    around = Box(
        min(b.left for b in boxes), min(b.top for b in boxes), max(b.right for b in boxes), max(b.bottom for b in boxes)
    )
    return Line(page, around, text.strip(), size, all(run.bold for run in runs))
