"""LanguageModel over the supervised child: what the pipeline sees of the engine."""

import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import assert_never

from assistant.engine.link import Call, Requests
from assistant.engine.protocol import (
    Answer,
    Count,
    Counted,
    Embedded,
    Failed,
    Finished,
    Generate,
    Score,
    ScoreGiven,
    Wrote,
)
from assistant.kernel.errors import (
    Cancelled,
    DeadlineExceeded,
    DeskhandError,
    InputError,
    ModelAway,
    ModelUnavailable,
    Overloaded,
)
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Scored, Token

COUNT_TIMEOUT_S = 30.0


class LocalModel:
    """One model of a ModelProcess, of this process or of a host. ``bulk`` work stands aside for the rest."""

    def __init__(self, card: ModelCard, process: Requests, *, bulk: bool = False) -> None:
        self._card, self._process, self._bulk = card, process, bulk

    @property
    def card(self) -> ModelCard:
        return self._card

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the chat with its template, counted by the model's own vocabulary."""
        return self._counted(messages, None).tokens

    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int:
        """Tokens at the beginning of the chat that were read for ``tenant`` before, and need not be read again."""
        return self._counted(messages, tenant).known

    def _counted(self, messages: Sequence[ChatMessage], tenant: str | None) -> Counted:
        call = self._process.submit(
            lambda number: Count(id=number, model=self._card.name, messages=tuple(messages), tenant=tenant)
        )
        event = answered(call, COUNT_TIMEOUT_S)
        if isinstance(event, Counted):
            return event
        raise error_of(event) if isinstance(event, Failed) else ModelUnavailable("tokens were not counted")

    def score(self, text: str, *, deadline_s: float) -> Scored:
        """How likely the model finds ``text``. Raises as ``stream`` does."""
        call = self._process.submit(lambda number: Score(id=number, model=self._card.name, text=text))
        event = answered(call, deadline_s)
        if isinstance(event, ScoreGiven):
            return event.scored
        raise error_of(event) if isinstance(event, Failed) else ModelUnavailable("the text was not scored")

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        """Tokens as they are written; closing the generator cancels.

        Raises ModelUnavailable when the process dies or hangs, DeadlineExceeded after ``deadline_s``
        seconds, InputError when the prompt does not fit.
        """
        end = time.monotonic() + deadline_s
        call = self._process.submit(
            lambda number: Generate(
                id=number,
                model=self._card.name,
                messages=tuple(messages),
                sampling=sampling,
                tenant=tenant,
                deadline_s=deadline_s,
                bulk=self._bulk,
            )
        )
        try:
            while True:
                event = call.wait(end)
                match event:
                    case Wrote(text=text, logprob=logprob):
                        yield Token(text=text, logprob=logprob)
                    case Finished(completion=completion):
                        return completion
                    case Failed():
                        raise error_of(event)
                    case Counted() | ScoreGiven() | Embedded():
                        raise ModelUnavailable("the model process answered another question")
                    case _:
                        assert_never(event)
        finally:
            call.cancel()


def answered(call: Call, timeout_s: float) -> Answer:
    """The one answer of a call, which is cancelled when it takes longer than ``timeout_s`` seconds: DeadlineExceeded."""
    try:
        return call.wait(time.monotonic() + timeout_s)
    finally:
        call.cancel()


def usable_cores() -> int:
    """Cores this process may really use: its affinity, cut by a cgroup quota (v2) if there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))


def error_of(event: Failed) -> DeskhandError:
    """The error a failed request stands for."""
    match event.kind:
        case "input":
            return InputError(event.message)
        case "cancelled":
            return Cancelled(event.message)
        case "model":
            return ModelUnavailable(event.message)
        case "away":
            return ModelAway(event.message)
        case "busy":
            return Overloaded(event.message, retry_after_s=event.retry_after_s)
        case "late":
            return DeadlineExceeded(event.message)
        case _:
            assert_never(event.kind)
