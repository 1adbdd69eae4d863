"""Texts → vectors, kept as they come and handed on in growing portions."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from assistant.ports import DocumentStore, Embedder

EMBEDDED_AT_ONCE = 256
HANDED_ON_AFTER = 4096
"""Then after twice as many, and so on: each time they are handed on, all that waits is looked through."""

TextVectors = dict[str, NDArray[np.float32]]
OnEmbedded = Callable[[int, int], None]
"""Told how many more texts have a vector, and how many are still to get one."""


def embed(
    texts: Collection[str], embedder: Embedder, store: DocumentStore, on_embedded: OnEmbedded
) -> Iterator[TextVectors]:
    """Vectors of ``texts``, none of which has one yet. In order of length, so that a batch pads little.

    Whoever is stopped in the middle of a long ingest goes on there.
    """
    ordered = sorted(texts, key=lambda text: (len(text), text))
    on_embedded(0, len(ordered))
    some: TextVectors = {}
    enough = HANDED_ON_AFTER
    for start in range(0, len(ordered), EMBEDDED_AT_ONCE):
        batch = ordered[start : start + EMBEDDED_AT_ONCE]
        computed = dict(zip(batch, embedder.embed(batch), strict=True))
        store.add_vectors(embedder.identity, computed)
        on_embedded(len(batch), len(ordered) - start - len(batch))
        some |= computed
        if len(some) >= enough:
            yield some
            some, enough = {}, 2 * enough
    if some:
        yield some
