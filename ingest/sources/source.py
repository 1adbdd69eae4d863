"""One document's bytes on their way in, and the bounds that all ways in keep."""

from typing import NamedTuple

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TABLE_BYTES = 512 * 1024 * 1024
"""Of a file that holds many documents and is read piece by piece, unpacked."""


class Source(NamedTuple):
    """One document's bytes. ``title`` is empty unless the source names one apart from the content."""

    key: str
    name: str
    media_type: str
    data: bytes
    url: str
    title: str = ""


def clean(text: str) -> str:
    """Text that every database takes: no null bytes, no halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
