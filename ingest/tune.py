"""Index → how far its searches have to go, measured on sentences of the tenant's own documents."""

import random

from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import SnapshotManifest
from assistant.ports import DocumentStore, Embedder, IndexWriter
from assistant.text.sentences import split_sentences

MIN_WORDS = 5


def tune(
    tenant: str, store: DocumentStore, writer: IndexWriter, embedder: Embedder, *, recall: float, questions: int
) -> SnapshotManifest:
    """Find out how much of an approximate index is to be searched, and publish that. Raises NotFound before the first ingest."""
    asked = sentences(tenant, store, questions)
    if not asked:
        raise NotFound(f"tenant {tenant!r} has no documents with sentences to ask", fix="Run `deskhand ingest` first.")
    return writer.tune(tenant, embedder.embed(asked), lambda texts: store.vectors(embedder.identity, texts), recall)


def sentences(tenant: str, store: DocumentStore, most: int) -> list[str]:
    """Sentences of up to ``most`` documents, one of each, the same ones every time."""
    drawn = random.Random(0)
    keys = sorted(store.published(tenant))
    found = []
    for document in store.indexed(tenant, drawn.sample(keys, min(most, len(keys)))):
        spans = [span.text for chunk in document.chunks for span in split_sentences(chunk.text)]
        if long := [text for text in spans if len(text.split()) >= MIN_WORDS]:
            found.append(drawn.choice(long))
    return found
