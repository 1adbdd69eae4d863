"""Every index: what was published is found, tenant and audience hold, and a new snapshot replaces the old one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.snapshot.reader import FolderIndexReader
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.kernel.knowledge import Audience, Chunk, SnapshotManifest
from assistant.ports import IndexReader, IndexWriter, Snapshot
from assistant.text.words import content_stems

PUBLIC, INTERNAL = frozenset({Audience.PUBLIC}), frozenset({Audience.INTERNAL})
BOTH = PUBLIC | INTERNAL
EMBEDDER = HashingEmbedder()
TEXTS = {
    "descale": ("Fill the tank with descaler and press Clean.", Audience.PUBLIC),
    "returns": ("You can return a machine within 30 days.", Audience.PUBLIC),
    "goodwill": ("Agents may refund a machine up to 40 GBP.", Audience.INTERNAL),
}


@dataclass(frozen=True)
class Pair:
    reader: IndexReader
    writer: IndexWriter


@pytest.fixture(params=["memory", "folder"])
def index(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Pair:
    if request.param == "memory":
        both = MemoryIndex()
        return Pair(both, both)
    return Pair(FolderIndexReader(tmp_path, EMBEDDER.identity), FolderIndexWriter(tmp_path, clock))


def publish(index: Pair, tenant: str = "t1", names: tuple[str, ...] = tuple(TEXTS)) -> SnapshotManifest:
    chunks = [chunk(name) for name in names]
    vectors = EMBEDDER.embed([item.embedding_text() for item in chunks])
    documents = {item.document_key: item.id for item in chunks}
    return index.writer.publish(tenant, chunks, vectors, EMBEDDER.identity, documents, "test-1")


def chunk(name: str) -> Chunk:
    text, audience = TEXTS[name]
    return Chunk(
        id=name, document_key=f"doc:{name}", title=name.title(), url=f"https://help.example/{name}", audience=audience,
        ordinal=0, heading_path=("Guide",), text=text, tokens=9,
    )  # fmt: skip


def opened(index: Pair, tenant: str = "t1") -> Snapshot:
    snapshot = index.reader.snapshot(tenant)
    assert snapshot is not None
    return snapshot


def stems(text: str) -> dict[str, float]:
    return dict.fromkeys(content_stems(text), 1.0)


def test_nothing_is_there_before_the_first_publish(index: Pair) -> None:
    assert index.reader.snapshot("t1") is None
    assert index.writer.current("t1") is None


def test_the_nearest_chunk_is_found_by_meaning(index: Pair) -> None:
    publish(index)
    found = opened(index).dense(EMBEDDER.embed(["return a machine within days"])[0], PUBLIC, 2)
    assert [chunk_id for chunk_id, _ in found] == ["returns", "descale"]
    assert found[0][1] > found[1][1]


def test_chunks_are_found_by_word_stems_and_not_without_a_shared_word(index: Pair) -> None:
    publish(index)
    assert [chunk_id for chunk_id, _ in opened(index).lexical(stems("returning machines"), PUBLIC, 5)] == ["returns"]
    assert opened(index).lexical(stems("bicycle"), PUBLIC, 5) == []
    assert opened(index).lexical(stems("?!"), PUBLIC, 5) == []


def test_a_stem_counts_by_its_weight(index: Pair) -> None:
    publish(index)
    for first, second in (("returns", "descale"), ("descale", "returns")):
        weights = {**dict.fromkeys(content_stems(TEXTS[first][0]), 1.0)}
        weights |= {stem: 0.1 for stem in content_stems(TEXTS[second][0]) if stem not in weights}
        assert [chunk_id for chunk_id, _ in opened(index).lexical(weights, PUBLIC, 5)] == [first, second]


@pytest.mark.parametrize("query", ['"', "NEAR(", "a AND OR NOT", "col:umn", "*", "'; DROP TABLE chunk; --", "\0", "🙂"])
def test_stems_are_words_and_never_syntax(index: Pair, query: str) -> None:
    publish(index)
    assert len(opened(index).lexical({**stems(query), query: 1.0}, BOTH, 5)) <= 3


def test_an_audience_that_is_not_asked_for_is_not_seen_by_any_call(index: Pair) -> None:
    publish(index)
    snapshot, vector = opened(index), EMBEDDER.embed([TEXTS["goodwill"][0]])[0]
    assert "goodwill" not in [chunk_id for chunk_id, _ in snapshot.dense(vector, PUBLIC, 9)]
    assert "goodwill" not in [chunk_id for chunk_id, _ in snapshot.lexical(stems("agents refund"), PUBLIC, 9)]
    assert snapshot.chunks(PUBLIC, ["goodwill"]) == {}
    assert snapshot.similarities(vector, PUBLIC, ["goodwill"]) == {}
    assert snapshot.dense(vector, BOTH, 1)[0][0] == "goodwill"
    assert set(snapshot.chunks(INTERNAL, list(TEXTS))) == {"goodwill"}


def test_a_tenant_sees_only_its_own(index: Pair) -> None:
    publish(index, "t1", ("descale",))
    publish(index, "t2", ("returns",))
    assert set(opened(index, "t1").chunks(BOTH, list(TEXTS))) == {"descale"}
    assert index.reader.snapshot("t3") is None


def test_chunks_come_back_as_they_were(index: Pair) -> None:
    publish(index)
    assert opened(index).chunks(BOTH, ["returns", "unknown"]) == {"returns": chunk("returns")}


def test_similarity_is_the_cosine(index: Pair) -> None:
    publish(index)
    vector = EMBEDDER.embed(["machine"])[0]
    stored = EMBEDDER.embed([chunk("returns").embedding_text()])[0]
    assert opened(index).similarities(vector, PUBLIC, ["returns"])["returns"] == pytest.approx(
        float(stored @ vector), abs=1e-5
    )


def test_a_new_snapshot_replaces_the_old_one_for_new_readers_only(index: Pair) -> None:
    first = publish(index)
    held = opened(index)
    second = publish(index, names=("descale",))
    assert second.generation == first.generation + 1
    assert opened(index).manifest.chunks == 1
    assert set(held.chunks(PUBLIC, list(TEXTS))) == {"descale", "returns"}
    current = index.writer.current("t1")
    assert current is not None
    assert current.generation == second.generation


def test_an_empty_snapshot_can_be_published_and_asked(index: Pair) -> None:
    empty = np.zeros((0, EMBEDDER.identity.dimension), dtype=np.float32)
    index.writer.publish("t1", [], empty, EMBEDDER.identity, {}, "test-1")
    assert opened(index).dense(EMBEDDER.embed(["anything"])[0], BOTH, 5) == []
