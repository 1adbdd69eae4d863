"""Paths and uploads → sources: whatever they are made of, each document in them, and a Problem for what is refused."""

import gzip
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, cast
from urllib.parse import quote

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Audience, Problem
from ingest.sources.archive import Member, is_archive, members
from ingest.sources.folder import files, refuse_escape
from ingest.sources.kinds import MAILBOX_SUFFIX, ROW_SUFFIXES, holds_many, media_type, named_in_problem
from ingest.sources.mailbox import BEGINS, messages
from ingest.sources.rows import rows
from ingest.sources.source import MAX_FILE_BYTES, Source, clean


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
    for file in files(path) if path.is_dir() else [path]:
        if isinstance(file, Problem):
            yield file
        else:
            name = file.relative_to(root).as_posix()
            yield from _file(file, name, root, f"{base_url.rstrip('/')}/" if base_url else "")


def count(path: Path) -> int:
    """How many documents ``load`` will come to, for a progress bar. Archives count as one."""
    if path.is_dir():
        return sum(count(file) for file in files(path) if isinstance(file, Path))
    name = path.name.lower()
    if not holds_many(name) or is_archive(name):
        return 1
    try:
        with path.open("rb") as file:
            lines = _lines(file, name)
            each = iter(lambda: lines.readline(MAX_FILE_BYTES), b"")
            return sum(1 for line in each if not name.endswith(MAILBOX_SUFFIX) or line.startswith(BEGINS))
    except (OSError, EOFError, zlib.error):
        return 1


def root_key(path: Path) -> str:
    """The beginning of the keys of all documents at or below ``path``."""
    path = path.resolve()
    return f"{path.as_uri()}/" if path.is_dir() else path.as_uri() + "#" * holds_many(path.name)


def source_from_upload(name: str, data: bytes, url: str, audience: Audience) -> Source:
    """A source from bytes that came over the network. Raises UnreadableDocument as files do.

    An internal document and a public one of the same name are two: neither replaces the other.
    """
    key = upload_key(name, audience)
    return _source(_last_part(name), BytesIO(data), key, url)


def load_upload(name: str, data: bytes, url: str, audience: Audience) -> Iterator[Source | Problem]:
    """The documents of a file that came over the network: one, or those within it, whose keys begin with its own and ``#``.

    The files of an archive are below ``url`` for a reader. Raises UnreadableDocument when nothing of it can be read.
    """
    yield from _documents(_last_part(name), BytesIO(data), upload_key(name, audience), url)


def upload_key(name: str, audience: Audience) -> str:
    """The key of an uploaded file. Raises UnreadableDocument when it has no name."""
    shown = _last_part(name)
    if not shown or shown in {".", ".."}:
        raise UnreadableDocument("the document has no file name", fix="Send a name such as returns.html.")
    return f"{'upload' if audience is Audience.PUBLIC else 'upload-internal'}:{quote(clean(shown))}"


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].strip()


def _file(file: Path, name: str, root: Path, base: str) -> Iterator[Source | Problem]:
    key = file.as_uri()
    try:
        refuse_escape(file, root)
        with file.open("rb") as stream:
            yield from _documents(name, stream, key, f"{base}{quote(name)}" if base else "")
    except UnreadableDocument as error:
        yield Problem(name=name, reason=str(error), fix=error.fix, **named_in_problem(key))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Problem(name=name, reason=reason, fix="Check its permissions.", **named_in_problem(key))


def _documents(name: str, stream: IO[bytes], key: str, url: str) -> Iterator[Source | Problem]:
    """What a file holds. Raises UnreadableDocument, or OSError, when that is nothing at all."""
    whole = f"{key}#"
    if is_archive(name):
        for member in members(stream, name, whole):
            yield from [member] if isinstance(member, Problem) else _member(name, member, whole, url)
    elif name.lower().endswith(ROW_SUFFIXES):
        yield from rows(_lines(stream, name), name, whole)
    elif name.lower().endswith(MAILBOX_SUFFIX):
        yield from messages(stream, name, whole)
    else:
        yield _source(name, stream, key, url)


def _member(archive: str, member: Member, whole: str, url: str) -> Iterator[Source | Problem]:
    name, path = f"{archive}/{member.name}", quote(member.name)
    key = f"{whole}{path}"
    try:
        yield from _documents(name, member.stream, key, f"{url.rstrip('/')}/{path}" if url else "")
    except UnreadableDocument as error:
        yield Problem(name=name, reason=str(error), fix=error.fix, **named_in_problem(key))
    except OSError as error:
        reason = f"cannot be unpacked: {error}"
        yield Problem(name=name, reason=reason, fix="Pack the archive again.", **named_in_problem(key))


def _source(name: str, stream: IO[bytes], key: str, url: str) -> Source:
    data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        most = f"{MAX_FILE_BYTES / 1e6:.0f} MB"
        raise UnreadableDocument(f"it is larger than the {most} a document may have", fix="Split it.")
    return Source(key, name, media_type(name, data), data, url or key)


def _lines(stream: IO[bytes], name: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if name.lower().endswith(".gz") else stream
