"""Chunks → vectors: what was embedded before is looked up, the rest is embedded once."""

from collections.abc import Sequence

import numpy as np

from assistant.kernel.knowledge import Chunk
from assistant.ports import DocumentStore, Embedder, Vectors

KEPT_AT_ONCE = 256


def embed(chunks: Sequence[Chunk], embedder: Embedder, known: DocumentStore) -> tuple[Vectors, int]:
    """Vectors of ``chunks``, shape (len(chunks), dimension), and how many had to be computed.

    Texts are embedded in order of length, so that a batch pads little. Vectors of many texts are kept as they come: whoever
    is stopped in the middle of a huge document goes on there.
    """
    texts = [chunk.embedding_text() for chunk in chunks]
    vectors = known.vectors(embedder.identity, list(dict.fromkeys(texts)))
    missing = sorted({text for text in texts if text not in vectors}, key=lambda text: (len(text), text))
    for start in range(0, len(missing), KEPT_AT_ONCE):
        some = missing[start : start + KEPT_AT_ONCE]
        computed = dict(zip(some, embedder.embed(some), strict=True))
        if start + KEPT_AT_ONCE < len(missing):  # The last ones are kept with their documents.
            known.add_vectors(embedder.identity, computed)
        vectors |= computed
    if not texts:
        return np.zeros((0, embedder.identity.dimension), dtype=np.float32), 0
    return np.stack([vectors[text] for text in texts]), len(missing)
