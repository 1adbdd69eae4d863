"""CSV and XLSX → title and blocks: a line a row, each value with the heading of its column, so that a row says all by itself."""

import csv
import warnings
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO
from itertools import islice

import openpyxl

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block, BlockKind

MAX_ROWS = 200_000
_SNIFFED = 20_000
_DELIMITERS = ",;\t|"


def parse_csv(text: str) -> tuple[str, list[Block]]:
    """Raises UnreadableDocument when there are too many rows, or a field has no end."""
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:_SNIFFED], _DELIMITERS)
    except csv.Error:  # One column, or rows of different lengths.
        dialect = csv.excel
    try:
        return "", _blocks("", csv.reader(StringIO(text), dialect))
    except csv.Error as error:
        raise UnreadableDocument(f"it is no CSV table: {error}", fix="Export it again as CSV.") from error


def parse_xlsx(data: bytes) -> tuple[str, list[Block]]:
    """A heading a sheet. Raises UnreadableDocument when the workbook is damaged or has too many rows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
            title = str(book.properties.title or "").strip()
            return title, [block for sheet in book.worksheets for block in _blocks(sheet.title, _rows(sheet))]
    except (UnreadableDocument, MemoryError):
        raise
    except Exception as error:  # openpyxl passes on whatever zipfile, the XML parser or itself raises.
        raise UnreadableDocument(f"it is damaged ({type(error).__name__})", fix="Save it again.") from error


def table_block(rows: Sequence[Sequence[str]], heading_path: tuple[str, ...], anchor: str = "") -> Block:
    """A line a row, below the first row's headings. ``rows`` are at least one."""
    headings, *others = rows
    lines = [_line(headings, row) for row in others] or [" | ".join(filter(None, headings))]
    return Block(kind=BlockKind.TABLE, text="\n".join(lines), heading_path=heading_path, anchor=anchor)


def _rows(sheet: "openpyxl.worksheet._read_only.ReadOnlyWorksheet") -> Iterator[list[str]]:
    for row in sheet.iter_rows(values_only=True):
        yield ["" if value is None else str(value) for value in row]


def _blocks(heading: str, rows: Iterable[Sequence[str]]) -> list[Block]:
    """One block of a line a row, below the sheet's name."""
    cleaned = ([" ".join(cell.split()) for cell in row] for row in rows)
    filled = list(islice((row for row in cleaned if any(row)), MAX_ROWS + 1))
    if len(filled) > MAX_ROWS:
        raise UnreadableDocument(f"it has more than {MAX_ROWS:,} rows", fix="Split it.")
    return [table_block(filled, (heading,) if heading else ())] if filled else []


def _line(headings: Sequence[str], row: Sequence[str]) -> str:
    named = ((headings[column] if column < len(headings) else "", value) for column, value in enumerate(row))
    return " | ".join(f"{name}: {value}" if name else value for name, value in named if value)
