"""Bytes → text, in whatever encoding, without what hides or reorders text."""

import unicodedata

from charset_normalizer import from_bytes

from assistant.kernel.errors import UnreadableDocument
from assistant.text.safe_html import seen

SHORT_BYTES, FEW_FOREIGN = 2_000, 0.1


def decode(data: bytes) -> str:
    """Text from bytes in whatever encoding: byte-order mark, UTF-8, or the likeliest legacy one.

    Raises UnreadableDocument when no encoding makes text of it.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return clean(data.decode(encoding, "replace"))
    try:
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        legacy = _legacy_encoding(data[:500_000])
    if legacy is None:
        raise UnreadableDocument("its text encoding cannot be told", fix="Save it as UTF-8.")
    return clean(data.decode(legacy, "replace"))


def _legacy_encoding(data: bytes) -> str | None:
    """The likeliest encoding. In a short text a few bytes beyond ASCII are taken for Western European letters."""
    if len(data) < SHORT_BYTES and sum(byte >= 0x80 for byte in data) < FEW_FOREIGN * len(data):
        return "cp1252"
    best = from_bytes(data).best()
    return best.encoding if best is not None else None


def clean(text: str) -> str:
    """With one form for each letter (NFC), without null bytes and characters that hide or reorder text."""
    return seen(unicodedata.normalize("NFC", text.replace("\0", "")))
