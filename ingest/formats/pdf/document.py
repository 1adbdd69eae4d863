"""PDF → title and blocks, by PDFium: where each run of text stands, how large it is, and what rules are drawn."""

import ctypes
import math
from collections.abc import Iterator, Sequence

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block
from ingest.formats.encoding import clean
from ingest.formats.pdf.blocks import read_layout
from ingest.formats.pdf.page import RULE, Box, PageContent, Run
from ingest.formats.pictures import DPI, can_recognize, recognized

MAX_PAGES = 2_000
MAX_SCANNED = 25
"""Pages without text, of which each takes three seconds (A4, one thread): as many as the usual time for a file allows."""
STAMP_CHARS = 60
"""So much text on a picture of a whole page is a stamp or a scanner's own mark."""
MOST_PIXELS = 2_400
"""Of the longer side of a scanned page: one that says it is a poster is a page whose scanner did not tell its size."""
MAX_RULES = 600
"""Of a page. A drawing has more than any table, and is none."""
_UNNAMED = {"", "untitled", "(anonymous)", "anonymous"}
_BOLD_WEIGHT = 600
_WHOLE_PAGE = 0.9
_SCANNED = 0.5


def parse_pdf(data: bytes) -> tuple[str, list[Block]]:
    """Raises UnreadableDocument when it is encrypted, damaged, or has too many pages."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableDocument("it is encrypted", fix="Save it without a password.") from error
        raise UnreadableDocument("it is damaged", fix="Save or export it again.") from error
    with document:
        if len(document) > MAX_PAGES:
            raise UnreadableDocument(f"{len(document)} pages are more than {MAX_PAGES}", fix="Split it.")
        title = clean(str(document.get_metadata_dict().get("Title") or "")).strip()
        pages = _recognized(document, [_page(document, number) for number in range(len(document))])
    blocks = read_layout(pages)
    if title.lower() in _UNNAMED and blocks:
        first = blocks[0]
        title = first.heading_path[0] if first.heading_path else first.text.splitlines()[0][:100]
    return title, blocks


def _recognized(document: pypdfium2.PdfDocument, pages: Sequence[PageContent | None]) -> list[PageContent]:
    """``pages`` with what pictures show where a page is None. Raises UnreadableDocument when it would take too long."""
    scans = sum(page is None for page in pages)
    if scans > MAX_SCANNED:
        raise UnreadableDocument(
            f"{scans} scanned pages are more than {MAX_SCANNED}",
            fix="Split it, or have its text recognized once and for all, as by ocrmypdf.",
        )
    return [
        recognized(_looked_at(document[number]), number + 1) if page is None else page
        for number, page in enumerate(pages)
    ]


def _looked_at(page: pypdfium2.PdfPage) -> Image.Image:
    picture: Image.Image = page.render(scale=min(DPI / 72, MOST_PIXELS / max(page.get_size()))).to_pil()
    return picture


def _page(document: pypdfium2.PdfDocument, number: int) -> PageContent | None:
    """A page's text; None where it is a picture whose text can be recognized."""
    page = document[number]
    width, height = page.get_size()
    text = page.get_textpage()
    runs = list(_runs(text, height))
    rules = list(_rules(page, width, height))
    text.close()
    stamped = sum(len(run.text) for run in runs) <= STAMP_CHARS
    scan = stamped and can_recognize() and _is_scan(page, width, height)
    page.close()
    if scan:
        return None
    return PageContent(number + 1, width, height, runs, rules if len(rules) <= MAX_RULES else [])


def _runs(text: pypdfium2.PdfTextPage, height: float) -> Iterator[Run]:
    for number in range(text.count_rects()):
        left, bottom, right, top = text.get_rect(number)
        words = clean(text.get_text_bounded(left, bottom, right, top)).replace("\r\n", " ").replace("\n", " ")
        if not words.strip():
            continue
        index = text.get_index(left + 0.5, (top + bottom) / 2, 2, 2)
        size, bold = (top - bottom, False) if index is None else _font(text, index)
        if index is not None:  # The height of the font's line, which does not depend on its letters.
            _, bottom, _, top = text.get_charbox(index, loose=True)
        yield Run(Box(left, height - top, right, height - bottom), words, size or 1.0, bold)


def _font(text: pypdfium2.PdfTextPage, index: int) -> tuple[float, bool]:
    """The font's size in points, as it is drawn, and whether it is bold."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    size = pdfium.FPDFText_GetFontSize(text, index) * (math.hypot(matrix.b, matrix.d) or 1.0)
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(text, index, name, 128, ctypes.c_int())
    bold = pdfium.FPDFText_GetFontWeight(text, index) >= _BOLD_WEIGHT or b"bold" in name.value.lower()
    return size, bold


def _is_scan(page: pypdfium2.PdfPage, width: float, height: float) -> bool:
    """Whether pictures cover most of a page."""
    bounds = [drawn.get_bounds() for drawn in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3)]
    covered: float = sum((right - left) * (top - bottom) for left, bottom, right, top in bounds)
    return covered > _SCANNED * width * height


def _rules(page: pypdfium2.PdfPage, width: float, height: float) -> Iterator[Box]:
    """Lines, and the edges of rectangles that are not the page itself."""
    for drawn in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=3):
        left, bottom, right, top = drawn.get_bounds()
        box = Box(left, height - top, right, height - bottom)
        if right - left <= RULE or top - bottom <= RULE:
            yield box
        elif right - left < _WHOLE_PAGE * width or top - bottom < _WHOLE_PAGE * height:
            yield box._replace(bottom=box.top)
            yield box._replace(top=box.bottom)
            yield box._replace(right=box.left)
            yield box._replace(left=box.right)
