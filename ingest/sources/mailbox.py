"""mbox → sources: the messages of a mailbox, by their Message-ID, or by their content where they have none."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import IO
from urllib.parse import quote

from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import MEDIA_TYPES
from ingest.sources.source import MAX_FILE_BYTES, MAX_TABLE_BYTES, Source, clean, header_date

BEGINS = b"From "
"""A line that begins so is the start of a message; one within a message is written ``>From ``."""


def messages(lines: IO[bytes], name: str, whole: str) -> Iterator[Source | Problem]:
    """The messages of a file's ``lines``. Their keys begin with ``whole``, which ends in ``#``."""
    read, seen = 0, set[str]()
    for number, data in enumerate(_split(lines), start=1):
        read += len(data)
        place = f"{name}:{number}"
        if read > MAX_TABLE_BYTES or len(data) > MAX_FILE_BYTES:
            reason = "the mailbox is too large; the rest was left out"
            yield Problem(name=place, reason=reason, fix="Split it.", covers=whole)
            return
        header = _header(data)
        message_id = clean(str(header["Message-ID"] or "")).strip() or hashlib.sha256(data).hexdigest()
        key = f"{whole}{quote(message_id)}"
        if message_id in seen:
            yield Problem(name=place, reason=f"the message {message_id!r} stands twice; the first was kept", key=key)
            continue
        seen.add(message_id)
        yield Source(key, place, MEDIA_TYPES[".eml"], data, key, modified=date_of(data))
    if not seen:
        reason = "no message was found in it"
        yield Problem(name=name, reason=reason, fix="Export the mailbox in mbox format.", covers=whole)


def date_of(message: bytes) -> datetime | None:
    """When a message says that it was sent."""
    return header_date(str(_header(message)["Date"]))


def _header(message: bytes) -> "Message[str, str]":
    return BytesParser(policy=compat32).parsebytes(message, headersonly=True)


def _split(lines: IO[bytes]) -> Iterator[bytes]:
    held: list[bytes] | None = None
    size = 0
    for line in iter(lambda: lines.readline(MAX_FILE_BYTES), b""):
        if line.startswith(BEGINS):
            if held:
                yield b"".join(held)
            held, size = [], 0
        elif held is not None and size <= MAX_FILE_BYTES:
            held.append(line.removeprefix(b">") if line.startswith(b">From ") else line)
            size += len(line)
    if held:
        yield b"".join(held)
