"""LlamaIndex's hybrid pipeline: SentenceSplitter, HuggingFaceEmbedding, VectorStoreIndex and BM25 joined by QueryFusionRetriever."""

import sys

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from measured import DEPTH, Row, run


class LlamaIndex:
    def __init__(self, model: str) -> None:
        Settings.llm = MockLLM()  # It writes no queries: one is asked.
        self._embedder = HuggingFaceEmbedding(model, embed_batch_size=32)
        self._splitter = SentenceSplitter(chunk_size=256, chunk_overlap=20)

    def warm_up(self) -> None:
        self._embedder.get_text_embedding("warm up")

    def ingest(self, rows: list[Row]) -> int:
        whole = [
            Document(
                text=row["text"], metadata={"title": row["title"], "row": row["id"]},
                excluded_embed_metadata_keys=["row"],
            )
            for row in rows
        ]  # fmt: skip
        nodes = self._splitter.get_nodes_from_documents(whole)
        index = VectorStoreIndex(nodes, embed_model=self._embedder)
        self._near = index.as_retriever(similarity_top_k=DEPTH)
        words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=DEPTH)
        self._both = QueryFusionRetriever(
            [self._near, words], similarity_top_k=DEPTH, num_queries=1, mode=FUSION_MODES.RECIPROCAL_RANK,
            use_async=False,
        )  # fmt: skip
        return len(nodes)

    def near(self, question: str) -> list[str]:
        return [hit.node.metadata["row"] for hit in self._near.retrieve(question)]

    def hybrid(self, question: str) -> list[str]:
        return [hit.node.metadata["row"] for hit in self._both.retrieve(question)]


run(LlamaIndex(sys.argv[1]))
