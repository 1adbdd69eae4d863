"""ZIP and TAR archives → members, one after another, in memory: nothing is unpacked to disk, so no name leads anywhere."""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, NamedTuple, cast
from urllib.parse import quote

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import ARCHIVE_SUFFIXES, is_passed_over
from ingest.sources.source import clean

MAX_MEMBERS = 100_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
MAX_RATIO, RATIO_COUNTS_FROM = 200, 4 * 1024 * 1024
"""Text packs to a fifth, the dullest log to a fiftieth. What unpacks to more than this many times itself was made to."""
_BROKEN = (zlib.error, EOFError, zipfile.BadZipFile, tarfile.TarError, RuntimeError, NotImplementedError, ValueError)


class Member(NamedTuple):
    """A file in an archive. ``stream`` is good until the next is asked for, and raises OSError whatever is wrong."""

    name: str
    stream: io.BufferedReader


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def members(archive: IO[bytes], name: str, whole: str) -> Iterator[Member | Problem]:
    """Files in the order they stand, without hidden ones and pictures; a Problem for each that is refused.

    Keys begin with ``whole``, which ends in ``#``. Raises UnreadableDocument when nothing of it can be read.
    """
    seen = set[str]()
    found = _zipped(archive) if name.lower().endswith(".zip") else _tarred(archive, packed=not name.endswith(".tar"))
    try:
        for number, (member, refused, stream) in enumerate(found):
            if number >= MAX_MEMBERS:
                raise UnreadableDocument(f"it holds more than {MAX_MEMBERS:,} files", fix="Split it.")
            if not _leads_out(member) and is_passed_over(member):
                continue
            reason = refused or _refused(member, seen)
            seen.add(member)
            if reason or stream is None:
                yield Problem(
                    name=f"{name}/{clean(member)}", reason=reason, fix=_FIX, key=f"{whole}{quote(clean(member))}"
                )
            else:
                yield Member(clean(member), stream)
    except (*_BROKEN, OSError) as error:
        if not seen:
            raise UnreadableDocument("the archive is damaged", fix="Pack it again.") from error
        reason = f"cannot be unpacked further: {str(error) or type(error).__name__}"
        yield Problem(name=name, reason=reason, fix="Pack it again.", key=whole)
    if not seen:
        yield Problem(name=name, reason="no document was found in it", fix="Check what it holds.", key=whole)


_FIX = "Unpack it, and ingest the folder."
_Found = Iterator[tuple[str, str, io.BufferedReader | None]]
"""Name, why it is refused, and its content."""


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1])


def _refused(name: str, seen: set[str]) -> str:
    if _leads_out(name):
        return "its name leads out of the archive"
    if is_archive(name):
        return "an archive within an archive is not read"
    return "it stands twice in the archive; the first was kept" if name in seen else ""


def _zipped(file: IO[bytes]) -> _Found:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield info.filename, "it is encrypted", None
            elif _is_bomb(info.file_size, info.compress_size):
                times = info.file_size / max(info.compress_size, 1)
                yield info.filename, f"it unpacks to {times:,.0f} times its size", None
            else:
                with archive.open(info) as stream:
                    yield info.filename, "", io.BufferedReader(_Unpacking(stream))


def _tarred(file: IO[bytes], *, packed: bool) -> _Found:
    unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
    with tarfile.open(fileobj=io.BufferedReader(_Unpacking(unpacked, file if packed else None)), mode="r|") as archive:
        for info in archive:
            if info.isfile() and (stream := archive.extractfile(info)) is not None:
                yield info.name, "", io.BufferedReader(_Unpacking(stream))
            elif info.islnk() or info.issym():
                yield info.name, "a link is not followed", None


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > RATIO_COUNTS_FROM and unpacked > MAX_RATIO * packed


class _Unpacking(io.RawIOBase):
    """Reads from an unpacker, and no more than is sound. ``packed`` is what the unpacker reads from."""

    def __init__(self, stream: IO[bytes], packed: IO[bytes] | None = None) -> None:
        super().__init__()
        self._stream, self._packed, self._given = stream, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except _BROKEN as error:
            raise OSError(str(error) or type(error).__name__) from error
        self._given += len(data)
        if self._given > MAX_UNPACKED_BYTES:
            raise OSError(f"it unpacks to more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB")
        if self._packed is not None and _is_bomb(self._given, self._packed.tell()):
            raise OSError(f"it unpacks to more than {MAX_RATIO} times its size")
        buffer[: len(data)] = data
        return len(data)
