"""Paths → sources: walk folders, read files, tell by content what each is, refuse what cannot be read."""

import gzip
import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import BytesParser
from email.policy import compat32
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Audience, Problem

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_XML_BYTES = 12 * 1024 * 1024
"""Of an office file. A book of 1,000 pages has about 10 MB; what has more is a bomb or not for reading."""
MAX_TABLE_BYTES = 512 * 1024 * 1024
"""For JSON lines, which hold many documents and are read row by row."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES = {
    ".html": "text/html", ".htm": "text/html", ".xhtml": "text/html",
    ".md": "text/markdown", ".markdown": "text/markdown",
    ".txt": "text/plain", ".text": "text/plain",
    ".rst": "text/x-rst",
    ".csv": "text/csv", ".tsv": "text/csv",
    ".eml": "message/rfc822",
    ".pdf": "application/pdf",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
}  # fmt: skip
_ZIPPED = {"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx", "ppt/presentation.xml": ".pptx"}
"""What a ZIP archive is, by a file in it."""
ROW_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson")
MAILBOX_SUFFIX = ".mbox"
MANY_SUFFIXES = (*ROW_SUFFIXES, MAILBOX_SUFFIX)
"""Files that hold many documents."""
_IGNORED = {".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".woff", ".woff2", ".ttf", ".map", ".lock"}
_TEXT_TYPES = {"text/html", "text/markdown", "text/plain", "text/x-rst", "text/csv", "message/rfc822"}


class Source(NamedTuple):
    """One document's bytes. ``title`` is empty unless the source names one apart from the content."""

    key: str
    name: str
    media_type: str
    data: bytes
    url: str
    title: str = ""


def load(path: Path) -> Iterator[Source | Problem]:
    """Every document at or below ``path``, in a stable order; a Problem for each file that is refused.

    Keys are made from the resolved path, so that ``../docs`` and ``/srv/docs`` are the same documents.

    Hidden files, pictures and style sheets are passed over. Raises InputError when ``path`` is not there.
    """
    path = path.resolve()
    if not path.exists():
        raise InputError(f"there is nothing at {path}", fix="Check the path.", field="path")
    if path.is_file():
        yield from _read(path, path.parent)
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden and file.suffix.lower() not in _IGNORED:
            yield from _read(file, path)


def count(path: Path) -> int:
    """How many documents ``load`` will come to, for a progress bar: files, and lines of row files."""
    if path.is_dir():
        return sum(count(file) for file in path.rglob("*") if file.is_file() and file.suffix.lower() not in _IGNORED)
    if not path.name.lower().endswith(MANY_SUFFIXES):
        return 1
    try:
        with _open_rows(path) as lines:
            each = iter(lambda: lines.readline(MAX_FILE_BYTES), b"")
            mails = path.suffix.lower() == MAILBOX_SUFFIX
            return sum(1 for line in each if not mails or line.startswith(_MAIL_BEGINS))
    except (OSError, EOFError):
        return 1


def root_key(path: Path) -> str:
    """The beginning of the keys of all documents at or below ``path``."""
    path = path.resolve()
    if path.is_dir():
        return f"{path.as_uri()}/"
    return f"{path.as_uri()}#" if path.name.lower().endswith(MANY_SUFFIXES) else path.as_uri()


def source_from_upload(name: str, data: bytes, url: str, audience: Audience) -> Source:
    """A source from bytes that came over the network. Raises UnreadableDocument as files do.

    An internal document and a public one of the same name are two: neither replaces the other.
    """
    clean = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not clean or clean in {".", ".."}:
        raise UnreadableDocument("the document has no file name", fix="Send a name such as returns.html.")
    key = f"{'upload' if audience is Audience.PUBLIC else 'upload-internal'}:{quote(_clean(clean))}"
    return Source(key, clean, media_type(clean, data), data, url or key)


def _read(file: Path, root: Path) -> Iterator[Source | Problem]:
    name = str(file.relative_to(root))
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(root.resolve()):
            raise UnreadableDocument("a link that leads out of the folder", fix="Ingest its target itself.")
        if file.name.lower().endswith(ROW_SUFFIXES):
            yield from _rows(file, name)
            return
        if file.suffix.lower() == MAILBOX_SUFFIX:
            yield from _messages(file, name)
            return
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UnreadableDocument(f"{size / 1e6:.0f} MB is more than the {MAX_FILE_BYTES / 1e6:.0f} MB a document may have",
                                     fix="Split it.")  # fmt: skip
        data = file.read_bytes()
        yield Source(file.as_uri(), name, media_type(file.name, data), data, file.as_uri())
    except UnreadableDocument as error:
        yield Problem(name=name, reason=str(error), fix=error.fix, key=file.as_uri())
    except OSError as error:
        yield Problem(
            name=name, reason=f"cannot be read: {error.strerror}", fix="Check its permissions.", key=file.as_uri()
        )


def media_type(name: str, data: bytes) -> str:
    """The media type by suffix, checked against the content. Raises UnreadableDocument when they disagree."""
    if not data.strip():
        raise UnreadableDocument("the file is empty", fix="Delete it, or write something into it.")
    suffix = Path(name).suffix.lower()
    named = MEDIA_TYPES.get(suffix)
    if named is None:
        known = " ".join(sorted({*MEDIA_TYPES, *MANY_SUFFIXES}))
        raise UnreadableDocument(f"files of kind {suffix or '(no suffix)'} are not read", fix=f"Known are {known}.")
    found = _sniff(data)
    if found != named and not (found == "text/plain" and named in _TEXT_TYPES):
        raise UnreadableDocument(
            f"it is named {suffix}, but holds {found}", fix="Give it the suffix of what it is, or save it again."
        )
    return named


def _sniff(data: bytes) -> str:
    """What the first bytes say the content is."""
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise UnreadableDocument(
            "it is an encrypted document or one of Word before 2007", fix="Save it as .docx without a password."
        )
    if data.startswith(b"PK\x03\x04"):
        return _sniff_zip(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text/plain"
    if b"\0" in data[:65536]:
        return "binary data"
    return "text/plain"


def _sniff_zip(data: bytes) -> str:
    try:
        members = zipfile.ZipFile(BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise UnreadableDocument("the archive inside it is damaged", fix="Save the document again.") from error
    text = sum(member.file_size for member in members if member.filename.endswith((".xml", ".rels")))
    if text > MAX_XML_BYTES:
        raise UnreadableDocument(
            f"it unpacks to {text / 1e6:.0f} MB of text, more than {MAX_XML_BYTES / 1e6:.0f}", fix="Split it."
        )
    suffix = next((_ZIPPED[member.filename] for member in members if member.filename in _ZIPPED), None)
    return MEDIA_TYPES[suffix] if suffix else "a ZIP archive"


def _rows(file: Path, name: str) -> Iterator[Source | Problem]:
    """The documents of a JSON-lines file: ``{"_id", "title"?, "text", "url"?}`` each."""
    read, seen, whole = 0, set[str](), f"{file.as_uri()}#"
    with _open_rows(file) as lines:
        number = 0
        try:
            for number, line in enumerate(iter(lambda: lines.readline(MAX_FILE_BYTES), b""), start=1):
                read += len(line)
                if read > MAX_TABLE_BYTES or len(line) == MAX_FILE_BYTES:
                    yield Problem(
                        name=f"{name}:{number}",
                        reason="the file is too large; the rest was left out",
                        fix="Split it.",
                        key=whole,
                    )
                    return
                if line.strip():
                    yield _row(file, name, number, line, seen)
        except (OSError, EOFError) as error:
            yield Problem(
                name=f"{name}:{number + 1}",
                reason=f"cannot be unpacked further: {error}",
                fix="Save it again.",
                key=whole,
            )
    if not seen:
        yield Problem(
            name=name,
            reason="no document was found in it",
            fix='Write lines like {"_id": "1", "text": "…"}.',
            key=whole,
        )


_MAIL_BEGINS = b"From "


def _messages(file: Path, name: str) -> Iterator[Source | Problem]:
    """The messages of a mailbox file, by their Message-ID, or by their content where they have none."""
    read, seen, whole = 0, set[str](), f"{file.as_uri()}#"
    with file.open("rb") as lines:
        for number, data in enumerate(_split_mailbox(lines), start=1):
            read += len(data)
            place = f"{name}:{number}"
            if read > MAX_TABLE_BYTES or len(data) > MAX_FILE_BYTES:
                yield Problem(
                    name=place, reason="the mailbox is too large; the rest was left out", fix="Split it.", key=whole
                )
                return
            header = BytesParser(policy=compat32).parsebytes(data, headersonly=True)
            message_id = _clean(str(header["Message-ID"] or "")).strip() or hashlib.sha256(data).hexdigest()
            key = f"{whole}{quote(message_id)}"
            if message_id in seen:
                yield Problem(
                    name=place, reason=f"the message {message_id!r} stands twice; the first was kept", key=key
                )
                continue
            seen.add(message_id)
            yield Source(key, place, MEDIA_TYPES[".eml"], data, key)
    if not seen:
        yield Problem(
            name=name, reason="no message was found in it", fix="Export the mailbox in mbox format.", key=whole
        )


def _split_mailbox(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Messages between the lines that begin with ``From ``; one within a message is written ``>From ``."""
    held: list[bytes] | None = None
    size = 0
    for line in lines:
        if line.startswith(_MAIL_BEGINS):
            if held:
                yield b"".join(held)
            held, size = [], 0
        elif held is not None and size <= MAX_FILE_BYTES:
            held.append(line.removeprefix(b">") if line.startswith(b">From ") else line)
            size += len(line)
    if held:
        yield b"".join(held)


def _clean(text: str) -> str:
    """Text that every database takes: no null bytes, no halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _open_rows(file: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")


def _row(file: Path, name: str, number: int, line: bytes, seen: set[str]) -> Source | Problem:
    place, whole = f"{name}:{number}", f"{file.as_uri()}#"
    try:
        row = json.loads(line)
    except ValueError as error:
        return Problem(name=place, reason=f"not JSON: {error}", fix="Write one object a line.", key=whole)
    if not isinstance(row, dict) or not isinstance(row.get("_id"), (str, int)) or not isinstance(row.get("text"), str):
        return Problem(
            name=place, reason='no "_id" and "text"', fix='Write lines like {"_id": "1", "text": "…"}.', key=whole
        )
    row_id = _clean(str(row["_id"]))
    if row_id in seen:
        return Problem(
            name=place,
            reason=f"the _id {row_id!r} stands twice; the first was kept",
            fix="Make ids unique.",
            key=f"{whole}{quote(row_id)}",
        )
    seen.add(row_id)
    key = f"{file.as_uri()}#{quote(row_id)}"
    if not row["text"].strip():
        return Problem(
            name=place, reason=f"document {row_id!r} has no text", fix="Delete the row.", key=f"{whole}{quote(row_id)}"
        )
    title = _clean(row["title"]) if isinstance(row.get("title"), str) else ""
    url = _clean(row["url"]) if isinstance(row.get("url"), str) else key
    return Source(key, place, "text/plain", row["text"].encode("utf-8", "replace"), url, title)
