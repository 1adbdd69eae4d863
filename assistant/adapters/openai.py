"""LanguageModel over any OpenAI-compatible server (vLLM, llama-server, hosted gateways), streaming.

The wire format is OpenAI's ``/chat/completions``. Such a server tells no token counts in advance, so
``count_tokens`` is a cautious estimate from bytes.
"""

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx2

from assistant.kernel.errors import (
    ConfigurationError,
    DeadlineExceeded,
    InputError,
    ModelAway,
    ModelUnavailable,
    RetryLater,
)
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token

BYTES_PER_TOKEN = 3.0
"""English text has about 4 bytes a token; less is assumed, so that a prompt is rather cut than refused."""
MESSAGE_TOKENS = 8
CONNECT_TIMEOUT_S = 5.0


class OpenAIModel:
    """One model of one server. The client is safe to share between threads."""

    def __init__(self, card: ModelCard, base_url: str, api_key: str = "") -> None:
        self._card, self._base_url = card, base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(headers=headers)

    @property
    def card(self) -> ModelCard:
        return self._card

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """An upper estimate; see BYTES_PER_TOKEN."""
        return sum(MESSAGE_TOKENS + math.ceil(len(m.content.encode()) / BYTES_PER_TOKEN) for m in messages)

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        """Tokens as the server sends them; closing the generator closes the connection.

        Raises ModelUnavailable, RetryLater, ConfigurationError, InputError or DeadlineExceeded.
        """
        if deadline_s <= 0:
            raise DeadlineExceeded("there was no time left to ask the model server")
        end = time.monotonic() + deadline_s
        timeout = httpx2.Timeout(deadline_s, connect=min(CONNECT_TIMEOUT_S, deadline_s))
        text: list[str] = []
        logprobs: list[float] = []
        finish: Literal["stop", "length"] | None = None
        usage: Mapping[str, int] = {}
        try:
            with self._client.stream(
                "POST",
                f"{self._base_url}/chat/completions",
                json=self._body(messages, sampling, tenant),
                timeout=timeout,
            ) as response:
                _check(response)
                for event in _events(response, end):
                    usage = event.get("usage") or usage
                    for choice in event.get("choices", ()):
                        if said := choice.get("finish_reason"):
                            finish = "length" if said == "length" else "stop"
                        if piece := choice.get("delta", {}).get("content"):
                            token = Token(text=piece, logprob=_logprob(choice))
                            text.append(piece)
                            logprobs += [] if token.logprob is None else [token.logprob]
                            yield token
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ModelAway(f"the model server at {self._base_url} cannot be reached") from error
        except httpx2.TimeoutException as error:
            raise DeadlineExceeded("the model server did not answer in the time given") from error
        except httpx2.TransportError as error:
            raise ModelUnavailable("the model server broke the connection off") from error
        if finish is None:
            raise ModelUnavailable("the model server broke off in the middle of a reply")
        return Completion(
            text="".join(text),
            finish=finish,
            prompt_tokens=usage.get("prompt_tokens", self.count_tokens(messages)),
            completion_tokens=usage.get("completion_tokens", len(text)),
            logprobs=tuple(logprobs),
        )

    def _body(self, messages: Sequence[ChatMessage], sampling: Sampling, tenant: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._card.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
            "logprobs": True,
            "user": tenant,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.json_schema is not None:
            schema = {"name": "reply", "schema": dict(sampling.json_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


def _events(response: httpx2.Response, end: float) -> Iterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, until it says it is done or the monotonic time is ``end``."""
    for line in response.iter_lines():
        if time.monotonic() > end:
            raise DeadlineExceeded("the model server did not finish in the time given")
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            event = json.loads(data)
        except ValueError as error:
            raise ModelUnavailable("the model server sent something that is not JSON") from error
        if "error" in event:
            raise ModelUnavailable("the model server reported an error in the middle of a reply")
        yield event


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    if status in (401, 403, 404):
        raise ConfigurationError(
            f"the model server answered {status}", fix="Check DESKHAND_…_BASE_URL, …_API_KEY and the model's name."
        )
    if status == 429:
        raise RetryLater(
            "the model server has too much to do", retry_after_s=_seconds(response.headers.get("Retry-After"))
        )
    if status < 500:
        raise InputError(f"the model server refused the request with {status}", fix="It may be too long for the model.")
    raise ModelUnavailable(f"the model server answered {status}")


def _seconds(value: str | None) -> float:
    """Retry-After in seconds; the header may also be a date, which is not worth a parser here."""
    return float(value) if value and value.isdigit() else 5.0


def _logprob(choice: Mapping[str, Any]) -> float | None:
    content = (choice.get("logprobs") or {}).get("content") or []
    return float(content[0]["logprob"]) if content else None
