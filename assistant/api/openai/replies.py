"""What is answered: chat completions whole and in chunks, and the list of models, in OpenAI's form."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from assistant.api.openai.errors import ErrorAnswer, error_of
from assistant.kernel.errors import DeskhandError
from assistant.kernel.generation import Completion, ModelCard, Token

DONE = format_sse_event(data_str="[DONE]")
OWNER = "deskhand"


class ModelEntry(BaseModel):
    """``root`` is the catalogue's name of the model that answers to ``id``; when it was made is not known."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = OWNER
    root: str
    max_model_len: int


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelEntry]


class CachedTokens(BaseModel):
    cached_tokens: int


class Usage(BaseModel):
    """``cached_tokens`` are those of the prompt that were not read again, because another had begun the same."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class TokenLogprob(BaseModel):
    """A piece of text as it was written, and the natural logarithm of its probability."""

    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[Any] = []


class Logprobs(BaseModel):
    content: list[TokenLogprob]
    refusal: None = None


class Answer(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    index: int = 0
    message: Answer
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"]


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str | None
    choices: list[Choice]
    usage: Usage


@dataclass(frozen=True)
class Replies:
    """Makes the answers to one request. ``created`` is in seconds since 1970."""

    id: str
    created: int
    card: ModelCard
    logprobs: bool
    include_usage: bool

    def whole(self, completion: Completion, tokens: Sequence[Token]) -> ChatCompletion:
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.card.name,
            system_fingerprint=self._fingerprint,
            choices=[
                Choice(
                    message=Answer(content=completion.text),
                    logprobs=_logprobs(tokens) if self.logprobs else None,
                    finish_reason=completion.finish,
                )
            ],
            usage=_usage(completion),
        )

    def begin(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""}, None, None)

    def token(self, token: Token) -> bytes:
        return self._chunk({"content": token.text}, _logprobs([token]) if self.logprobs else None, None)

    def end(self, completion: Completion) -> Iterator[bytes]:
        """The reason it ended, what it cost if that was asked for, and that nothing follows."""
        yield self._chunk({}, None, completion.finish)
        if self.include_usage:
            yield self._event({"choices": [], "usage": _usage(completion).model_dump()})
        yield DONE

    @property
    def _fingerprint(self) -> str | None:
        return f"fp_{self.card.sha256[:12]}" if self.card.sha256 else None

    def _chunk(self, delta: dict[str, str], logprobs: Logprobs | None, finish: str | None) -> bytes:
        shown = logprobs.model_dump() if logprobs else None
        choice = {"index": 0, "delta": delta, "logprobs": shown, "finish_reason": finish}
        return self._event({"choices": [choice]} | ({"usage": None} if self.include_usage else {}))

    def _event(self, own: dict[str, Any]) -> bytes:
        common = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.card.name,
            "system_fingerprint": self._fingerprint,
        }
        return format_sse_event(data_str=json.dumps(common | own, ensure_ascii=False))


def error_event(error: DeskhandError) -> bytes:
    """An error in the middle of a stream. Nothing follows it, not even that it is done."""
    answer = ErrorAnswer(error=error_of(error))
    return format_sse_event(data_str=json.dumps(answer.model_dump(), ensure_ascii=False))


def _usage(completion: Completion) -> Usage:
    return Usage(
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        total_tokens=completion.prompt_tokens + completion.completion_tokens,
        prompt_tokens_details=CachedTokens(cached_tokens=completion.reused_tokens),
    )


def _logprobs(tokens: Sequence[Token]) -> Logprobs | None:
    """None when the model tells no probabilities."""
    told = [
        TokenLogprob(token=token.text, logprob=token.logprob, bytes=list(token.text.encode()))
        for token in tokens
        if token.logprob is not None
    ]
    return Logprobs(content=told) if told else None
