"""OpenAIModel: one model of one server."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import httpx2

from assistant.adapters.openai.counting import TokenCounter
from assistant.adapters.openai.refusals import refused_fields
from assistant.adapters.openai.wire import Reply, body_of, events
from assistant.kernel.errors import DeadlineExceeded, ModelAway, ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token

CONNECT_TIMEOUT_S = 5.0
RETRY_WAIT_S = 0.5
LONGEST_WAIT_S = 5.0
"""A server that asks to wait longer is not asked again: the caller may have better to do."""


class OpenAIModel:
    """One model of one server. Safe to share between threads."""

    def __init__(
        self, card: ModelCard, base_url: str, api_key: str = "", *, retry_wait_s: float = RETRY_WAIT_S
    ) -> None:
        self._card, self._base_url, self._retry_wait_s = card, base_url.rstrip("/"), retry_wait_s
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(headers=headers)
        self._counter = TokenCounter(self._client, self._base_url, card.name)
        self._left_out: frozenset[str] = frozenset()
        """Two threads may overwrite what the other has learnt; it is learnt again."""

    @property
    def card(self) -> ModelCard:
        return self._card

    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int:  # noqa: ARG002
        """0: no server tells what it has read before."""
        return 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """As the server's tokenizer counts, if it can be asked; else an upper estimate. Never raises."""
        return self._counter.count(messages)

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        """Tokens as the server sends them; closing the generator closes the connection.

        A server that fails before the first token is asked once more, if there is time; one that has too much to do
        is not. Raises ModelUnavailable, RetryLater, ConfigurationError, InputError or DeadlineExceeded.
        """
        end = time.monotonic() + deadline_s
        body = body_of(self._card.name, messages, sampling, tenant)
        first = True
        while True:
            reply = Reply()
            try:
                yield from self._attempt(body, reply, end)
                return reply.completion(messages)
            except ModelUnavailable as error:
                in_time = time.monotonic() + self._retry_wait_s < end
                if reply.begun or not first or not in_time or error.retry_after_s > LONGEST_WAIT_S:
                    raise
            first = False
            time.sleep(self._retry_wait_s)

    def _attempt(self, body: Mapping[str, Any], reply: Reply, end: float) -> Generator[Token, None, None]:
        """Ask, again without each field that is refused and dispensable, and hear the reply to its end."""
        left_out, heard = self._left_out, False
        try:
            while not heard:
                sent = {name: value for name, value in body.items() if name not in left_out}
                with self._ask(sent, end) as response:
                    refused = refused_fields(response, sent)
                    left_out |= refused
                    heard = not refused
                    if heard:
                        self._left_out |= left_out  # Not before it helped: an error can hold the same word by chance.
                        yield from reply.read(events(response, end))
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ModelAway(f"the model server at {self._base_url} cannot be reached") from error
        except httpx2.TimeoutException as error:
            raise DeadlineExceeded("the model server did not answer in the time given") from error
        except httpx2.TransportError as error:
            raise ModelUnavailable("the model server broke the connection off") from error

    def _ask(self, body: Mapping[str, Any], end: float) -> AbstractContextManager[httpx2.Response]:
        left = end - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("there was no time left to ask the model server")
        return self._client.stream(
            "POST",
            f"{self._base_url}/chat/completions",
            json=body,
            timeout=httpx2.Timeout(left, connect=min(CONNECT_TIMEOUT_S, left)),
        )
