"""Pictures of text → pages, by RapidOCR, where the extra ``ocr`` is installed. Its models come with it: nothing is fetched."""

import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block
from ingest.formats.encoding import clean
from ingest.formats.pdf.blocks import read_layout
from ingest.formats.pdf.page import Box, PageContent, Run

DPI = 200
"""At which scans are looked at; letters of 8 points are 22 pixels high then."""
PAGE_WIDTH = 595.0
"""Points that a picture is taken to be wide, whatever its pixels."""
MAX_PIXELS = 60_000_000
MAX_PICTURES = 200
"""In one file, such as a fax in TIFF."""
USUAL_WIDTH, MOST_ENLARGED, MAX_ENLARGED_PIXELS = 1_650, 2.0, 4_000_000
"""Pixels that a page is wide at ``DPI``; a smaller picture is enlarged, up to so many times: at 150 DPI a line in twenty is misread."""
TALLEST, OVERLAP = 3_000, 120
"""Pixels of a piece that is looked at in one go, and those that it shares with the next: more than a line is high."""
ALIKE = 0.2
"""Lines whose letters are at most this share wider than usual are of the usual size."""
MIN_CHARS = 5
"""A shorter line does not tell how wide its letters are."""
NARROW, WIDE = frozenset(" iljtfI.,:;'|!()[]-1"), frozenset("mwMW@%")
LETTER_SHARE = 0.75
"""Of a line's height."""


def can_recognize() -> bool:
    return find_spec("rapidocr") is not None


def where_no_text() -> str:
    """What to do about a document in which no text was found."""
    if can_recognize():
        return "Check what it shows."
    return "If it is a picture or a scan, install Deskhand with its extra `ocr`, which recognizes text."


def parse_pictures(data: bytes) -> tuple[str, list[Block]]:
    """Blocks of a picture's text. Raises UnreadableDocument when it is damaged, too large, or nothing can read it."""
    if not can_recognize():
        raise UnreadableDocument("text in pictures is not recognized", fix=where_no_text())
    return "", read_layout([recognized(picture, number) for number, picture in enumerate(_pictures(data), start=1)])


def recognized(picture: Image.Image, number: int) -> PageContent:
    """A page as it would be if its text were text. Needs the extra."""
    if picture.width < USUAL_WIDTH and picture.width * picture.height <= MAX_ENLARGED_PIXELS:
        times = min(USUAL_WIDTH / picture.width, MOST_ENLARGED)
        picture = picture.resize((round(picture.width * times), round(picture.height * times)))
    scale = PAGE_WIDTH / picture.width
    lines = [(Box(*(edge * scale for edge in box)), text) for box, text in _lines(_on_white(picture))]
    sizes = _sizes(lines)
    runs = [Run(box, text, size, bold=False) for (box, text), size in zip(lines, sizes, strict=True)]
    return PageContent(number, PAGE_WIDTH, picture.height * scale, runs, [])


def _lines(picture: Image.Image) -> Iterator[tuple[Box, str]]:
    """Each line of text, where it stands in pixels. A tall picture is looked at piece by piece."""
    for top in range(0, max(picture.height - OVERLAP, 1), TALLEST - OVERLAP):
        piece = picture.crop((0, top, picture.width, min(top + TALLEST, picture.height)))
        found = _engine()(np.asarray(piece))
        first = OVERLAP / 2 if top else 0.0
        past = piece.height - (OVERLAP / 2 if top + piece.height < picture.height else 0)
        for corners, text in zip([] if found.boxes is None else found.boxes.tolist(), found.txts or (), strict=True):
            left, above, right, below = _around(corners)
            if text.strip() and first <= (above + below) / 2 < past:
                yield Box(left, top + above, right, top + below), clean(text)


def _on_white(picture: Image.Image) -> Image.Image:
    """In colours of 8 bits, as it looks on paper."""
    if picture.mode.startswith("I"):  # Grey of 16 bits, of which Pillow would cut off what is above 255.
        picture = picture.point(lambda value: value / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")


def _around(corners: list[list[float]]) -> Box:
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return Box(min(across), min(down), max(across), max(down))


def _sizes(lines: list[tuple[Box, str]]) -> list[float]:
    """The size of each line's font, in points. How wide its letters are tells more than how high its box is."""
    if not lines:
        return []
    usual = LETTER_SHARE * median(box.bottom - box.top for box, _ in lines)
    widths = [(box.right - box.left) / _letters(text) if len(text) >= MIN_CHARS else 0.0 for box, text in lines]
    usual_width = median([width for width in widths if width] or [1.0])
    return [usual * width / usual_width if width > (1 + ALIKE) * usual_width else usual for width in widths]


def _letters(text: str) -> float:
    """How many letters of usual width ``text`` is as wide as."""
    return sum(0.5 if char in NARROW else 1.4 if char in WIDE else 1.2 if char.isupper() else 1.0 for char in text)


def _pictures(data: bytes) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data)) as image:
            count = getattr(image, "n_frames", 1)
            if count > MAX_PICTURES:
                raise UnreadableDocument(f"it holds {count} pictures, more than {MAX_PICTURES}", fix="Split it.")
            for frame in ImageSequence.Iterator(image):
                if frame.width * frame.height > MAX_PIXELS:
                    raise _too_large()
                yield ImageOps.exif_transpose(frame)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, ValueError, SyntaxError) as error:  # What Pillow raises for damage.
        raise UnreadableDocument("the picture is damaged", fix="Save it again.") from error


def _too_large() -> UnreadableDocument:
    return UnreadableDocument(f"more than {MAX_PIXELS / 1e6:.0f} million pixels are too many", fix="Save it smaller.")


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.max_side_len": TALLEST,  # Its own limit makes a page at ``DPI`` smaller than it has to be.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        }
    )
