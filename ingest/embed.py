"""Chunks → vectors: what was embedded before is looked up, the rest is embedded once."""

from collections.abc import Sequence

import numpy as np

from assistant.kernel.knowledge import Chunk
from assistant.ports import DocumentStore, Embedder, Vectors


def embed(chunks: Sequence[Chunk], embedder: Embedder, known: DocumentStore) -> tuple[Vectors, int]:
    """Vectors of ``chunks``, shape (len(chunks), dimension), and how many had to be computed.

    Texts are embedded in order of length, so that a batch pads little.
    """
    texts = [chunk.embedding_text() for chunk in chunks]
    vectors = known.vectors(embedder.identity, list(dict.fromkeys(texts)))
    missing = sorted({text for text in texts if text not in vectors}, key=lambda text: (len(text), text))
    vectors |= dict(zip(missing, embedder.embed(missing), strict=True))
    if not texts:
        return np.zeros((0, embedder.identity.dimension), dtype=np.float32), 0
    return np.stack([vectors[text] for text in texts]), len(missing)
