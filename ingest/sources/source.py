"""One document's bytes on their way in, and the bounds that all ways in keep."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TABLE_BYTES = 512 * 1024 * 1024
"""Of a file that holds many documents and is read piece by piece, unpacked."""


_CLOCKS_DIFFER = timedelta(days=1)


class Source(NamedTuple):
    """One document's bytes. ``title`` is empty unless the source names one apart from the content; ``modified`` is when it
    says that was last changed.
    """

    key: str
    name: str
    media_type: str
    data: bytes
    url: str
    title: str = ""
    modified: datetime | None = None


def clean(text: str) -> str:
    """Text that every database takes: no null bytes, no halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def moment(said: object) -> datetime | None:
    """A point in time, in UTC, from an ISO 8601 text or seconds since 1970; None when it is neither, or to come."""
    try:
        if isinstance(said, str):
            return _past(datetime.fromisoformat(said.strip()))
        return _past(datetime.fromtimestamp(said, UTC)) if isinstance(said, (int, float)) else None
    except (ValueError, OverflowError, OSError):
        return None


def header_date(said: str) -> datetime | None:
    """The date of a mail's or a web server's header (RFC 5322, RFC 9110), in UTC; None when it is none, or to come."""
    try:
        return _past(parsedate_to_datetime(said))
    except (ValueError, TypeError, OverflowError):
        return None


def _past(found: datetime) -> datetime | None:
    """What claims to be from the future would be the newest of its versions for good. Raises OverflowError."""
    moment = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return moment if moment < datetime.now(UTC) + _CLOCKS_DIFFER else None
