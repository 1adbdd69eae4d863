"""Ports of what reads, compares and writes text, and of the clock."""

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.knowledge import (
    EmbedderIdentity,
)


class Clock(Protocol):
    """Tells the time: wall time for records, monotonic seconds for durations."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


Vectors = NDArray[np.float32]
"""Shape (rows, dimension), float32, each row of unit length."""


class Embedder(Protocol):
    """Turns text into vectors whose dot product is similarity of meaning."""

    @property
    def identity(self) -> EmbedderIdentity: ...
    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def embed(self, texts: Sequence[str]) -> Vectors: ...


class Reranker(Protocol):
    """Reads a question together with each of some passages, and tells how well they answer it."""

    def score(self, question: str, passages: Sequence[str]) -> list[float]: ...


OnToken = Callable[[Token], None]


class LanguageModel(Protocol):
    """Writes text. Closing the generator cancels; its return value is the completion.

    ``known_tokens`` is how much of the beginning of a chat it need not read, having read it before; 0 where it cannot tell.
    """

    @property
    def card(self) -> ModelCard: ...
    def count_tokens(self, messages: Sequence[ChatMessage]) -> int: ...
    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int: ...
    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]: ...
