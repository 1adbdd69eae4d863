"""What is asked of a language model and what comes back."""

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any, Literal

from pydantic import Field

from assistant.kernel.value import Value


class ChatMessage(Value):
    """``cuts`` are offsets in the content, in pairs: where each piece that other prompts may share, such as a passage,
    begins and ends. An engine may tokenise and keep these on their own.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    cuts: tuple[int, ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        ends = (*self.cuts, len(self.content))
        return tuple(self.content[start:end] for start, end in zip((0, *self.cuts), ends, strict=True))


class Sampling(Value):
    """How the next token is chosen. ``temperature`` 0 is greedy and ignores the seed.

    ``repeat_penalty`` divides the positive logits, and multiplies the negative ones, of the tokens among the last 64
    (Keskar et al., "CTRL", 2019); 1 leaves them alone.
    """

    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0.0, le=100.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    top_k: int = Field(default=0, ge=0, le=1_000_000)
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    repeat_penalty: float = Field(default=1.0, gt=0.0, le=2.0)
    seed: int = Field(default=0, ge=0, lt=2**32 - 1)
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None


class Token(Value):
    """A piece of text as it is written. ``logprob`` is the natural logarithm of its probability."""

    text: str
    logprob: float | None


class Completion(Value):
    """The whole of what was written, and what it cost."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    reused_tokens: int = 0
    completion_tokens: int
    logprobs: tuple[float, ...] = ()


class Scored(Value):
    """How likely a model finds given text: the natural logarithm of each token's probability after those before it.

    The first token of a text has none, unless the model begins texts with a token of its own.
    """

    tokens: int
    logprobs: tuple[float, ...]

    @property
    def log_likelihood(self) -> float:
        return math.fsum(self.logprobs)

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-likelihood of a token; infinite for a text of less than two tokens."""
        return math.exp(-self.log_likelihood / len(self.logprobs)) if self.logprobs else math.inf


class ModelCard(Value):
    """Which weights answer. ``sha256`` is empty for a model behind a server."""

    name: str
    sha256: str
    context_length: int


def run_to_end(stream: Generator[Token, None, Completion], on_token: Callable[[Token], None]) -> Completion:
    """Drain a model's stream, handing each token on. An error in ``on_token`` closes, and so cancels, it."""
    try:
        while True:
            on_token(next(stream))
    except StopIteration as end:
        completion: Completion = end.value
        return completion
    finally:
        stream.close()
