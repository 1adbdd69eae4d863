"""Ingest again and again: only what changed is worked on, and readers see one whole snapshot at a time.

SQL (here: memory) is the truth, the snapshot a cache of it that can always be built anew.
"""

import itertools
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.errors import InputError, ModelUnavailable
from assistant.kernel.knowledge import Audience, Block, BlockKind, ParsedDocument, SnapshotManifest
from assistant.ports import IndexChange, Vectors
from ingest.chunk import chunk
from ingest.load import load, root_key
from ingest.pipeline import Ingest, IngestReport, ingest


class WatchedEmbedder(HashingEmbedder):
    """Calls ``watch`` before it embeds anything."""

    def __init__(self, dimension: int = 256) -> None:
        super().__init__(dimension)
        self.watch: Callable[[], None] = lambda: None

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.watch()
        return super().embed(texts)


@dataclass
class Library:
    """A copy of some articles that may be changed, and what ingests it."""

    folder: Path
    index: MemoryIndex
    store: MemoryDocumentStore
    embedder: WatchedEmbedder

    def run(self, *, allow_mass_delete: bool = False) -> IngestReport:
        desk = Ingest(self.store, self.index, self.embedder, chunk_tokens=120, overlap_tokens=16)
        roots = [root_key(self.folder)]
        sources = load(self.folder)
        return ingest(sources, "default", Audience.PUBLIC, desk, roots=roots, allow_mass_delete=allow_mass_delete)

    @property
    def manifest(self) -> SnapshotManifest:
        snapshot = self.index.snapshot("default")
        assert snapshot is not None
        return snapshot.manifest


@pytest.fixture
def library(help_centre: Path, tmp_path: Path) -> Library:
    folder = tmp_path / "articles"
    folder.mkdir()
    for path in sorted(help_centre.glob("*.md"))[:8]:
        shutil.copy(path, folder)
    return Library(folder, MemoryIndex(), MemoryDocumentStore(), WatchedEmbedder())


def test_the_first_ingest_embeds_everything(library: Library) -> None:
    report = library.run()
    assert (report.added, report.changed, report.unchanged, report.deleted) == (8, 0, 0, 0)
    assert report.embedded == report.chunks > 8
    assert library.manifest.waiting == 0


def test_words_are_published_before_anything_is_embedded(library: Library) -> None:
    seen: list[tuple[int, int]] = []
    library.embedder.watch = lambda: seen.append((library.manifest.chunks, library.manifest.waiting))
    report = library.run()
    assert seen[0] == (report.chunks, report.chunks)


def test_an_ingest_that_was_interrupted_goes_on_where_it_stopped(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.embed.EMBEDDED_AT_ONCE", 5)
    batches = itertools.count()

    def dies() -> None:
        if next(batches) == 2:
            raise ModelUnavailable("the embedder's process died")

    library.embedder.watch = dies
    with pytest.raises(ModelUnavailable):
        library.run()
    report = library.run()
    assert (report.unchanged, report.embedded) == (8, report.chunks - 10)
    assert library.manifest.waiting == 0


def test_two_ingests_at_once_do_not_embed_for_each_other(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one embeds a large corpus, an upload waits for its own vectors and for no others."""
    waits = [Block(kind=BlockKind.PARAGRAPH, text="A page of the large corpus.")]
    page = ParsedDocument(
        key="page", title="", url="", media_type="text/plain", sha256="0" * 64, language="en", blocks=tuple(waits)
    )
    chunks = chunk(page, Audience.PUBLIC, library.embedder.count_tokens, 120, 16)
    library.store.put("default", Audience.PUBLIC, page, chunks, "1")
    first = IndexChange(library.store.indexed("default", ["page"]))
    library.index.publish("default", first, library.embedder.identity, "blocks-2")
    monkeypatch.setattr(library.index, "embedding", lambda _: nullcontext(enter_result=False))
    report = library.run()
    assert report.embedded == report.chunks - 1
    assert library.index.waiting("default") == {chunks[0].embedding_text()}


def test_another_embedder_replaces_the_snapshot_only_when_all_is_embedded(library: Library) -> None:
    first = library.run()
    library.embedder = WatchedEmbedder(dimension=8)
    during: list[int] = []
    library.embedder.watch = lambda: during.append(library.manifest.generation)
    report = library.run()
    assert (report.changed, report.embedded) == (8, first.chunks)
    assert set(during) == {first.generation}
    assert (library.manifest.embedder.dimension, library.manifest.waiting) == (8, 0)


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
    assert report.generation > first.generation


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
