"""Text in pictures and scans is recognized where the extra is installed; without it, that is said."""

import re
import struct
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import BlockKind, ParsedDocument
from ingest.bounded import BoundedParser
from ingest.formats import pictures
from ingest.parse import parse
from tests.conftest import HELP_CENTRE
from tests.ingest.uploads import uploaded

WARRANTY = HELP_CENTRE / "warranty-terms.pdf"


@pytest.fixture(scope="module")
def scan() -> Image.Image:
    """The first page of the warranty, as a scanner gives it."""
    with pypdfium2.PdfDocument(WARRANTY) as document:
        picture: Image.Image = document[0].render(scale=150 / 72).to_pil()
        return picture.convert("L")


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def check(document: ParsedDocument) -> None:
    text = "\n".join(block.text for block in document.blocks)
    assert "Faults in material and workmanship in normal household use" in text
    assert "given by Fernhill Coffee Ltd in addition to your statutory rights" in text
    assert re.search(r"Fernhill Duo \| (Warranty: )?36 months", text)
    assert "Page 1" not in text
    assert any("covered" in heading for block in document.blocks for heading in block.heading_path)
    assert any(block.kind is BlockKind.LIST for block in document.blocks)


@pytest.mark.parametrize(("name", "kind"), [("scan.png", "PNG"), ("scan.jpg", "JPEG"), ("scan.pdf", "PDF")])
def test_a_scan_is_read_with_its_headings_lists_and_tables(scan: Image.Image, name: str, kind: str) -> None:
    check(parse(uploaded(name, saved(scan, kind))))


def test_a_fax_of_several_pages_is_read_in_the_bounded_child(scan: Image.Image) -> None:
    parser = BoundedParser(timeout_s=120, memory_mb=1_500)
    try:
        fax = saved(scan, "TIFF", save_all=True, append_images=[scan], compression="tiff_lzw")
        document = parser(uploaded("fax.tiff", fax))
    finally:
        parser.close()
    check(document)
    assert sum("36 months" in block.text for block in document.blocks) == 2


def test_a_picture_is_read_as_it_looks_on_paper(scan: Image.Image) -> None:
    transparent = Image.new("RGBA", scan.size, (0, 0, 0, 0))
    transparent.paste((0, 0, 0, 255), mask=scan.point(lambda value: 255 - value))
    check(parse(uploaded("transparent.png", saved(transparent, "PNG"))))
    deep = Image.fromarray(np.asarray(scan).astype(np.uint16) * 257)
    check(parse(uploaded("deep.png", saved(deep, "PNG"))))


def test_a_tall_screenshot_is_read_line_by_line(scan: Image.Image) -> None:
    tall = Image.new("L", (scan.width, 4 * scan.height), 255)
    for number in range(4):
        tall.paste(scan, (0, number * scan.height))
    document = parse(uploaded("tall.png", saved(tall, "PNG")))
    text = "\n".join(block.text for block in document.blocks)
    assert text.count("Faults in material and workmanship in normal household use") == 4


def test_a_scan_with_a_stamp_is_recognized_and_a_book_of_scans_refused(
    scan: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = BytesIO()
    canvas = Canvas(file, pagesize=(scan.width, scan.height))
    for _ in range(2):
        canvas.drawImage(ImageReader(scan), 0, 0)
        canvas.drawString(40, 8, "Scanned with a telephone")
        canvas.showPage()
    canvas.save()
    check(parse(uploaded("stamped.pdf", file.getvalue())))
    monkeypatch.setattr("ingest.formats.pdf.document.MAX_SCANNED", 1)
    with pytest.raises(UnreadableDocument, match="2 scanned pages"):
        parse(uploaded("book.pdf", file.getvalue()))


def test_a_page_with_text_of_its_own_is_not_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.formats.pdf.document.recognized", lambda *_: pytest.fail("it was looked at"))
    check(parse(uploaded("warranty.pdf", WARRANTY.read_bytes())))


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    pictures._engine.cache_clear()
    yield
    pictures._engine.cache_clear()


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.parametrize(("name", "kind"), [("scan.png", "PNG"), ("scan.pdf", "PDF")])
def test_without_the_extra_it_is_named(scan: Image.Image, name: str, kind: str) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        parse(uploaded(name, saved(scan, kind)))
    assert "extra `ocr`" in refusal.value.fix


def vast_png(width: int, height: int) -> bytes:
    """A picture of very many pixels, in some bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1_000)), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (vast_png(50_000, 40_000), "too many"),
        (vast_png(10_000, 10_000), "too many"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "damaged"),
        (saved(Image.new("L", (400, 400), 255), "PNG"), "no text"),
        (saved(Image.new("L", (3, 3), 255), "PNG"), "no text"),
    ],
)
def test_what_is_no_readable_picture_is_refused_by_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(uploaded("picture.png", data))


def test_a_picture_under_a_wrong_name_is_refused(scan: Image.Image) -> None:
    with pytest.raises(UnreadableDocument, match="holds image/jpeg"):
        uploaded("scan.png", saved(scan, "JPEG"))


def test_half_a_picture_is_refused(scan: Image.Image) -> None:
    data = saved(scan, "JPEG")
    with pytest.raises(UnreadableDocument, match="damaged"):
        parse(uploaded("scan.jpg", data[: len(data) // 2]))
