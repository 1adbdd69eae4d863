"""Pictures of text → pages, by RapidOCR, where the extra ``ocr`` is installed. Its models come with it: nothing is fetched."""

import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from statistics import median
from typing import Any

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
ALIKE = 0.2
"""Lines whose letters are at most this share wider than usual are of the usual size."""
MIN_CHARS = 5
"""A shorter line does not tell how wide its letters are."""
NARROW, WIDE = frozenset(" iljtfI.,:;'|!()[]-1"), frozenset("mwMW@%")
LETTER_SHARE = 0.75
"""Of a line's height."""


def can_recognize() -> bool:
    return _engine() is not None


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


def recognized(picture: Any, number: int) -> PageContent:
    """A page as it would be if its text were text. ``picture`` is one of Pillow's; there is an engine."""
    import numpy as np

    engine = _engine()
    assert engine is not None
    if picture.width < USUAL_WIDTH and picture.width * picture.height <= MAX_ENLARGED_PIXELS:
        times = min(USUAL_WIDTH / picture.width, MOST_ENLARGED)
        picture = picture.resize((round(picture.width * times), round(picture.height * times)))
    found = engine(np.asarray(picture.convert("RGB")))
    scale = PAGE_WIDTH / picture.width
    lines = [
        (Box(*(edge * scale for edge in _around(corners))), clean(text))
        for corners, text in zip([] if found.boxes is None else found.boxes.tolist(), found.txts or (), strict=True)
        if text.strip()
    ]
    sizes = _sizes(lines)
    runs = [Run(box, text, size, bold=False) for (box, text), size in zip(lines, sizes, strict=True)]
    return PageContent(number, PAGE_WIDTH, picture.height * scale, runs, [])


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


def _pictures(data: bytes) -> Iterator[Any]:
    from PIL import Image, ImageOps, ImageSequence

    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number == MAX_PICTURES:
                    raise UnreadableDocument(f"it holds more than {MAX_PICTURES} pictures", fix="Split it.")
                if frame.width * frame.height > MAX_PIXELS:
                    size = f"{frame.width * frame.height / 1e6:.0f} million pixels"
                    raise UnreadableDocument(f"{size} are too many", fix="Save it smaller.")
                yield ImageOps.exif_transpose(frame)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # What Pillow raises for damage.
        raise UnreadableDocument("the picture is damaged", fix="Save it again.") from error


@cache
def _engine() -> Any | None:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        return None
    return RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1})
