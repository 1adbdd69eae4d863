"""Lines and tables in the order they are read → blocks below their headings."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from assistant.kernel.knowledge import Block, BlockKind
from ingest.formats.pdf.edges import without_edges
from ingest.formats.pdf.page import PageContent, body_size
from ingest.formats.pdf.reading import ITEM, FoundTable, Line, items_of
from ingest.formats.tables import table_block

_BULLET = re.compile(r"^[•‣◦▪●■–*-]\s+")
_CONTENTS = re.compile(r"(\s?\.){5,}\s*\w{0,6}$")
"""A line of a table of contents."""
_CUT_WORD = re.compile("\\w[-\u00ad\u0002\ufffe]$")
"""The end of a line in the middle of a word: PDFium has signs of its own for the hyphen there."""
PARAGRAPH_GAP = 0.3
"""More space than between lines, in sizes, from which a paragraph begins."""
HEADING_SIZE = 1.12
MAX_HEADING_CHARS = 120
MOSTLY = 0.5


def read_layout(pages: Sequence[PageContent]) -> list[Block]:
    """Blocks of a document, without what repeats at the edges of its pages."""
    pages = without_edges(pages)
    body = body_size(pages)
    items = _without_weight_if_common([item for page in pages for item in items_of(page)])
    levels = sorted({round(i.size) for i in items if isinstance(i, Line) and _stands_out(i, body)}, reverse=True)
    return list(_Writer(body, levels, _spacing(items)).blocks(items))


def _without_weight_if_common(items: list[Line | FoundTable]) -> list[Line | FoundTable]:
    """Where most of the text is bold, bold tells nothing."""
    lines = [item for item in items if isinstance(item, Line)]
    bold = sum(len(line.text) for line in lines if line.bold)
    if bold <= MOSTLY * sum(len(line.text) for line in lines):
        return items
    return [item._replace(bold=False) if isinstance(item, Line) else item for item in items]


def _spacing(items: Sequence[Line | FoundTable]) -> float:
    """The space between lines of a paragraph: of all spaces between lines, a quarter is smaller."""
    spaces = sorted(
        below.box.top - above.box.bottom
        for above, below in pairwise(items)
        if isinstance(above, Line) and isinstance(below, Line) and above.page == below.page
        if -above.size < below.box.top - above.box.bottom < 3 * above.size
    )
    return spaces[len(spaces) // 4] if spaces else 0.0


def _stands_out(line: Line, body: float) -> bool:
    """Whether it is a heading by its size, or by its weight alone."""
    if len(line.text) > MAX_HEADING_CHARS or not re.search(r"[^\W\d_]", line.text) or " | " in line.text:
        return False
    if line.size >= HEADING_SIZE * body:
        return True
    return (
        line.bold
        and line.size >= 0.95 * body
        and not line.text.endswith((".", ",", ";", ":"))
        and not ITEM.match(line.text)
    )


class _Writer:
    """Makes blocks of lines, keeping the headings above the place it is at."""

    def __init__(self, body: float, levels: Sequence[int], spacing: float) -> None:
        self._body, self._levels, self._spacing = body, levels, spacing
        self._headings: list[tuple[int, str]] = []
        self._held: list[str] = []
        self._kind = BlockKind.PARAGRAPH
        self._last: Line | None = None
        self._table: FoundTable | None = None
        self._bare: Line | None = None
        """The last heading, while nothing stands below it."""
        self._page = 0
        self._item_left = 0.0

    def blocks(self, items: Iterable[Line | FoundTable]) -> Iterator[Block]:
        for item in items:
            if isinstance(item, FoundTable):
                yield from self._tabled(item)
                continue
            yield from self._table_ended()
            if not item.text or _CONTENTS.search(item.text):
                continue
            if _stands_out(item, self._body):
                yield from self._flushed()
                yield from self._heading(item)
            else:
                if self._begins(item):
                    yield from self._flushed()
                    self._page, self._kind = item.page, self._kind_of(item)
                self._add(item)
        yield from self._table_ended()
        yield from self._flushed()
        yield from self._bare_heading()

    def _tabled(self, table: FoundTable) -> Iterator[Block]:
        """Hold a table back, for it may go on in the next column or on the next page."""
        yield from self._flushed()
        held, self._last = self._table, None
        if held is not None and len(held.rows[0]) == len(table.rows[0]):
            repeated = table.rows[0] == held.rows[0]
            self._table = FoundTable(held.page, held.rows + table.rows[repeated:])
        else:
            yield from self._table_ended()
            self._table = table

    def _table_ended(self) -> Iterator[Block]:
        if self._table is not None:
            yield table_block(self._table.rows, self._path(), f"page={self._table.page}")
            self._table = self._bare = None

    def _kind_of(self, line: Line) -> BlockKind:
        if " | " in line.text:
            return BlockKind.TABLE
        return BlockKind.LIST if ITEM.match(line.text) else BlockKind.PARAGRAPH

    def _begins(self, line: Line) -> bool:
        """Whether the line begins a block."""
        last = self._last
        if last is None or not self._held:
            return True
        if self._kind is not BlockKind.PARAGRAPH:
            if self._kind is self._kind_of(line):
                return False
            return self._kind is not BlockKind.LIST or not self._goes_on(last, line)
        if self._kind_of(line) is not BlockKind.PARAGRAPH:
            return True
        if line.page != last.page or line.box.top < last.box.top:  # The next column or page.
            return not _runs_on(last.text, line.text)
        return not self._follows(last, line)

    def _goes_on(self, last: Line, line: Line) -> bool:
        """Whether a line belongs to the item above it: it is indented, or goes on in the middle of a sentence."""
        hanging = line.box.left > self._item_left + 0.3 * line.size or line.text[:1].islower()
        return hanging and self._follows(last, line)

    def _follows(self, above: Line, below: Line) -> bool:
        """Whether a line stands right under the other, as in a paragraph."""
        gap = below.box.top - above.box.bottom
        return above.page == below.page and -above.size < gap < self._spacing + PARAGRAPH_GAP * below.size

    def _add(self, line: Line) -> None:
        text, self._last = line.text, line
        if ITEM.match(text):
            self._item_left = line.box.left
        new_line = self._kind is BlockKind.TABLE or (self._kind is BlockKind.LIST and bool(ITEM.match(text)))
        if not self._held or new_line:
            self._held.append(_BULLET.sub("- ", text))
        elif _CUT_WORD.search(self._held[-1]):
            word = self._held[-1][:-1]
            self._held[-1] = f"{word}{text}" if text[:1].islower() else f"{word}-{text}"
        else:
            self._held[-1] = f"{self._held[-1]} {text}"

    def _heading(self, line: Line) -> Iterator[Block]:
        """A heading, or more of the one right above it. One that has nothing below it when the next comes is text."""
        level = self._levels.index(round(line.size))
        last = self._last
        if (
            last is not None
            and self._headings
            and _stands_out(last, self._body)
            and last.size == line.size
            and self._follows(last, line)
        ):
            text = f"{self._headings.pop()[1]} {line.text}"
        else:
            text = line.text
            if self._headings and self._headings[-1][0] >= level:
                yield from self._bare_heading()
        self._headings = [each for each in self._headings if each[0] < level] + [(level, text)]
        self._last = self._bare = line

    def _bare_heading(self) -> Iterator[Block]:
        if self._bare is not None:
            *above, (_, text) = self._headings
            path = tuple(each for _, each in above)
            yield Block(kind=BlockKind.PARAGRAPH, text=text, heading_path=path, anchor=f"page={self._bare.page}")
            self._bare = None

    def _path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._headings)

    def _flushed(self) -> Iterator[Block]:
        text, self._held = "\n".join(self._held), []
        if text.strip():
            self._bare = None
            yield Block(kind=self._kind, text=text, heading_path=self._path(), anchor=f"page={self._page}")


def _runs_on(before: str, after: str) -> bool:
    """Whether a sentence goes on at the top of a column or page."""
    return (
        after[:1].islower()
        or bool(_CUT_WORD.search(before))
        or (before[-1:] not in ".!?:;" and len(before.split()) > 4)
    )
