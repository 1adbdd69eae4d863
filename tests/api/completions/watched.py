"""A model that remembers what it was asked and when it was let go, for tests of those who ask."""

import threading
import time
from collections.abc import Callable, Generator, Sequence

from assistant.adapters.memory.models import ScriptedModel
from assistant.kernel.generation import ChatMessage, Completion, Sampling, Token

ENDLESS = "ENDLESS"
"""A script that says this makes the model write until it is stopped."""
BETWEEN_TOKENS_S = 0.005


class WatchedModel(ScriptedModel):
    """Says what a script says, and tells that it had read three tokens of each prompt before."""

    def __init__(self, reply: Callable[[Sequence[ChatMessage]], str], name: str = "watched") -> None:
        super().__init__(reply, name=name)
        self.asked: list[tuple[tuple[ChatMessage, ...], Sampling, str]] = []
        self.begun = threading.Event()
        self.ended = threading.Event()
        """Set when a stream ended or was closed."""

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        self.asked.append((tuple(messages), sampling, tenant))
        self.ended.clear()
        self.begun.set()
        try:
            while self._reply(messages) == ENDLESS:
                yield Token(text="and ", logprob=-0.5)
                time.sleep(BETWEEN_TOKENS_S)  # It may not fill the memory of a reader that is slow to leave.
            completion = yield from super().stream(messages, sampling, tenant=tenant, deadline_s=deadline_s)
            return completion.model_copy(update={"reused_tokens": 3})
        finally:
            self.ended.set()
