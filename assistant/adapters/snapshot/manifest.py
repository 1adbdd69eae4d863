"""What a generation of a snapshot is made of, as it stands in its folder."""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from assistant.kernel.errors import SnapshotMismatch
from assistant.kernel.knowledge import SnapshotManifest
from assistant.kernel.value import Value

FORMAT = 4
"""1 had its words in FTS5, 2 was one folder a generation, 3 did not say what is outdated."""
PARTS = "parts"
"""The folder beside the generations that holds what they share."""
REBUILD = "Run `deskhand ingest --rebuild` to publish it anew from the database."


class SegmentEntry(Value):
    """Some documents with their words, in the part ``name``, and their vectors, in parts of their own, as they come later.

    ``documents`` and ``chunks`` count those that live; ``dead`` documents were replaced or deleted since and are named by
    number in a file of the generation. ``waiting`` chunks have no vector yet.
    """

    name: str
    vectors: tuple[str, ...] = ()
    documents: int
    chunks: int
    dead: int = 0
    waiting: int = 0


class FolderManifest(SnapshotManifest):
    """``files`` maps the path of each file, below the tenant's folder, to its SHA-256. ``segments`` are oldest first."""

    format: int = FORMAT
    segments: tuple[SegmentEntry, ...]
    files: dict[str, str]

    @property
    def pieces(self) -> int:
        return len(self.segments)


def read_manifest(folder: Path) -> FolderManifest:
    """Raises SnapshotMismatch when there is none, or one that this version does not know."""
    try:
        text = (folder / "manifest.json").read_bytes()
        manifest = FolderManifest.model_validate_json(text)
    except (FileNotFoundError, NotADirectoryError, ValidationError) as error:
        raise SnapshotMismatch(
            f"snapshot {folder.name} has no manifest that this version reads", fix=REBUILD
        ) from error
    if manifest.format != FORMAT:
        raise SnapshotMismatch(
            f"snapshot {folder.name} has format {manifest.format}, this version reads {FORMAT}", fix=REBUILD
        )
    return manifest


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"


def pointed(home: Path) -> str:
    """The name of the generation in use below ``home``, or nothing before the first."""
    try:
        return (home / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return ""
