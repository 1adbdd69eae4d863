"""Every index: what was published is found, tenant and audience hold, and a new snapshot replaces the old one."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.pgvector.reader import EXACT_MOST, PostgresIndexReader
from assistant.adapters.pgvector.writer import PostgresIndexWriter
from assistant.adapters.snapshot.reader import FolderIndexReader
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Audience, Chunk, IndexedDocument, SnapshotManifest
from assistant.ports import IndexChange, IndexReader, IndexWriter, Snapshot
from assistant.text.words import content_stems
from tests.postgres import empty_index

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


@pytest.fixture(params=["memory", "folder", "postgres", "postgres by its graph"])
def index(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Pair]:
    if request.param == "memory":
        both = MemoryIndex()
        yield Pair(both, both)
    elif request.param == "folder":
        yield Pair(FolderIndexReader(tmp_path, EMBEDDER.identity), FolderIndexWriter(tmp_path, clock))
    else:
        exact_most = EXACT_MOST if request.param == "postgres" else 0
        with empty_index(request.getfixturevalue("postgres_url")) as engine:
            reader = PostgresIndexReader(engine, EMBEDDER.identity, exact_most)
            yield Pair(reader, PostgresIndexWriter(engine, clock, exact_most=exact_most))


def publish(index: Pair, tenant: str = "t1", names: tuple[str, ...] = tuple(TEXTS)) -> SnapshotManifest:
    """These documents and no others."""
    return index.writer.publish(tenant, change(*names, whole=True), EMBEDDER.identity, "test-1")


def change(*names: str, removed: Collection[str] = (), whole: bool = False, embedded: bool = True) -> IndexChange:
    documents = [IndexedDocument(f"doc:{name}", name, (chunk(name),)) for name in names]
    return IndexChange(documents, removed, vectors(*names) if embedded else {}, whole)


def vectors(*names: str) -> dict[str, NDArray[np.float32]]:
    texts = [chunk(name).embedding_text() for name in names]
    return dict(zip(texts, EMBEDDER.embed(texts), strict=True)) if texts else {}


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


def test_what_stands_beside_a_chunk_is_of_its_document_its_audience_and_this_generation(index: Pair) -> None:
    parts = [
        chunk("descale").model_copy(update={"id": f"part-{n}", "ordinal": n, "text": f"Step {n}"}) for n in range(4)
    ]
    inside = chunk("goodwill").model_copy(update={"document_key": "doc:descale", "id": "secret", "ordinal": 4})
    descale = IndexedDocument("doc:descale", "sha-parts", (*parts, inside))
    publish(index, names=("returns",))
    index.writer.publish("t1", IndexChange((descale,)), EMBEDDER.identity, "test-1")
    first = opened(index)
    beside = first.beside(PUBLIC, ["part-0", "part-2", "part-3", "secret", "returns", "unknown"])
    assert {key: [near.id for near in found] for key, found in beside.items() if found} == {
        "part-0": ["part-1"], "part-2": ["part-1", "part-3"], "part-3": ["part-2"],
    }  # fmt: skip
    assert [near.id for near in first.beside(BOTH, ["part-3"])["part-3"]] == ["part-2", "secret"]
    index.writer.publish(
        "t1", IndexChange((descale._replace(fingerprint="2", chunks=(parts[0],)),)), EMBEDDER.identity, "test-1"
    )
    assert not opened(index).beside(BOTH, ["part-0"]).get("part-0")
    assert first.beside(PUBLIC, ["part-0"])["part-0"][0].id == "part-1"


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
    publish(index, names=())
    snapshot = opened(index)
    assert snapshot.dense(EMBEDDER.embed(["anything"])[0], BOTH, 5) == []
    assert snapshot.lexical(stems("machine"), BOTH, 5) == []
    assert snapshot.manifest.documents == snapshot.manifest.chunks == 0


def test_a_change_leaves_the_other_documents_as_they_are(index: Pair) -> None:
    publish(index, names=("descale", "goodwill"))
    manifest = index.writer.publish("t1", change("returns", removed=["doc:descale"]), EMBEDDER.identity, "test-1")
    assert (manifest.documents, manifest.chunks, manifest.waiting) == (2, 2, 0)
    assert index.writer.documents("t1") == {"doc:goodwill": "goodwill", "doc:returns": "returns"}
    everything_but_descale_is_found(opened(index))
    index.writer.tidy("t1")
    everything_but_descale_is_found(opened(index))


def everything_but_descale_is_found(snapshot: Snapshot) -> None:
    query = EMBEDDER.embed(["fill the tank with descaler"])[0]
    assert {chunk_id for chunk_id, _ in snapshot.dense(query, BOTH, 5)} == {"returns", "goodwill"}
    assert snapshot.lexical(stems("descaler tank"), BOTH, 5) == []
    assert snapshot.similarities(query, BOTH, list(TEXTS)).keys() == {"returns", "goodwill"}
    assert snapshot.chunks(BOTH, list(TEXTS)) == {name: chunk(name) for name in ("returns", "goodwill")}
    assert snapshot.chunks(PUBLIC, list(TEXTS)) == {"returns": chunk("returns")}


def test_a_new_version_of_a_document_takes_the_place_of_the_old_one(index: Pair) -> None:
    publish(index)
    new = chunk("returns").model_copy(update={"id": "returns-2", "text": "Machines are taken back for 60 days."})
    documents = [IndexedDocument("doc:returns", "second", (new,))]
    texts = dict(zip([new.embedding_text()], EMBEDDER.embed([new.embedding_text()]), strict=True))
    index.writer.publish("t1", IndexChange(documents, vectors=texts), EMBEDDER.identity, "test-1")
    snapshot = opened(index)
    assert index.writer.documents("t1")["doc:returns"] == "second"
    assert snapshot.chunks(BOTH, ["returns", "returns-2"]) == {"returns-2": new}
    assert "returns" not in dict(snapshot.lexical(stems("return machine days"), BOTH, 5))
    assert snapshot.manifest.documents == 3


def test_words_find_a_document_before_it_is_embedded_and_meaning_afterwards(index: Pair) -> None:
    publish(index, names=("descale",))
    waits = index.writer.publish("t1", change("returns", embedded=False), EMBEDDER.identity, "test-1")
    query = EMBEDDER.embed(["return a machine"])[0]
    assert waits.waiting == 1
    assert index.writer.waiting("t1") == {chunk("returns").embedding_text()}
    assert [chunk_id for chunk_id, _ in opened(index).lexical(stems("return"), PUBLIC, 5)] == ["returns"]
    assert [chunk_id for chunk_id, _ in opened(index).dense(query, PUBLIC, 5)] == ["descale"]
    assert opened(index).similarities(query, PUBLIC, ["returns"]) == {}
    done = index.writer.attach("t1", vectors("returns"), EMBEDDER.identity)
    assert done.waiting == 0
    assert not index.writer.waiting("t1")
    assert [chunk_id for chunk_id, _ in opened(index).dense(query, PUBLIC, 1)] == ["returns"]


def test_a_stem_is_as_rare_as_it_is_among_all_documents(index: Pair) -> None:
    """Documents that came one by one are ranked as those that came together; lengths are compared with the first's."""
    publish(index)
    query = stems("machine machine tank")
    together = opened(index).lexical(query, BOTH, 5)
    publish(index, names=("descale",))
    for name in ("returns", "goodwill"):
        index.writer.publish("t1", change(name), EMBEDDER.identity, "test-1")
    apart = opened(index).lexical(query, BOTH, 5)
    assert [chunk_id for chunk_id, _ in apart] == [chunk_id for chunk_id, _ in together]
    assert dict(apart) == pytest.approx(dict(together), rel=0.1)
    index.writer.tidy("t1")
    assert opened(index).lexical(query, BOTH, 5) == together


def test_what_is_hidden_is_found_by_nothing_from_then_on(index: Pair) -> None:
    index.writer.hide("t1", ["doc:returns"])  # Nothing is published yet.
    publish(index)
    before = opened(index)
    index.writer.hide("t1", ["doc:descale", "never there"])
    everything_but_descale_is_found(opened(index))
    assert set(before.chunks(BOTH, list(TEXTS))) == set(TEXTS), "who had begun to read goes on"


def test_what_is_rolled_back_to_is_shown_and_the_next_change_goes_on_from_it(index: Pair) -> None:
    for name in ("returns", "descale", "goodwill"):
        index.writer.publish("t1", change(name), EMBEDDER.identity, "test-1")
    before = opened(index)
    for names in ({"returns", "descale"}, {"returns"}):
        manifest = index.writer.roll_back("t1")
        assert manifest is not None
        assert manifest.documents == len(names)
        assert set(opened(index).chunks(BOTH, [*TEXTS])) == names
        assert dict(opened(index).dense(EMBEDDER.embed(["machine"])[0], BOTH, 9)).keys() == names
    assert index.writer.roll_back("t1") is None
    assert set(before.chunks(BOTH, [*TEXTS])) == set(TEXTS), "who had begun to read goes on"
    index.writer.publish("t1", change("goodwill"), EMBEDDER.identity, "test-1")
    assert set(opened(index).chunks(BOTH, [*TEXTS])) == {"returns", "goodwill"}
    assert dict(opened(index).lexical(stems("machine"), BOTH, 9)).keys() == {"returns", "goodwill"}
    assert index.writer.roll_back("t1") is not None
    assert set(opened(index).chunks(BOTH, [*TEXTS])) == {"returns"}, "what was rolled back from is not gone back to"


def test_what_may_not_be_shown_is_left_out_of_what_is_rolled_back_to(index: Pair) -> None:
    for name in ("returns", "descale", "goodwill"):
        index.writer.publish("t1", change(name), EMBEDDER.identity, "test-1")
    index.writer.hide("t1", ["doc:descale"])
    asked: list[set[str]] = []

    def deleted(published: Mapping[str, str]) -> set[str]:
        asked.append(set(published))
        return {"doc:descale"}

    manifest = index.writer.roll_back("t1", deleted)
    assert manifest is not None
    assert manifest.documents == 1
    assert set(opened(index).chunks(BOTH, [*TEXTS])) == {"returns"}, (
        "without what was deleted the one before is the same"
    )
    assert dict(opened(index).dense(EMBEDDER.embed(["machine"])[0], BOTH, 9)).keys() == {"returns"}
    assert asked[0] == {"doc:returns", "doc:descale", "doc:goodwill"}
    assert index.writer.roll_back("t1", deleted) is None, "what was rolled back from is not gone back to"
    index.writer.publish("t1", change("goodwill"), EMBEDDER.identity, "test-1")
    assert set(opened(index).chunks(BOTH, [*TEXTS])) == {"returns", "goodwill"}


def test_attaching_vectors_nobody_waits_for_uses_up_nothing_to_roll_back_to(index: Pair) -> None:
    index.writer.publish("t1", change("returns"), EMBEDDER.identity, "test-1")
    index.writer.publish("t1", change("descale"), EMBEDDER.identity, "test-1")
    for _ in range(7):
        index.writer.attach("t1", vectors("descale"), EMBEDDER.identity)
        index.writer.tidy("t1")
    assert index.writer.roll_back("t1") is not None
    assert set(opened(index).chunks(BOTH, [*TEXTS])) == {"returns"}


def test_a_word_of_thousands_of_letters_stops_nothing(index: Pair) -> None:
    (document,) = change("returns").documents
    dump = document.chunks[0].model_copy(update={"text": f"{'0a1b' * 1_500} machine"})
    index.writer.publish("t1", IndexChange([document._replace(chunks=(dump,))]), EMBEDDER.identity, "test-1")
    assert dict(opened(index).lexical(stems("machine"), BOTH, 5)).keys() == {"returns"}


def test_nothing_is_rolled_back_before_the_first_publish(index: Pair) -> None:
    with pytest.raises(NotFound):
        index.writer.roll_back("t1")
