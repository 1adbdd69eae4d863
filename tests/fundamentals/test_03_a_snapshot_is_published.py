"""Ingest again and again: only what changed is worked on, and readers see one whole snapshot at a time.

SQL (here: memory) is the truth, the snapshot a cache of it that can always be built anew.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Audience
from ingest.load import load, root_key
from ingest.pipeline import Ingest, IngestReport, ingest


@dataclass(frozen=True)
class Library:
    """A copy of some articles that may be changed, and what ingests it."""

    folder: Path
    run: Callable[..., IngestReport]
    index: MemoryIndex


@pytest.fixture
def library(help_centre: Path, tmp_path: Path) -> Library:
    folder = tmp_path / "articles"
    folder.mkdir()
    for path in sorted(help_centre.glob("*.md"))[:8]:
        shutil.copy(path, folder)
    index = MemoryIndex()
    desk = Ingest(MemoryDocumentStore(), index, HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)

    def run(*, allow_mass_delete: bool = False) -> IngestReport:
        roots = [root_key(folder)]
        return ingest(load(folder), "default", Audience.PUBLIC, desk, roots=roots, allow_mass_delete=allow_mass_delete)

    return Library(folder, run, index)


def test_the_first_ingest_embeds_everything(library: Library) -> None:
    report = library.run()
    assert (report.added, report.changed, report.unchanged, report.deleted) == (8, 0, 0, 0)
    assert report.embedded == report.chunks > 8
    assert report.generation == 1


def test_nothing_changed_means_nothing_done(library: Library) -> None:
    first = library.run()
    again = library.run()
    assert (again.unchanged, again.embedded, again.generation) == (8, 0, first.generation)


def test_a_changed_article_embeds_only_its_new_chunks(library: Library) -> None:
    first = library.run()
    article = next(library.folder.iterdir())
    article.write_text(article.read_text() + "\n\n## Winter hours\n\nWe answer from 9 to 15 in December.\n")
    report = library.run()
    assert (report.changed, report.unchanged) == (1, 7)
    assert 1 <= report.embedded < first.embedded / 4
    assert report.generation == 2


def test_a_deleted_article_is_gone_from_the_next_snapshot(library: Library) -> None:
    library.run()
    gone = next(library.folder.iterdir())
    gone.unlink()
    report = library.run()
    assert (report.deleted, report.documents) == (1, 7)
    snapshot = library.index.snapshot("default")
    assert snapshot is not None
    assert gone.as_uri() not in {chunk.document_key for chunk in snapshot.by_id.values()}


def test_an_article_that_cannot_be_read_any_more_keeps_its_last_version(library: Library) -> None:
    library.run()
    broken = next(library.folder.iterdir())
    broken.write_bytes(b"")
    report = library.run()
    assert [problem.name for problem in report.problems] == [broken.name]
    assert report.deleted == 0
    assert report.documents == 8


def test_a_renamed_article_is_not_embedded_again(library: Library) -> None:
    library.run()
    path = next(library.folder.iterdir())
    path.rename(path.with_name("renamed.md"))
    report = library.run()
    assert (report.added, report.deleted, report.embedded) == (1, 1, 0)


def test_a_folder_that_is_suddenly_empty_does_not_empty_the_index(library: Library) -> None:
    for number in range(30):
        (library.folder / f"note-{number}.txt").write_text(f"Note {number}: parcels leave at {number % 24} o'clock.")
    library.run()
    for path in library.folder.iterdir():
        path.unlink()
    with pytest.raises(InputError, match="38 of 38"):
        library.run()
    assert library.run(allow_mass_delete=True).documents == 0


def test_another_way_to_write_the_path_is_the_same_documents(library: Library, tmp_path: Path) -> None:
    library.run()
    detour = tmp_path / "elsewhere" / ".." / library.folder.name
    (tmp_path / "elsewhere").mkdir()
    keys = [item.key for item in load(detour)]
    assert keys == [item.key for item in load(library.folder)]
    assert root_key(detour) == root_key(library.folder)
