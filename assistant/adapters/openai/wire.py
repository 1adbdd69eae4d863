"""What goes over the wire: a request's body, and the events that a reply is made of."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx2

from assistant.adapters.openai.counting import estimate
from assistant.kernel.errors import DeadlineExceeded, ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, Sampling, Token


def body_of(model: str, messages: Sequence[ChatMessage], sampling: Sampling, tenant: str) -> dict[str, Any]:
    """The body of a chat completion, with all that could be told and asked for."""
    body: dict[str, Any] = {
        "model": model,
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
    return body | _extensions(sampling)


def _extensions(sampling: Sampling) -> dict[str, Any]:
    """What OpenAI does not know and refuses: only if it asks for something."""
    fields: dict[str, Any] = {}
    if sampling.top_k:
        fields["top_k"] = sampling.top_k
    if sampling.min_p:
        fields["min_p"] = sampling.min_p
    if sampling.repeat_penalty != 1.0:
        fields["repeat_penalty"] = fields["repetition_penalty"] = sampling.repeat_penalty
    return fields


def events(response: httpx2.Response, end: float) -> Iterator[dict[str, Any]]:
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
        if not isinstance(event, dict) or event.get("error"):
            raise ModelUnavailable("the model server reported an error in the middle of a reply")
        yield event


class Reply:
    """A reply as it comes in."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._logprobs: list[float] = []
        self._unwritten: list[float] = []
        """Of tokens that have no text yet, because a character is not whole; the last may be the end itself."""
        self._finish: Literal["stop", "length"] | None = None
        self._usage: Mapping[str, Any] = {}

    @property
    def begun(self) -> bool:
        return bool(self._text)

    def read(self, incoming: Iterator[Mapping[str, Any]]) -> Iterator[Token]:
        """The tokens of a stream, whose last word must be why it ended. Raises ModelUnavailable."""
        for event in incoming:
            try:
                token = self._take(event)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise ModelUnavailable("the model server sent something that is no chat completion") from error
            if token is not None:
                yield token
        if self._finish is None:
            raise ModelUnavailable("the model server broke off in the middle of a reply")

    def completion(self, messages: Sequence[ChatMessage]) -> Completion:
        """The whole; what the server does not tell of the cost is estimated."""
        prompt, written = self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")
        details = self._usage.get("prompt_tokens_details") or {}
        return Completion(
            text="".join(self._text),
            finish=self._finish or "stop",
            prompt_tokens=estimate(messages) if prompt is None else prompt,
            reused_tokens=details.get("cached_tokens") or 0,
            completion_tokens=(len(self._logprobs) or len(self._text)) if written is None else written,
            logprobs=tuple(self._logprobs),
        )

    def _take(self, event: Mapping[str, Any]) -> Token | None:
        """The token of an event, or None when it has no text. An event may hold several tokens: they are one here."""
        self._usage = event.get("usage") or self._usage
        if not event.get("choices"):
            return None
        choice = event["choices"][0]
        if said := choice.get("finish_reason"):
            self._finish = "length" if said == "length" else "stop"
        self._unwritten += _logprobs(choice)
        piece = (choice.get("delta") or {}).get("content")
        if not piece:
            return None
        told, self._unwritten = self._unwritten, []
        self._text.append(piece)
        self._logprobs += told
        return Token(text=piece, logprob=math.fsum(told) if told else None)


def _logprobs(choice: Mapping[str, Any]) -> list[float]:
    content = (choice.get("logprobs") or {}).get("content") or []
    return [float(token["logprob"]) for token in content if token.get("logprob") is not None]
