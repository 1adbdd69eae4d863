"""What parent and child say to each other, and guests to a host: one JSON object a line."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from assistant.kernel.generation import ChatMessage, Completion, Sampling, Scored
from assistant.kernel.value import Value

BULK_WAITS_S = 3.0
"""Bulk work gets a turn at least this often, however many drafts and questions there are, on either side."""


class AdapterFile(Value):
    """A LoRA adapter in GGUF, made for the model it is listed with."""

    name: str
    path: str
    sha256: str = ""
    scale: float = 1.0


class ModelFile(Value):
    """A GGUF file to serve. ``gpu_layers`` 0 keeps it on the CPU, -1 puts all of it on the GPU.

    ``sha256`` tells states of one file from those of another. ``slots`` is how many texts it reads or writes at
    once, each with ``context_length`` tokens. ``reuse_passages`` joins the states of passages that were read apart
    from each other, which is not exact. ``prompt_lookup`` guesses what a reply quotes of its prompt.
    """

    name: str
    path: str
    sha256: str = ""
    context_length: int
    gpu_layers: int = 0
    kv_type: Literal["f16", "q8_0"] = "f16"
    slots: int = 8
    adapters: tuple[AdapterFile, ...] = ()
    reuse_passages: bool = False
    prompt_lookup: bool = False


class ChildSettings(Value):
    """``states_folder`` keeps the states of prompts across restarts, within ``states_mb`` megabytes of disk; empty: none
    are kept. ``memory_mb`` bounds the states held in memory. ``max_queued`` requests may wait; one more is refused.
    """

    models: tuple[ModelFile, ...]
    threads: int
    states_folder: str = ""
    states_mb: int = 2_000
    memory_mb: int = 500
    max_queued: int = 256


class Generate(Value):
    op: Literal["generate"] = "generate"
    id: int
    model: str
    messages: tuple[ChatMessage, ...]
    sampling: Sampling
    tenant: str = ""
    deadline_s: float = 3_600.0
    adapter: str = ""
    bulk: bool = False
    """Bulk work stands aside, between two steps, for everything that is not."""


class Count(Value):
    """Asks how many tokens a chat has; with a ``tenant`` also how many of them need not be read for that one."""

    op: Literal["count"] = "count"
    id: int
    model: str
    messages: tuple[ChatMessage, ...]
    tenant: str | None = None
    adapter: str = ""


class Score(Value):
    """Asks how likely the model finds ``text``, from its beginning."""

    op: Literal["score"] = "score"
    id: int
    model: str
    text: str
    adapter: str = ""


class Embed(Value):
    """Asked of a host only: the models' own process has no embedder."""

    op: Literal["embed"] = "embed"
    id: int
    texts: tuple[str, ...]
    bulk: bool = False


class Cancel(Value):
    op: Literal["cancel"] = "cancel"
    id: int


class Ready(Value):
    """Requests may come. A host says what it has, so that a guest that needs something else can tell."""

    event: Literal["ready"] = "ready"
    models: tuple[ModelFile, ...] = ()
    embedder_sha256: str = ""


class Progress(Value):
    """Work goes on: a sign of life about once a second, for all requests together (``id`` 0)."""

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
    known: int = 0


class ScoreGiven(Value):
    event: Literal["score_given"] = "score_given"
    id: int
    scored: Scored


class Embedded(Value):
    """``vectors`` is base64 of little-endian float32, a row a text."""

    event: Literal["embedded"] = "embedded"
    id: int
    vectors: str


class Failed(Value):
    """``kind`` is ``input`` when the request cannot be served as it is, ``away`` when nobody could be asked, ``busy`` when
    too many wait (``retry_after_s``: about when not), ``late`` past the deadline, else ``model`` or ``cancelled``.
    """

    event: Literal["failed"] = "failed"
    id: int
    kind: Literal["input", "model", "away", "busy", "late", "cancelled"]
    message: str
    retry_after_s: float = 0.0


Request = Generate | Count | Score | Embed | Cancel
Answer = Wrote | Finished | Counted | ScoreGiven | Embedded | Failed
"""What a request is answered with; the last of its events is not Wrote."""
Event = Ready | Progress | Answer
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
