"""Every DocumentStore: versions replace each other, vectors are found again, deleting takes effect."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.documents import SqlDocumentStore
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import (
    NO_SKETCH,
    Audience,
    Block,
    BlockKind,
    Chunk,
    Likeness,
    ParsedDocument,
    Sketch,
    Standing,
)
from assistant.ports import DocumentStore

EMBEDDER = HashingEmbedder()
ALL = frozenset(Audience)
INTERNAL = frozenset({Audience.INTERNAL})


@pytest.fixture
def store(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> DocumentStore:
    return MemoryDocumentStore() if backend == "memory" else SqlDocumentStore(sessions(), clock)


def put(
    store: DocumentStore,
    key: str,
    text: str,
    tenant: str = "t1",
    fingerprint: str = "f1",
    sketch: Sketch = NO_SKETCH,
    modified: datetime | None = None,
) -> str:
    document = ParsedDocument(
        key=key, title=key.title(), url=f"https://help.example/{key}", media_type="text/plain", sha256="0" * 64,
        language="en", blocks=(Block(kind=BlockKind.PARAGRAPH, text=text),), modified=modified,
    )  # fmt: skip
    chunks = [
        Chunk(
            id=f"{tenant}-{key}-{number}", document_key=key, title=document.title, url=document.url,
            audience=Audience.PUBLIC, ordinal=number, heading_path=("A", "B"), text=part, tokens=len(part.split()),
        )
        for number, part in enumerate(text.split("|"))
    ]  # fmt: skip
    return store.put(tenant, Audience.PUBLIC, document, chunks, fingerprint, sketch)


def live(store: DocumentStore, tenant: str = "t1") -> list[Chunk]:
    return [chunk for document in store.indexed(tenant, store.hashes(tenant)) for chunk in document.chunks]


def test_documents_come_back_in_order_with_their_chunks(store: DocumentStore) -> None:
    put(store, "b", "second document", fingerprint="f2")
    put(store, "a", "first part|second part")
    put(store, "c", "not asked for")
    found = store.indexed("t1", ["b", "a", "never there"])
    assert [(document.key, document.fingerprint) for document in found] == [("a", "f1"), ("b", "f2")]
    assert [(chunk.document_key, chunk.ordinal, chunk.text) for document in found for chunk in document.chunks] == [
        ("a", 0, "first part"), ("a", 1, "second part"), ("b", 0, "second document"),
    ]  # fmt: skip
    assert found[0].chunks[0].heading_path == ("A", "B")


def test_a_new_version_replaces_the_old_one_and_keeps_the_document_s_id(store: DocumentStore) -> None:
    first = put(store, "a", "old text|more old text", fingerprint="f1")
    second = put(store, "a", "new text", fingerprint="f2")
    assert first == second
    assert store.hashes("t1") == {"a": "f2"}
    assert [chunk.text for chunk in live(store)] == ["new text"]


def test_vectors_are_known_by_text_even_after_their_document_is_deleted(store: DocumentStore) -> None:
    put(store, "a", "some text")
    text = "A > B\nsome text"
    for _ in range(2):
        store.add_vectors(EMBEDDER.identity, {text: EMBEDDER.embed([text])[0]})
    store.delete("t1", ["a"])
    assert list(store.vectors(EMBEDDER.identity, [text, "other text"])) == [text]
    assert store.vectors(HashingEmbedder(dimension=8).identity, [text]) == {}


def test_deleting_takes_effect_and_counts_only_what_was_there(store: DocumentStore) -> None:
    put(store, "a", "text")
    assert store.delete("t1", ["a", "never there"]) == 1
    assert store.delete("t1", ["a"]) == 0
    assert store.hashes("t1") == {}
    assert live(store) == []
    assert store.indexed("t1", ["a"]) == []


def test_a_deleted_document_can_come_back(store: DocumentStore) -> None:
    put(store, "a", "text")
    store.delete("t1", ["a"])
    put(store, "a", "text")
    assert len(live(store)) == 1


def test_a_tenant_s_documents_are_its_own(store: DocumentStore) -> None:
    document_id = put(store, "a", "text", tenant="t1")
    put(store, "a", "text", tenant="t2")
    with pytest.raises(NotFound):
        store.delete_by_id("t2", document_id, ALL)
    store.delete_by_id("t1", document_id, ALL)
    assert store.hashes("t1") == {}
    assert list(store.hashes("t2")) == ["a"]


def test_documents_are_listed_in_pages(store: DocumentStore) -> None:
    for key in "abc":
        put(store, key, "one|two")
    page = store.documents("t1", ALL, limit=2)
    assert [(item.key, item.chunks) for item in page] == [("a", 2), ("b", 2)]
    assert [item.key for item in store.documents("t1", ALL, limit=2, after="b")] == ["c"]


def test_a_document_is_hidden_from_other_audiences(store: DocumentStore) -> None:
    document_id = put(store, "a", "text")
    assert store.documents("t1", INTERNAL, limit=5) == []
    with pytest.raises(NotFound):
        store.delete_by_id("t1", document_id, INTERNAL)
    assert list(store.hashes("t1")) == ["a"]


def test_what_is_left_out_is_not_indexed_but_known(store: DocumentStore) -> None:
    for key in "abc":
        put(store, key, "text", sketch=Sketch("t", b"w"))
    leave_out(store, a="b")
    assert list(store.hashes("t1")) == ["a", "b", "c"]
    assert sorted(store.published("t1")) == ["b", "c"]
    assert [document.key for document in store.indexed("t1", ["a", "b"])] == ["b"]
    assert [document.copy_of for document in store.documents("t1", ALL, limit=5)] == ["b", "", ""]
    leave_out(store, c="b")
    assert sorted(store.published("t1")) == ["a", "b"]
    put(store, "c", "new text", sketch=Sketch("t", b"w"))
    assert sorted(store.published("t1")) == ["a", "b"]
    put(store, "c", "about something else", sketch=Sketch("v", b"w"))
    leave_out(store)
    assert sorted(store.published("t1")) == ["a", "b", "c"]


def leave_out(store: DocumentStore, **copies: str) -> list[Likeness]:
    """Leave these out; returns those among which they could be found."""
    asked: list[Likeness] = []

    def find(alike: Sequence[Likeness]) -> dict[str, str]:
        asked.extend(alike)
        return copies

    store.leave_out("t1", find)
    return asked


def test_a_document_that_comes_back_is_judged_anew(store: DocumentStore) -> None:
    for key in "ab":
        document_id = put(store, key, "text", sketch=Sketch("t", b"w"))
    store.mark("t1", document_id, Standing.OUTDATED, ALL)
    leave_out(store, a="b")
    store.delete("t1", ["a", "b"])
    for key in "ab":
        put(store, key, "text")
    listed = [(item.standing, item.copy_of) for item in store.documents("t1", ALL, limit=5)]
    assert listed == [(Standing.CURRENT, "")] * 2


def test_a_date_that_comes_later_is_kept(store: DocumentStore) -> None:
    march, april = (datetime(2024, month, 1, tzinfo=timezone(timedelta(hours=2))) for month in (3, 4))
    for key in "ab":
        put(store, key, "text", modified=march)
    before = store.published("t1")
    store.redate("t1", {"b": april, "gone": april})
    listed = [datetime.fromisoformat(item.modified_at) for item in store.documents("t1", ALL, limit=5)]
    assert listed == [march, april]
    assert store.published("t1") == before


def test_those_that_share_a_title_are_told(store: DocumentStore) -> None:
    march = datetime(2024, 3, 1, tzinfo=timezone(timedelta(hours=2)))
    put(store, "a", "text", sketch=Sketch("t", b"wa"), modified=march)
    put(store, "b", "text", sketch=Sketch("t", b"wb"))
    put(store, "c", "text", sketch=Sketch("t", b"wc"))
    put(store, "d", "text", sketch=Sketch("v", b"wd"))
    put(store, "e", "text")
    put(store, "f", "text")
    put(store, "g", "text", tenant="t2", sketch=Sketch("v", b"wg"))
    found = {each.key: each for each in leave_out(store)}
    assert sorted(found) == ["a", "b", "c"]
    assert (found["a"].sketch, found["a"].standing) == (Sketch("t", b"wa"), Standing.CURRENT)
    assert (found["a"].modified, found["b"].modified) == (march, None)
    store.delete("t1", ["c", "b"])
    assert leave_out(store) == []


def test_what_is_marked_stays_so_and_counts_as_another_version(store: DocumentStore) -> None:
    document_id = put(store, "a", "text")
    current = store.published("t1")
    store.mark("t1", document_id, Standing.OUTDATED, ALL)
    assert store.published("t1") != current
    assert store.hashes("t1") == {"a": "f1"}
    (document,) = store.indexed("t1", ["a"])
    assert (document.fingerprint, document.chunks[0].outdated) == (store.published("t1")["a"], True)
    put(store, "a", "new text", fingerprint="f2")
    assert [listed.standing for listed in store.documents("t1", ALL, limit=5)] == [Standing.OUTDATED]
    store.mark("t1", document_id, Standing.SEPARATE, ALL)
    assert store.published("t1") == {"a": "f2"}
    for tenant, audiences in (("t2", ALL), ("t1", INTERNAL)):
        with pytest.raises(NotFound):
            store.mark(tenant, document_id, Standing.OUTDATED, audiences)
