"""Paths and uploads → sources: whatever they are made of, each document in them, and a Problem for what is refused."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import quote

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Audience, Problem
from ingest.sources.archive import Member, is_archive, members
from ingest.sources.folder import files, in_checkout, refuse_escape
from ingest.sources.kinds import MAILBOX_SUFFIX, MEDIA_TYPES, ROW_SUFFIXES, holds_many, media_type, named_in_problem
from ingest.sources.mailbox import BEGINS, date_of, messages
from ingest.sources.rows import lines, rows
from ingest.sources.source import MAX_FILE_BYTES, Source, clean, moment


def load(path: Path, base_url: str = "") -> Iterator[Source | Problem]:
    """Every document at or below ``path``, in a stable order; a Problem for each file that is refused.

    Keys are made from the resolved path, so that ``../docs`` and ``/srv/docs`` are the same documents. Readers are led
    to the file, or to the same place below ``base_url``. Hidden files, pictures and style sheets are passed over, and
    of a Git checkout what it does not track. Raises InputError when ``path`` is not there.
    """
    path = path.resolve()
    if not path.exists():
        raise InputError(f"there is nothing at {path}", fix="Check the path.", field="path")
    root = path if path.is_dir() else path.parent
    dated = not in_checkout(root)
    for file in files(path) if path.is_dir() else [path]:
        if isinstance(file, Problem):
            yield file
        else:
            name = file.relative_to(root).as_posix()
            base = f"{base_url.rstrip('/')}/" if base_url else ""
            yield from _or_problem(name, file.as_uri(), _file(file, name, root, base, dated=dated))


def count(path: Path) -> int:
    """How many documents ``load`` will come to, for a progress bar. Archives count as one."""
    if path.is_dir():
        return sum(count(file) for file in files(path) if isinstance(file, Path))
    name = path.name.lower()
    if not holds_many(name) or is_archive(name):
        return 1
    try:
        with path.open("rb") as file:
            each = lines(file, name)
            return sum(1 for line in each if not name.endswith(MAILBOX_SUFFIX) or line.startswith(BEGINS))
    except (OSError, EOFError, zlib.error):
        return 1


def root_key(path: Path) -> str:
    """The beginning of the keys of all documents at or below ``path``."""
    path = path.resolve()
    return f"{path.as_uri()}/" if path.is_dir() else path.as_uri() + "#" * holds_many(path.name)


def load_upload(name: str, data: bytes, url: str, audience: Audience) -> Iterator[Source | Problem]:
    """The documents of a file that came over the network: one, or those within it, whose keys begin with its own and ``#``.

    The files of an archive are below ``url`` for a reader. Raises UnreadableDocument when nothing of it can be read.
    """
    yield from _documents(_last_part(name), BytesIO(data), upload_key(name, audience), url)


def upload_key(name: str, audience: Audience) -> str:
    """The key of an uploaded file. Raises UnreadableDocument when it has no name.

    An internal document and a public one of the same name are two: neither replaces the other.
    """
    shown = _last_part(name)
    if not shown or shown in {".", ".."}:
        raise UnreadableDocument("the document has no file name", fix="Send a name such as returns.html.")
    return f"{'upload' if audience is Audience.PUBLIC else 'upload-internal'}:{quote(clean(shown))}"


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].strip()


def _file(file: Path, name: str, root: Path, base: str, *, dated: bool) -> Iterator[Source | Problem]:
    key = file.as_uri()
    refuse_escape(file, root)
    with file.open("rb") as stream:
        modified = moment(file.stat().st_mtime) if dated else None
        yield from _documents(name, stream, key, f"{base}{quote(name)}" if base else "", modified)


def _documents(
    name: str, stream: IO[bytes], key: str, url: str, modified: datetime | None = None
) -> Iterator[Source | Problem]:
    """What a file holds. Raises UnreadableDocument, or OSError, when that is nothing at all."""
    whole = f"{key}#"
    if is_archive(name):
        for member in members(stream, name, whole):
            yield from [member] if isinstance(member, Problem) else _member(name, member, whole, url)
    elif name.lower().endswith(ROW_SUFFIXES):
        yield from rows(stream, name, whole)
    elif name.lower().endswith(MAILBOX_SUFFIX):
        yield from messages(stream, name, whole)
    else:
        yield _source(name, stream, key, url, modified)


def _member(archive: str, member: Member, whole: str, url: str) -> Iterator[Source | Problem]:
    name, path = f"{archive}/{member.name}", quote(member.name)
    key = f"{whole}{path}"
    reader = f"{url.rstrip('/')}/{path}" if url else ""
    yield from _or_problem(name, key, _documents(name, member.stream, key, reader, member.modified))


def _or_problem(name: str, key: str, found: Iterator[Source | Problem]) -> Iterator[Source | Problem]:
    """What is ``found``, and what comes between as a Problem."""
    try:
        yield from found
    except UnreadableDocument as error:
        yield Problem(name=name, reason=str(error), fix=error.fix, **named_in_problem(key))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        fix = "Check its permissions." if error.strerror else "Pack the archive again."
        yield Problem(name=name, reason=reason, fix=fix, **named_in_problem(key))


def _source(name: str, stream: IO[bytes], key: str, url: str, modified: datetime | None) -> Source:
    data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        most = f"{MAX_FILE_BYTES / 1e6:.0f} MB"
        raise UnreadableDocument(f"it is larger than the {most} a document may have", fix="Split it.")
    kind = media_type(name, data)
    return Source(
        key, name, kind, data, url or key, modified=date_of(data) if kind == MEDIA_TYPES[".eml"] else modified
    )
