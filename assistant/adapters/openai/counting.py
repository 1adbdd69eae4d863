"""Counts tokens with the server's own tokenizer where it offers one, which is no part of OpenAI's API.

vLLM and llama-server both answer ``POST /tokenize``, beside ``/v1``. vLLM takes ``messages``, applies the chat template
and answers with ``count``. llama-server takes ``content`` alone and answers with ``tokens``, so the template is
estimated. Either ignores the other's field, and so both are sent.
"""

import math
import time
from collections.abc import Sequence

import httpx2

from assistant.kernel.generation import ChatMessage

BYTES_PER_TOKEN = 3.0
"""English text has about 4 bytes a token; less is assumed, so that a prompt is rather cut than refused."""
MESSAGE_TOKENS = 8
"""What a chat template puts around one message, at most."""
TIMEOUT = httpx2.Timeout(5.0, connect=2.0)
ASK_AGAIN_S = 30.0
"""How long after a failure the tokenizer is left alone: a server that is down must not hold up every count."""
NOT_OFFERED = frozenset({401, 403, 404, 405, 501})


def estimate(messages: Sequence[ChatMessage]) -> int:
    """An upper estimate from bytes."""
    return sum(MESSAGE_TOKENS + math.ceil(len(m.content.encode()) / BYTES_PER_TOKEN) for m in messages)


class TokenCounter:
    """The tokenizer of one server, or an estimate while it has none or does not answer."""

    def __init__(self, client: httpx2.Client, base_url: str, model: str) -> None:
        self._client, self._model = client, model
        self._url = f"{base_url.removesuffix('/v1')}/tokenize"
        self._ask_after = 0.0
        """Monotonic time; infinite once the server turned out to have no tokenizer."""

    def count(self, messages: Sequence[ChatMessage]) -> int:
        counted = self._ask(messages) if time.monotonic() >= self._ask_after else None
        return estimate(messages) if counted is None else counted

    def _ask(self, messages: Sequence[ChatMessage]) -> int | None:
        body = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "content": "\n".join(message.content for message in messages),
        }
        try:
            response = self._client.post(self._url, json=body, timeout=TIMEOUT)
        except httpx2.HTTPError:
            self._ask_after = time.monotonic() + ASK_AGAIN_S
            return None
        if response.status_code >= 400 and response.status_code not in NOT_OFFERED:
            self._ask_after = time.monotonic() + ASK_AGAIN_S
            return None
        counted = None if response.status_code >= 400 else _count(response, len(messages))
        if counted is None:
            self._ask_after = math.inf
        return counted


def _count(response: httpx2.Response, messages: int) -> int | None:
    """Tokens of the prompt, or None when the answer is not a tokenizer's: some servers answer everything with a page."""
    try:
        answer = response.json()
    except ValueError:
        return None
    match answer:
        case {"count": int(count)}:
            return count
        case {"tokens": list(tokens)}:
            return len(tokens) + MESSAGE_TOKENS * (messages + 1)
        case _:
            return None
