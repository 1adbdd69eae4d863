"""ZIP and TAR archives → members, one after another, in memory: nothing is unpacked to disk, so no name leads anywhere."""

import gzip
import io
import posixpath
import re
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO, NamedTuple, cast
from urllib.parse import quote

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import ARCHIVE_SUFFIXES, is_passed_over, named_in_problem
from ingest.sources.source import clean, moment

MAX_MEMBERS = 100_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
MAX_RATIO, RATIO_COUNTS_FROM = 200, 4 * 1024 * 1024
"""Text packs to a fifth, the dullest log to a fiftieth. What unpacks to more than this many times itself was made to."""
MAX_HEADER_BYTES = 1024 * 1024
"""Of what a TAR archive says of a member in a block of its own, such as a long name: tarfile reads it at once."""


class Member(NamedTuple):
    """A file in an archive. ``stream`` is good until the next is asked for, and raises OSError whatever is wrong."""

    name: str
    stream: io.BufferedReader
    modified: datetime | None


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def members(archive: IO[bytes], name: str, whole: str) -> Iterator[Member | Problem]:
    """Files in the order they stand, without hidden ones and pictures; a Problem for each that is refused.

    Keys begin with ``whole``, which ends in ``#``. Raises UnreadableDocument when nothing of it can be read.
    """
    seen = set[str]()
    suffix = name.lower()
    found = _zipped(archive) if suffix.endswith(".zip") else _tarred(archive, packed=not suffix.endswith(".tar"))
    try:
        for said, refused, stream, modified in found:
            member = said if _leads_out(said) else posixpath.normpath(clean(said))
            if not _leads_out(said) and is_passed_over(member):
                continue
            reason = refused or _refused(member, seen)
            seen.add(member)
            if reason or stream is None:
                known = named_in_problem(f"{whole}{quote(clean(member))}")
                yield Problem(name=f"{name}/{clean(member)}", reason=reason, fix=_FIX, **known)
            else:
                yield Member(member, stream, modified)
    except (MemoryError, GeneratorExit):
        raise
    except Exception as error:  # zipfile and tarfile pass on whatever the unpackers, struct or themselves raise.
        if not seen:
            raise UnreadableDocument("the archive is damaged", fix="Pack it again.") from error
        reason = f"cannot be unpacked further: {str(error) or type(error).__name__}"
        yield Problem(name=name, reason=reason, fix="Pack it again.", covers=whole)
    if not seen:
        yield Problem(name=name, reason="no document was found in it", fix="Check what it holds.", covers=whole)


_TOO_MUCH = f"it unpacks to more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB"
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_FIX = "Unpack it, and ingest the folder."
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_Found = Iterator[tuple[str, str, io.BufferedReader | None, datetime | None]]
"""Name, why it is refused, its content, and when that was changed."""


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(_DRIVE.match(name))


def _refused(name: str, seen: set[str]) -> str:
    if _leads_out(name):
        return "its name leads out of the archive"
    if is_archive(name):
        return "an archive within an archive is not read"
    return "it stands twice in the archive; the first was kept" if name in seen else ""


def _zipped(file: IO[bytes]) -> _Found:
    with zipfile.ZipFile(file) as archive:
        unpacked = 0
        for number, info in enumerate(archive.infolist()):
            _refuse_too_many(number)
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield info.filename, "it is encrypted", None, None
            elif _is_bomb(info.file_size, info.compress_size):
                times = info.file_size / max(info.compress_size, 1)
                yield info.filename, f"it unpacks to {times:,.0f} times its size", None, None
            else:
                unpacked += info.file_size
                if unpacked > MAX_UNPACKED_BYTES:  # Members may stand upon each other in the file.
                    raise OSError(_TOO_MUCH)
                try:
                    stream = archive.open(info)
                except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, OverflowError) as error:
                    yield info.filename, f"it cannot be unpacked: {error}", None, None
                    continue
                with stream:
                    yield info.filename, "", io.BufferedReader(_Unpacking(stream)), _zip_time(info.date_time)


def _tarred(file: IO[bytes], *, packed: bool) -> _Found:
    unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
    stream = io.BufferedReader(_Unpacking(unpacked, file if packed else None))
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_BoundedTarInfo) as archive:
        for number, info in enumerate(archive):
            _refuse_too_many(number)
            archive.members = []  # type: ignore[attr-defined]  # It would keep what it has said of all of them.
            if info.isfile() and (member := archive.extractfile(info)) is not None:
                yield info.name, "", io.BufferedReader(_Unpacking(member)), moment(info.mtime)
            elif info.islnk() or info.issym():
                yield info.name, "a link is not followed", None, None


def _zip_time(said: tuple[int, int, int, int, int, int]) -> datetime | None:
    """ZIP knows local times only; the first it can tell stands for none."""
    try:
        return datetime(*said, tzinfo=UTC) if said[0] > 1980 else None
    except ValueError:
        return None


class _BoundedTarInfo(tarfile.TarInfo):
    """Refuses long names and other extensions that are longer than anybody needs, before they are read."""

    def _proc_member(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENSIONS and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError("a name in it is too long")
        return super()._proc_member(tarfile_)  # type: ignore[misc, no-any-return]


def _refuse_too_many(number: int) -> None:
    if number >= MAX_MEMBERS:
        raise OSError(f"it holds more than {MAX_MEMBERS:,} files")


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
        except (MemoryError, OSError):
            raise
        except Exception as error:  # Each way of packing has failures of its own.
            raise OSError(str(error) or type(error).__name__) from error
        self._given += len(data)
        if self._given > MAX_UNPACKED_BYTES:
            raise OSError(_TOO_MUCH)
        if self._packed is not None and _is_bomb(self._given, self._packed.tell()):
            raise OSError(f"it unpacks to more than {MAX_RATIO} times its size")
        buffer[: len(data)] = data
        return len(data)
