"""Rules on a page → tables: which run of text stands in which cell."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingest.formats.pdf.page import RULE, Box, Run


class Grid(NamedTuple):
    """A table's cells: the places of its rules."""

    across: list[float]
    down: list[float]

    def holds(self, run: Run) -> bool:
        middle = (run.box.top + run.box.bottom) / 2
        return (
            self.across[0] - RULE <= run.box.left
            and run.box.right <= self.across[-1] + RULE
            and self.down[0] < middle < self.down[-1]
        )

    def as_run(self) -> Run:
        return Run(Box(self.across[0], self.down[0], self.across[-1], self.down[-1]), "", 1.0, bold=False)

    def rows(self, runs: Sequence[Run]) -> list[list[str]]:
        """The text of each cell; rows without any are left out."""
        rows = []
        for top, bottom in zip(self.down, self.down[1:], strict=False):
            inner = [run for run in runs if top < (run.box.top + run.box.bottom) / 2 < bottom]
            cells = []
            for left, right in zip(self.across, self.across[1:], strict=False):
                some = [run for run in inner if left - RULE <= run.box.left < right - RULE]
                some.sort(key=lambda run: (round(run.box.top / max(run.size, 1)), run.box.left))
                cells.append(" ".join(" ".join(run.text for run in some).split()))
            if any(cells):
                rows.append(cells)
        return rows


def find_grids(rules: Sequence[Box]) -> list[Grid]:
    """Tables by their rules: those that touch belong together, and make at least two columns."""
    groups: list[list[Box]] = []
    for rule in rules:
        touching = [group for group in groups if any(_touch(rule, other) for other in group)]
        groups = [group for group in groups if group not in touching] + [
            [rule, *(each for group in touching for each in group)]
        ]
    grids = []
    for group in groups:
        across = _places(box.left for box in group if box.right - box.left < RULE < box.bottom - box.top)
        down = _places(box.top for box in group if box.bottom - box.top < RULE < box.right - box.left)
        if len(across) > 2 and len(down) > 1:
            grids.append(Grid(across, down))
    return grids


def _touch(one: Box, other: Box) -> bool:
    return (
        one.left <= other.right + RULE
        and other.left <= one.right + RULE
        and one.top <= other.bottom + RULE
        and other.top <= one.bottom + RULE
    )


def _places(values: Iterable[float]) -> list[float]:
    """Places in order, those that are as good as the same once."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > RULE:
            kept.append(value)
    return kept
