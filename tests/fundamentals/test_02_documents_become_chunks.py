"""Ingest: documents of any format become chunks that know where they came from.

``load`` finds the files, ``parse`` makes text in blocks below headings of each, ``chunk`` cuts it to what
the embedder can read. Nothing is embedded yet.
"""

from pathlib import Path

import pytest

from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.knowledge import Audience, BlockKind, ParsedDocument
from ingest.chunk import chunk
from ingest.load import load
from ingest.parse import parse
from ingest.sources.source import Source

COUNT = HashingEmbedder().count_tokens


def read(folder: Path, name: str) -> ParsedDocument:
    source = next(item for item in load(folder / name))
    assert isinstance(source, Source)
    return parse(source)


def test_headings_become_the_path_above_each_block(help_centre: Path) -> None:
    document = read(help_centre, "descale-duo.md")
    assert "Duo" in document.title
    paths = {block.heading_path for block in document.blocks}
    assert all(path[0] == document.title for path in paths)
    assert len(paths) > 1


def test_lists_tables_and_code_are_kept_apart_from_prose(help_centre: Path) -> None:
    kinds = {block.kind for path in sorted(help_centre.glob("*.md")) for block in read(help_centre, path.name).blocks}
    assert kinds == set(BlockKind)


def test_navigation_footers_and_hidden_text_of_a_page_are_not_read(help_centre: Path) -> None:
    for page in sorted(help_centre.glob("*.html")):
        text = "\n".join(block.text for block in read(help_centre, page.name).blocks).lower()
        assert "cookie" not in text, page.name
        assert len(text) > 400, page.name


def test_an_old_encoding_is_read_right(help_centre: Path) -> None:
    document = read(help_centre, "rueckgabe-in-deutschland-iso-8859-1.html")
    assert "ü" in document.blocks[0].text + document.title
    assert document.language == "de"


@pytest.mark.parametrize("suffix", ["md", "html", "pdf", "docx"])
def test_every_format_gives_a_title_and_text(help_centre: Path, suffix: str) -> None:
    files = sorted(help_centre.glob(f"*.{suffix}"))
    assert files
    for path in files:
        document = read(help_centre, path.name)
        assert len(document.title) > 4, path.name
        assert sum(len(block.text) for block in document.blocks) > 400, path.name


def test_chunks_fit_the_embedder_with_their_headings(help_centre: Path) -> None:
    for path in sorted(help_centre.iterdir()):
        for piece in chunk(read(help_centre, path.name), Audience.PUBLIC, COUNT, size=120, overlap=16):
            assert COUNT([piece.embedding_text()])[0] <= 120, path.name


def test_chunks_lose_nothing(help_centre: Path) -> None:
    for path in sorted(help_centre.iterdir()):
        document = read(help_centre, path.name)
        chunks = chunk(document, Audience.PUBLIC, COUNT, size=120, overlap=16)
        kept = set(" ".join(piece.text for piece in chunks).split())
        assert {word for block in document.blocks for word in block.text.split()} <= kept


def test_a_chunk_stays_below_one_heading_and_links_to_its_place(help_centre: Path) -> None:
    document = read(help_centre, "duo-error-codes.html")
    for piece in chunk(document, Audience.PUBLIC, COUNT, size=60, overlap=8):
        assert piece.heading_path in {block.heading_path for block in document.blocks}
        assert piece.url.startswith("file://")
    anchored = [piece.url for piece in chunk(document, Audience.PUBLIC, COUNT, size=60, overlap=8)]
    assert any("#" in url for url in anchored)


def test_the_same_document_gives_the_same_ids(help_centre: Path) -> None:
    document = read(help_centre, "descale-one.md")
    ids = [[piece.id for piece in chunk(document, Audience.PUBLIC, COUNT, 120, 16)] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])
