"""What may be asked: OpenAI's chat completions as far as our models can do them; the rest is refused by its name."""

import secrets
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from assistant.api.openai.schemas import check_schema
from assistant.kernel.generation import ChatMessage, Sampling
from assistant.kernel.value import CleanText

MAX_CHARACTERS = 1_000_000
"""Of all messages together. It fits no model here, and spares the vocabulary from counting it."""
MAX_SEED = 2**32 - 1
"""llama.cpp takes 32 bits, and the last value as `any`."""
IGNORED = frozenset(
    {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
    | {"parallel_tool_calls"}
)
NEUTRAL: dict[str, object] = {
    "n": 1, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}, "top_logprobs": 0, "modalities": ["text"],
    "tools": [], "tool_choice": "none", "functions": [], "function_call": "none",
}  # fmt: skip
"""Fields that are not supported, at values that ask for nothing; clients send them unasked."""
REPLY_ONLY: dict[str, object] = {"tool_calls": [], "annotations": [], "audio": None, "refusal": None}
"""What a message has that was an answer before, and is sent back as it came."""
JSON_OBJECT: dict[str, Any] = {"type": "object"}


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _text_of(content: object) -> object:
    """A string, or the texts of a list of parts, one after the other. Parts that are not text are named."""
    if not isinstance(content, list):
        return content
    texts: list[str] = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(text, str):
            shown = repr(kind)[:40] if isinstance(kind, str) else "none"
            raise PydanticCustomError(
                "unsupported_part",
                "Part {number} is of type {shown}; only parts of type 'text' with a text are supported",
                {"number": number, "shown": shown, "param": str(number)},
            )
        texts.append(text)
    return "".join(texts)


def _whole_characters(text: str) -> str:
    """``text`` if it can be sent to an engine: JSON may hold half of a character, which UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("half_character", "It has half of a character in it") from error
    return text


Content = Annotated[
    CleanText,
    AfterValidator(_whole_characters),
    BeforeValidator(_text_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                        "required": ["type", "text"],
                    },
                },
            ]
        }
    ),
]


def _only_supported(data: object, supported: set[str], ignored: frozenset[str], neutral: dict[str, object]) -> object:
    """``data`` without what is null, ignored or asks for nothing. Raises for every other field that is not supported."""
    if not isinstance(data, dict):
        return data
    kept = {}
    for name, value in data.items():
        if value is None or name in ignored or (name in neutral and value == neutral[name]):
            continue
        if name not in supported:
            raise PydanticCustomError(
                "unsupported_parameter",
                "It is not supported{unless}; supported are {supported}",
                {
                    "unless": f" unless it is {neutral[name]!r}" if neutral.get(name) is not None else "",
                    "supported": ", ".join(sorted(supported)),
                    "param": str(name)[:80],
                },
            )
        kept[name] = value
    return kept


class Message(_Asked):
    """``developer`` is another word for ``system``. ``name`` is ignored: templates have no place for it."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Content

    @model_validator(mode="before")
    @classmethod
    def supported(cls, data: object) -> object:
        return _only_supported(data, set(cls.model_fields), frozenset({"name"}), REPLY_ONLY)

    def chat(self) -> ChatMessage:
        return ChatMessage(role="system" if self.role == "developer" else self.role, content=self.content)


class StreamOptions(_Asked):
    include_usage: bool = False

    @model_validator(mode="before")
    @classmethod
    def supported(cls, data: object) -> object:
        return _only_supported(data, set(cls.model_fields), frozenset({"include_obfuscation"}), {})


class NamedSchema(_Asked):
    """``strict`` changes nothing: a schema binds every reply."""

    name: str = Field(default="reply", max_length=64)
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] = Field(alias="schema")

    @model_validator(mode="after")
    def bounded(self) -> Self:
        if trouble := check_schema(self.schema_):
            raise PydanticCustomError("invalid_schema", "{trouble}", {"trouble": trouble, "param": "schema"})
        return self


class ResponseFormat(_Asked):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def complete(self) -> Self:
        if (self.json_schema is None) is (self.type == "json_schema"):
            raise PydanticCustomError(
                "invalid_format",
                "The type 'json_schema' needs a json_schema, and no other takes one",
                {"param": "json_schema"},
            )
        return self

    @property
    def binding(self) -> dict[str, Any] | None:
        """The schema a reply is bound to."""
        if self.type == "json_object":
            return JSON_OBJECT
        return None if self.json_schema is None else self.json_schema.schema_


class ChatRequest(_Asked):
    """A chat completion as OpenAI's clients ask for it, with llama-server's `top_k`, `min_p` and `repeat_penalty`.

    Ignored, because nothing depends on them: `user` (the tenant comes from the key), `metadata`, `store`,
    `service_tier`, `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention`, `parallel_tool_calls`, `name` of
    a message, and whatever is null. Refused by name: everything else that is not listed, such as `tools`,
    `functions`, `audio`, `n` above 1 and `top_logprobs` above 0.
    """

    model: str = Field(min_length=1, max_length=200, description="`small`, `large`, or a name of `GET /v1/models`.")
    messages: tuple[Message, ...] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1, description="Tokens to write at most; else what fits.")
    max_completion_tokens: int | None = Field(default=None, ge=1, description="The newer name of max_tokens.")
    temperature: float = Field(default=1.0, ge=0.0, le=2.0, description="0 always takes the likeliest token.")
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    top_k: int = Field(default=0, ge=-1, description="0 and -1: all tokens.")
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    repeat_penalty: float = Field(default=1.0, gt=0.0, le=2.0)
    seed: int | None = Field(default=None, description="None: another text each time, unless temperature is 0.")
    stop: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=500)], ...],
        BeforeValidator(lambda stop: (stop,) if isinstance(stop, str) else stop),
        Field(max_length=4),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 4}]}),
    ] = ()
    response_format: ResponseFormat = ResponseFormat(type="text")
    logprobs: bool = False

    @model_validator(mode="before")
    @classmethod
    def supported(cls, data: object) -> object:
        return _only_supported(data, set(cls.model_fields), IGNORED, NEUTRAL)

    @model_validator(mode="after")
    def consistent(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise _wrong("stream_options", "It may only be given with stream: true")
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise _wrong("max_tokens", "It says another number than max_completion_tokens; give one of them")
        if sum(len(message.content) for message in self.messages) > MAX_CHARACTERS:
            raise _wrong("messages", f"They have more than {MAX_CHARACTERS} characters, which fits no model here")
        return self

    @property
    def chat(self) -> tuple[ChatMessage, ...]:
        return tuple(message.chat() for message in self.messages)

    @property
    def limit(self) -> int | None:
        """Tokens to write at most, if that was said."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling(self, limit: int) -> Sampling:
        """How to write ``limit`` tokens at most."""
        return Sampling(
            max_tokens=limit,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=max(0, self.top_k),
            min_p=self.min_p,
            repeat_penalty=self.repeat_penalty,
            seed=secrets.randbelow(MAX_SEED) if self.seed is None else self.seed % MAX_SEED,
            stop=self.stop,
            json_schema=self.response_format.binding,
        )


def _wrong(param: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("invalid_value", "{message}", {"message": message, "param": param})
