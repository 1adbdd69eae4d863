"""Source → ParsedDocument: text in blocks below their headings, whatever the format was.

Markdown, reStructuredText and DOCX are turned into HTML first, so that headings, lists, tables and code are read in one place.
"""

import hashlib
import re
import warnings
from collections.abc import Callable
from io import BytesIO

import mammoth
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block, BlockKind, ParsedDocument
from assistant.text.language import identify_language
from assistant.text.wrapped import unwrap
from ingest.formats.encoding import clean, decode
from ingest.formats.mail import parse_mail
from ingest.formats.markup import markup_to_html
from ingest.formats.pdf.document import parse_pdf
from ingest.formats.pictures import parse_pictures, where_no_text
from ingest.formats.rst import rst_to_html
from ingest.formats.slides import parse_pptx
from ingest.formats.tables import parse_csv, parse_xlsx
from ingest.html import parse_html
from ingest.sources.kinds import MEDIA_TYPES, PICTURE_TYPES
from ingest.sources.source import Source

MAX_CHARS = 20_000_000
MAX_HEADING_CHARS = 300
"""Of a title or heading. They stand above each of their blocks, so a long one would be there a thousand times."""


def parse(source: Source) -> ParsedDocument:
    """Read one document. Raises UnreadableDocument with the reason when nothing can be read."""
    title, found = _PARSERS[source.media_type](source)
    blocks = [_tidy(block) for block in found]
    size = sum(len(block.text) + sum(map(len, block.heading_path)) for block in blocks)
    if size == 0:
        pictured = source.media_type in {*PICTURE_TYPES, "application/pdf"}
        raise UnreadableDocument("no text was found in it", fix=where_no_text() if pictured else "Check what it shows.")
    if size > MAX_CHARS:
        raise UnreadableDocument(f"{size / 1e6:.0f} million characters are too many for one document", fix="Split it.")
    sample = " ".join(block.text for block in blocks[:40])
    return ParsedDocument(
        key=source.key,
        title=(source.title or clean(title) or _title_from_name(source.name))[:MAX_HEADING_CHARS],
        url=source.url,
        media_type=source.media_type,
        sha256=hashlib.sha256(source.data).hexdigest(),
        language=identify_language(sample),
        blocks=tuple(blocks),
        modified=source.modified,
    )


def _tidy(block: Block) -> Block:
    """``block`` with short headings, and without what nobody sees: parsers make characters of HTML's ``&#8203;`` and the like."""
    headings = tuple(clean(each)[:MAX_HEADING_CHARS] for each in block.heading_path)
    return block.model_copy(update={"text": clean(block.text), "heading_path": headings})


def _html(source: Source) -> tuple[str, list[Block]]:
    return parse_html(decode(source.data))


def _markdown(source: Source) -> tuple[str, list[Block]]:
    text = decode(source.data)
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").use(front_matter_plugin)
    front = next((token.content for token in renderer.parse(text) if token.type == "front_matter"), "")
    named = re.search(r"^title:\s*[\"']?(.+?)[\"']?\s*$", front, re.MULTILINE)
    title, blocks = parse_html(renderer.render(text))
    return (named.group(1) if named else title), blocks


def _plain(source: Source) -> tuple[str, list[Block]]:
    """Paragraphs at blank lines. In row documents the first line often repeats the title; it stays."""
    text = decode(source.data)
    blocks = _paragraphs(text)
    first = text.strip().splitlines()[0].strip() if text.strip() else ""
    return (first if 0 < len(first) <= 100 and len(blocks) > 1 else ""), blocks


def _paragraphs(text: str) -> list[Block]:
    parts = (unwrap(part) for part in re.split(r"\n\s*\n", text))
    return [Block(kind=BlockKind.PARAGRAPH, text=part) for part in parts if part]


def _rst(source: Source) -> tuple[str, list[Block]]:
    return parse_html(rst_to_html(decode(source.data)))


def _mail(source: Source) -> tuple[str, list[Block]]:
    return parse_mail(source.data, decode, _paragraphs)


def _docx(source: Source) -> tuple[str, list[Block]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            html = mammoth.convert_to_html(BytesIO(source.data), convert_image=lambda _: []).value
    except MemoryError:
        raise
    except Exception as error:  # mammoth passes on whatever zipfile, the XML parser or itself raises.
        raise UnreadableDocument(f"it is damaged ({type(error).__name__})", fix="Save it again.") from error
    return parse_html(html)


def _title_from_name(name: str) -> str:
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return re.sub(r"[-_]+", " ", stem).strip().capitalize()


_PARSERS: dict[str, Callable[[Source], tuple[str, list[Block]]]] = {
    "text/html": _html,
    "text/markdown": _markdown,
    "text/plain": _plain,
    "text/x-rst": _rst,
    "text/csv": lambda source: parse_csv(decode(source.data)),
    "message/rfc822": _mail,
    "application/xml": lambda source: parse_html(markup_to_html(source.data)),
    "application/pdf": lambda source: parse_pdf(source.data),
    **dict.fromkeys(PICTURE_TYPES, lambda source: parse_pictures(source.data)),
    MEDIA_TYPES[".docx"]: _docx,
    MEDIA_TYPES[".xlsx"]: lambda source: parse_xlsx(source.data),
    MEDIA_TYPES[".pptx"]: lambda source: parse_pptx(source.data),
}
