"""What parent and child say to each other: one JSON object a line."""

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


class Count(Value):
    op: Literal["count"] = "count"
    id: int
    model: str
    messages: tuple[ChatMessage, ...]


class Cancel(Value):
    op: Literal["cancel"] = "cancel"
    id: int


class Ready(Value):
    event: Literal["ready"] = "ready"


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


class Failed(Value):
    """``kind`` is ``input`` when the request cannot be served as it is, else ``model`` or ``cancelled``."""

    event: Literal["failed"] = "failed"
    id: int
    kind: Literal["input", "model", "cancelled"]
    message: str


Request = Annotated[Generate | Count | Cancel, Field(discriminator="op")]
Event = Annotated[Ready | Progress | Wrote | Finished | Counted | Failed, Field(discriminator="event")]
REQUEST: TypeAdapter[Generate | Count | Cancel] = TypeAdapter(Request)
EVENT: TypeAdapter[Ready | Progress | Wrote | Finished | Counted | Failed] = TypeAdapter(Event)
