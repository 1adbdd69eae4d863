"""PPTX → title and blocks: each slide below its title, with its tables and the speaker's notes."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pptx import Presentation

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block, BlockKind


def parse_pptx(data: bytes) -> tuple[str, list[Block]]:
    """Raises UnreadableDocument when the file is damaged."""
    try:
        show = Presentation(BytesIO(data))
        blocks = [block for number, slide in enumerate(show.slides, start=1) for block in _slide(number, slide)]
        return str(show.core_properties.title or "").strip(), blocks
    except MemoryError:
        raise
    except Exception as error:  # python-pptx passes on whatever zipfile, lxml or itself raises.
        raise UnreadableDocument(f"it is damaged ({type(error).__name__})", fix="Save it again.") from error


def _slide(number: int, slide: Any) -> Iterator[Block]:
    title = slide.shapes.title
    path = (" ".join(title.text_frame.text.split()),) if title is not None and title.text_frame.text.strip() else ()
    shapes = [shape for shape in _flat(slide.shapes) if title is None or shape.shape_id != title.shape_id]
    found = [part for shape in shapes if (part := _text(shape)) is not None]
    if slide.has_notes_slide:
        found.append((BlockKind.PARAGRAPH, slide.notes_slide.notes_text_frame.text))
    for kind, text in found:
        if text.strip():
            yield Block(kind=kind, text=text.strip(), heading_path=path, anchor=f"slide={number}")
    if path and not any(text.strip() for _, text in found):
        yield Block(kind=BlockKind.PARAGRAPH, text=path[0], anchor=f"slide={number}")


def _flat(shapes: Any) -> Iterator[Any]:
    """Shapes, and those within groups."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _flat(shape.shapes)
        else:
            yield shape


def _text(shape: Any) -> tuple[BlockKind, str] | None:
    if shape.has_table:
        rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows)
        return BlockKind.TABLE, "\n".join(" | ".join(row) for row in rows)
    if not shape.has_text_frame:
        return None
    lines = [(line.level, " ".join(line.text.split())) for line in shape.text_frame.paragraphs]
    lines = [(level, text) for level, text in lines if text]
    if len(lines) < 2:
        return BlockKind.PARAGRAPH, "".join(text for _, text in lines)
    return BlockKind.LIST, "\n".join(f"{'  ' * level}- {text}" for level, text in lines)
