"""The clock, embedder and language model of tests: they do what they are told, without any model."""

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from assistant.kernel.errors import DeadlineExceeded, InputError
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.knowledge import (
    EmbedderIdentity,
)  # fmt: skip
from assistant.ports import Vectors
from assistant.text.words import content_stems


class ManualClock:
    """A clock that stands until told to go on."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now, self._seconds = start, 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


class HashingEmbedder:
    """Embeds by hashing stems into dimensions: texts that share words are similar, without any model."""

    def __init__(self, dimension: int = 256, max_tokens: int = 256) -> None:
        sha256 = hashlib.sha256(f"hashing {dimension}".encode()).hexdigest()
        self._identity = EmbedderIdentity(name="hashing", sha256=sha256, dimension=dimension, max_tokens=max_tokens)

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for stem, count in Counter(content_stems(text) or ["nothing"]).items():
                vectors[row, int(hashlib.sha256(stem.encode()).hexdigest(), 16) % self._identity.dimension] += count
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)


class OverlapReranker:
    """Scores a passage by the stems it shares with the question, without any model."""

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        asked = set(content_stems(question))
        return [float(len(asked & set(content_stems(passage)))) for passage in passages]


class ScriptedModel:
    """Says what a function of the messages returns, word by word."""

    def __init__(
        self, reply: Callable[[Sequence[ChatMessage]], str], name: str = "scripted", context: int = 4096
    ) -> None:
        self._reply = reply
        self._card = ModelCard(name=name, sha256=hashlib.sha256(name.encode()).hexdigest(), context_length=context)

    @property
    def card(self) -> ModelCard:
        return self._card

    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int:  # noqa: ARG002
        return 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content.split()) + 4 for message in messages)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        tenant: str,  # noqa: ARG002 A script serves everybody alike.
        deadline_s: float,
    ) -> Generator[Token, None, Completion]:
        if deadline_s <= 0:
            raise DeadlineExceeded("there was no time to answer")
        if self.count_tokens(messages) + sampling.max_tokens > self._card.context_length:
            raise InputError("prompt and reply exceed the context", field="messages")
        words = self._reply(messages).split(" ")
        written = [word if index == 0 else f" {word}" for index, word in enumerate(words)][: sampling.max_tokens]
        for piece in written:
            yield Token(text=piece, logprob=0.0)
        return Completion(
            text="".join(written),
            finish="stop" if len(written) == len(words) else "length",
            prompt_tokens=self.count_tokens(messages),
            completion_tokens=len(written),
            logprobs=(0.0,) * len(written),
        )
