"""An index too large to compare every vector: codes in lists, of which it is measured how many have to be searched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.snapshot.reader import FolderIndexReader, FolderSnapshot
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Audience, Chunk, IndexedDocument
from assistant.ports import IndexChange
from assistant.text.sentences import split_sentences
from ingest.load import load
from ingest.parse import parse
from ingest.sources.source import Source
from tests.conftest import HELP_CENTRE

EMBEDDER = HashingEmbedder()
PUBLIC = frozenset({Audience.PUBLIC})


@pytest.fixture(scope="module")
def documents() -> list[IndexedDocument]:
    """Each sentence of the help centre is a document."""
    blocks = (block for source in load(HELP_CENTRE) if isinstance(source, Source) for block in parse(source).blocks)
    texts = sorted({span.text for block in blocks for span in split_sentences(block.text)})
    assert len(texts) > 600
    return [
        IndexedDocument(
            f"doc:{number}",
            "1",
            (
                Chunk(
                    id=f"c{number}", document_key=f"doc:{number}", title="", url="https://help.example/",
                    audience=Audience.PUBLIC, ordinal=0, heading_path=(), text=text, tokens=len(text.split()),
                ),
            ),
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip


def vectors(documents: Sequence[IndexedDocument]) -> dict[str, NDArray[np.float32]]:
    texts = [document.chunks[0].embedding_text() for document in documents]
    return dict(zip(texts, EMBEDDER.embed(texts), strict=True))


def publish(writer: FolderIndexWriter, documents: Sequence[IndexedDocument], *removed: str) -> None:
    change = IndexChange(documents, removed, vectors(documents) if documents else {})
    writer.publish("t1", change, EMBEDDER.identity, "test-1")


def opened(root: Path) -> FolderSnapshot:
    snapshot = FolderIndexReader(root, EMBEDDER.identity).snapshot("t1")
    assert snapshot is not None
    return snapshot


@pytest.fixture
def writer(tmp_path: Path, clock: ManualClock) -> FolderIndexWriter:
    return FolderIndexWriter(tmp_path, clock, exact_most=200)


def test_what_is_asked_for_is_found_in_codes_too(
    tmp_path: Path, writer: FolderIndexWriter, documents: list[IndexedDocument]
) -> None:
    publish(writer, documents)
    snapshot = opened(tmp_path)
    assert snapshot.segments[0].in_lists
    for document in documents[::50]:
        vector = vectors([document])[document.chunks[0].text]
        found, score = snapshot.dense(vector, PUBLIC, 3)[0]
        assert found == document.chunks[0].id
        assert score == pytest.approx(1.0, abs=0.01)
        assert snapshot.similarities(vector, PUBLIC, [found])[found] == pytest.approx(score, abs=1e-5)


def test_what_was_deleted_is_not_found_and_what_came_later_is(
    tmp_path: Path, writer: FolderIndexWriter, documents: list[IndexedDocument]
) -> None:
    publish(writer, documents[5:])
    gone, new = documents[50], documents[0]
    publish(writer, [new], gone.key)
    snapshot = opened(tmp_path)
    for document, first in ((gone, False), (new, True)):
        vector = vectors([document])[document.chunks[0].text]
        ids = [chunk_id for chunk_id, _ in snapshot.dense(vector, PUBLIC, 10)]
        assert (document.chunks[0].id in ids) is first


def test_tuning_reaches_the_recall_that_is_asked_for_and_stays(
    tmp_path: Path, writer: FolderIndexWriter, documents: list[IndexedDocument]
) -> None:
    publish(writer, documents)
    exact = vectors(documents)
    asked = EMBEDDER.embed([document.chunks[0].text[:40] for document in documents[::7]])
    efforts = []
    for recall in (0.5, 0.9):
        tuning = writer.tune("t1", asked, lambda texts: {text: exact[text] for text in texts}, recall).tuning
        assert tuning is not None
        assert tuning.recall >= recall
        efforts.append(tuning.effort)
    assert tuning is not None
    every = writer.tune("t1", asked, lambda texts: {text: exact[text] for text in texts}, 1.0).tuning
    assert every is not None
    assert every.recall >= tuning.recall
    assert efforts == sorted(efforts)
    assert efforts[0] < 1.0
    publish(writer, [], documents[0].key)
    assert opened(tmp_path).manifest.tuning == every
    nearest = EMBEDDER.embed([documents[3].chunks[0].text])[0]
    assert opened(tmp_path).dense(nearest, PUBLIC, 1)[0][0] == "c3"
    other = EMBEDDER.identity.model_copy(update={"sha256": "another"})
    manifest = writer.publish("t1", IndexChange(documents, vectors=exact, whole=True), other, "test-1")
    assert manifest.tuning is None, "it was measured on other vectors"


def test_a_small_index_has_nothing_to_tune(
    tmp_path: Path, clock: ManualClock, documents: list[IndexedDocument]
) -> None:
    writer = FolderIndexWriter(tmp_path, clock)
    asked = EMBEDDER.embed(["How do I descale the Duo?"])
    with pytest.raises(NotFound):
        writer.tune("t1", asked, lambda _: {}, 0.97)
    publish(writer, documents)
    assert writer.tune("t1", asked, lambda _: {}, 0.97).tuning is None
    assert not opened(tmp_path).segments[0].in_lists


def test_merging_does_not_wear_vectors_out(
    tmp_path: Path, writer: FolderIndexWriter, documents: list[IndexedDocument]
) -> None:
    publish(writer, documents[: len(documents) * 3 // 4])
    vector = vectors([documents[1]])[documents[1].chunks[0].text]
    ids = [document.chunks[0].id for document in documents[:200]]
    before = opened(tmp_path).similarities(vector, PUBLIC, ids)
    publish(writer, documents[len(documents) * 3 // 4 :])
    assert len(opened(tmp_path).segments) == 2
    writer.tidy("t1")
    assert len(opened(tmp_path).segments) == 1
    assert opened(tmp_path).similarities(vector, PUBLIC, ids) == before
