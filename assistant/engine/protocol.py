"""What parent and child say to each other, and guests to a host: one JSON object a line."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from assistant.kernel.generation import ChatMessage, Completion, Sampling
from assistant.kernel.value import Value


class ModelFile(Value):
    """A GGUF file to serve. ``gpu_layers`` 0 keeps it on the CPU, -1 puts all of it on the GPU."""

    name: str
    path: str
    context_length: int
    gpu_layers: int = 0


class ChildSettings(Value):
    models: tuple[ModelFile, ...]
    threads: int


class Generate(Value):
    op: Literal["generate"] = "generate"
    id: int
    model: str
    messages: tuple[ChatMessage, ...]
    sampling: Sampling
    bulk: bool = False
    """Bulk work stands aside, between two steps, for everything that is not."""


class Count(Value):
    op: Literal["count"] = "count"
    id: int
    model: str
    messages: tuple[ChatMessage, ...]


class Embed(Value):
    """Asked of a host only: the models' own process has no embedder."""

    op: Literal["embed"] = "embed"
    id: int
    texts: tuple[str, ...]


class Cancel(Value):
    op: Literal["cancel"] = "cancel"
    id: int


class Ready(Value):
    """Requests may come. A host says what it has, so that a guest that needs something else can tell."""

    event: Literal["ready"] = "ready"
    models: tuple[ModelFile, ...] = ()
    embedder_sha256: str = ""


class Progress(Value):
    """A slice of the prompt was read: a sign of life while no token can come yet."""

    event: Literal["progress"] = "progress"
    id: int


class Wrote(Value):
    event: Literal["wrote"] = "wrote"
    id: int
    text: str
    logprob: float | None


class Finished(Value):
    event: Literal["finished"] = "finished"
    id: int
    completion: Completion


class Counted(Value):
    event: Literal["counted"] = "counted"
    id: int
    tokens: int


class Embedded(Value):
    """``vectors`` is base64 of little-endian float32, a row a text."""

    event: Literal["embedded"] = "embedded"
    id: int
    vectors: str


class Failed(Value):
    """``kind`` is ``input`` when the request cannot be served as it is, ``away`` when nobody could be asked, else
    ``model`` or ``cancelled``.
    """

    event: Literal["failed"] = "failed"
    id: int
    kind: Literal["input", "model", "away", "cancelled"]
    message: str


Request = Generate | Count | Embed | Cancel
Answer = Wrote | Finished | Counted | Embedded | Failed
"""What a request is answered with; the last of its events is not Wrote."""
Event = Ready | Progress | Answer
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
