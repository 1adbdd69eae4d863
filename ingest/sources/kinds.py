"""What a file is: by its suffix, checked against its content."""

import zipfile
from io import BytesIO
from pathlib import Path

from assistant.kernel.errors import UnreadableDocument

MAX_XML_BYTES = 12 * 1024 * 1024
"""Of an office file. A book of 1,000 pages has about 10 MB; what has more is a bomb or not for reading."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES = {
    ".html": "text/html", ".htm": "text/html", ".xhtml": "text/html",
    ".md": "text/markdown", ".markdown": "text/markdown",
    ".txt": "text/plain", ".text": "text/plain",
    ".rst": "text/x-rst",
    ".csv": "text/csv", ".tsv": "text/csv",
    ".eml": "message/rfc822",
    ".page": "application/xml", ".xml": "application/xml", ".dbk": "application/xml", ".docbook": "application/xml",
    ".pdf": "application/pdf",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip
PICTURE_TYPES = {kind for kind in MEDIA_TYPES.values() if kind.startswith("image/")}
ROW_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson")
MAILBOX_SUFFIX = ".mbox"
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
MANY_SUFFIXES = (*ROW_SUFFIXES, MAILBOX_SUFFIX, *ARCHIVE_SUFFIXES)
"""Files that hold many documents."""
IGNORED = {
    ".css",
    ".js",
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".gif",
    ".svg",
    ".ico",
    ".woff",
    ".woff2",
    ".ttf",
    ".map",
    ".lock",
}
"""What stands beside documents and is none; passed over without a word. A picture that is named itself is read, and so are
scans in TIFF."""
_ZIPPED = {"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx", "ppt/presentation.xml": ".pptx"}
"""What a ZIP archive is, by a file in it."""
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"RIFF": "image/webp",
}
"""What a picture begins with."""
_TEXT_TYPES = {kind for kind in MEDIA_TYPES.values() if kind.startswith("text/")} | {
    "message/rfc822",
    "application/xml",
}


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


def holds_many(name: str) -> bool:
    return name.lower().endswith(MANY_SUFFIXES)


def named_in_problem(key: str) -> dict[str, str]:
    """What a Problem with a whole file says of the keys it is about."""
    return {"covers": f"{key}#"} if holds_many(key) else {"key": key}


def is_passed_over(name: str) -> bool:
    """Hidden, or a picture, a font and the like."""
    path = Path(name)
    return path.suffix.lower() in IGNORED or any(
        part.startswith(".") and part not in (".", "..") for part in path.parts
    )


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
    for begins, kind in _PICTURES.items():
        if data.startswith(begins) and (kind != "image/webp" or data[8:12] == b"WEBP"):
            return kind
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
