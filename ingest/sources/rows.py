"""JSON lines → sources: ``{"_id", "title"?, "text", "url"?, "updated_at"?}`` a line."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import IO, cast
from urllib.parse import quote

from assistant.kernel.knowledge import Problem
from ingest.sources.source import MAX_FILE_BYTES, MAX_TABLE_BYTES, Source, clean, moment

_FORM = 'Write lines like {"_id": "1", "text": "…"}.'


def rows(file: IO[bytes], name: str, whole: str) -> Iterator[Source | Problem]:
    """The documents of a file's lines. Their keys begin with ``whole``, which ends in ``#``."""
    number, seen = 0, set[str]()
    try:
        for number, line in enumerate(lines(file, name), start=1):
            if line.strip():
                yield _row(line, f"{name}:{number}", whole, seen)
    except (OSError, EOFError, zlib.error) as error:
        reason, fix = f"cannot be read further: {error}", "Save it again, or split it."
        yield Problem(name=f"{name}:{number + 1}", reason=reason, fix=fix, covers=whole)
    if not seen:
        yield Problem(name=name, reason="no document was found in it", fix=_FORM, covers=whole)


def lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of a file, unpacked if its ``name`` ends in ``.gz``. Raises OSError when it is larger than is sound."""
    unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if name.lower().endswith(".gz") else file
    read = 0
    for line in iter(lambda: unpacked.readline(MAX_FILE_BYTES), b""):
        read += len(line)
        if read > MAX_TABLE_BYTES or len(line) == MAX_FILE_BYTES:
            raise OSError("the file is too large")
        yield line


def _row(line: bytes, place: str, whole: str, seen: set[str]) -> Source | Problem:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Problem(name=place, reason=f"not JSON: {error}", fix="Write one object a line.", covers=whole)
    if not isinstance(row, dict) or not isinstance(row.get("_id"), (str, int)) or not isinstance(row.get("text"), str):
        return Problem(name=place, reason='no "_id" and "text"', fix=_FORM, covers=whole)
    row_id = clean(str(row["_id"]))
    key = f"{whole}{quote(row_id)}"
    if row_id in seen:
        reason = f"the _id {row_id!r} stands twice; the first was kept"
        return Problem(name=place, reason=reason, fix="Make ids unique.", key=key)
    seen.add(row_id)
    if not row["text"].strip():
        return Problem(name=place, reason=f"document {row_id!r} has no text", fix="Delete the row.", key=key)
    title = clean(row["title"]) if isinstance(row.get("title"), str) else ""
    url = clean(row["url"]) if isinstance(row.get("url"), str) else key
    changed = moment(row.get("updated_at"))
    return Source(key, place, "text/plain", row["text"].encode("utf-8", "replace"), url, title, changed)
