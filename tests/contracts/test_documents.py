"""Every DocumentStore: versions replace each other, vectors are found again, deleting takes effect."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.documents import SqlDocumentStore
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Audience, Block, BlockKind, Chunk, ParsedDocument
from assistant.ports import DocumentStore

EMBEDDER = HashingEmbedder()
ALL = frozenset(Audience)
INTERNAL = frozenset({Audience.INTERNAL})


@pytest.fixture
def store(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> DocumentStore:
    return MemoryDocumentStore() if backend == "memory" else SqlDocumentStore(sessions(), clock)


def put(store: DocumentStore, key: str, text: str, tenant: str = "t1", fingerprint: str = "f1") -> str:
    document = ParsedDocument(
        key=key, title=key.title(), url=f"https://help.example/{key}", media_type="text/plain", sha256="0" * 64,
        language="en", blocks=(Block(kind=BlockKind.PARAGRAPH, text=text),),
    )  # fmt: skip
    chunks = [
        Chunk(
            id=f"{tenant}-{key}-{number}", document_key=key, title=document.title, url=document.url,
            audience=Audience.PUBLIC, ordinal=number, heading_path=("A", "B"), text=part, tokens=len(part.split()),
        )
        for number, part in enumerate(text.split("|"))
    ]  # fmt: skip
    return store.put(tenant, Audience.PUBLIC, document, chunks, fingerprint)


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
