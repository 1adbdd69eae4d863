"""Haystack's hybrid pipeline: DocumentSplitter, SentenceTransformers embedders, in-memory store, BM25 and vectors joined by RRF."""

import sys

from haystack import Document
from haystack.components.joiners import DocumentJoiner
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from measured import DEPTH, Row, run


class Haystack:
    def __init__(self, model: str) -> None:
        self._splitter = DocumentSplitter(split_by="word", split_length=200, split_overlap=20)
        self._documents = SentenceTransformersDocumentEmbedder(
            model=model, batch_size=32, progress_bar=False, meta_fields_to_embed=["title"]
        )
        self._questions = SentenceTransformersTextEmbedder(model=model, progress_bar=False)
        self._store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        self._joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=DEPTH)

    def warm_up(self) -> None:
        for part in (self._splitter, self._documents, self._questions):
            part.warm_up()
        self._documents.run([Document(content="warm up", meta={"title": ""})])
        self._questions.run("warm up")

    def ingest(self, rows: list[Row]) -> int:
        whole = [Document(content=row["text"], meta={"title": row["title"], "row": row["id"]}) for row in rows]
        chunks = self._documents.run(self._splitter.run(whole)["documents"])["documents"]
        written: int = self._store.write_documents(chunks)
        self._near = InMemoryEmbeddingRetriever(self._store, top_k=DEPTH)
        self._words = InMemoryBM25Retriever(self._store, top_k=DEPTH)
        return written

    def near(self, question: str) -> list[str]:
        return [hit.meta["row"] for hit in self._nearest(question)]

    def hybrid(self, question: str) -> list[str]:
        lists = [self._nearest(question), self._words.run(query=question)["documents"]]
        return [hit.meta["row"] for hit in self._joiner.run(lists)["documents"]]

    def _nearest(self, question: str) -> list[Document]:
        found: list[Document] = self._near.run(query_embedding=self._questions.run(question)["embedding"])["documents"]
        return found


run(Haystack(sys.argv[1]))
