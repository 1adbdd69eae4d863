"""What stands on a page: runs of text and rules, at their places. Lengths are points, with the origin at the top left."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

RULE = 3.0
"""Thickest rule of a table."""


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


class Run(NamedTuple):
    """Text of one font on one line."""

    box: Box
    text: str
    size: float
    bold: bool


class PageContent(NamedTuple):
    """``rules`` are the edges of what is drawn: lines and rectangles."""

    number: int
    width: float
    height: float
    runs: list[Run]
    rules: list[Box]


def body_size(pages: Iterable[PageContent]) -> float:
    """The size that most of the text has."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for run in page.runs:
            sizes[round(run.size, 1)] += len(run.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0
