"""EML → title and blocks: the subject, and what the sender wrote, without what was quoted."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block, BlockKind
from ingest.html import parse_html

Decode = Callable[[bytes], str]
Plain = Callable[[str], list[Block]]


def parse_mail(data: bytes, decode: Decode, plain: Plain) -> tuple[str, list[Block]]:
    """``decode`` reads text of an unknown or wrongly named encoding, ``plain`` makes blocks of plain text.

    Raises UnreadableDocument when there is no text in it.
    """
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    try:
        body = message.get_body(("plain", "html"))
        subject = " ".join(str(message["subject"] or "").split())
        names = [name for part in message.iter_attachments() if (name := part.get_filename())]
    except (AttributeError, KeyError, LookupError, ValueError, TypeError) as error:  # Headers that break the parser.
        raise UnreadableDocument(f"its headers are damaged ({type(error).__name__})", fix="Export it again.") from error
    payload = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(payload, bytes):
        raise UnreadableDocument("no text was found in the message", fix="Export its attachments apart.")
    text = _decoded(payload, body.get_content_charset(), decode)
    blocks = parse_html(text)[1] if body.get_content_type() == "text/html" else plain(_own_words(text))
    if names:
        blocks.append(Block(kind=BlockKind.PARAGRAPH, text=f"Attachments: {', '.join(names)}"))
    return subject, blocks


def _decoded(payload: bytes, charset: str | None, decode: Decode) -> str:
    try:
        return decode(payload.decode(charset).encode()) if charset else decode(payload)
    except (LookupError, UnicodeDecodeError):
        return decode(payload)


def _own_words(text: str) -> str:
    """Without lines that quote another message, and the line that introduces them."""
    lines = text.splitlines()
    kept = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if not line.startswith(">") and not (line.rstrip().endswith(":") and after.startswith(">"))
    ]
    return "\n".join(kept)
