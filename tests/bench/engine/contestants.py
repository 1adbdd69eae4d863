"""What every contestant can do, what it is asked, and what it answers."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from assistant.kernel.generation import ChatMessage
from assistant.kernel.value import Value

SPIN = {"GOMP_SPINCOUNT": "1000"}
CONTEXT_LENGTH = 4096


class Weights(Value):
    """The model all contestants run, and the threads they run it with. The rest is ours alone."""

    name: str
    path: str
    sha256: str
    threads: int
    reuse_passages: bool = False
    familiar_gain: int = 0


class Ask(Value):
    """Something to write, greedily, to the end of the turn. ``orders`` is the same with its passages in every order, that of
    ``messages`` first. With ``fill`` it is ``max_tokens`` long all the same where a
    contestant can go on after that.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    orders: tuple[tuple[ChatMessage, ...], ...] = ()
    json_schema: Mapping[str, Any] | None = None
    bulk: bool = False
    fill: bool = False


class Written(Value):
    """Seconds count from when the ask was made. ``read`` tokens of the prompt were computed, ``reused`` were not.

    ``token_s`` is when each token came, as far as a contestant tells them one by one.
    """

    text: str
    first_s: float
    seconds: float
    token_s: tuple[float, ...]
    read: int
    reused: int
    tokens: int


class Contestant(Protocol):
    """An engine in a process of its own. ``write`` may be called from many threads at once.

    ``bulk_at_once`` is how many bulk asks it is best given together, ``bulk_beside_drafts`` the same while drafts come.
    What is kept in the folder given to ``start`` serves the next start with the same folder; ``keep`` returns when all
    is there.
    """

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def bulk_at_once(self) -> int: ...
    @property
    def bulk_beside_drafts(self) -> int: ...
    def start(self, kept: Path | None = None) -> None: ...
    def write(self, ask: Ask) -> Written: ...
    def keep(self) -> None: ...
    def stop(self) -> None: ...


class ContestantEnded(Exception):
    """A contestant's process went away while it was asked something."""


def chat_text(messages: Sequence[ChatMessage]) -> str:
    """The chat as ChatML, the template of every model in the catalogue, up to where the reply begins."""
    turns = (f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    return f"{''.join(turns)}<|im_start|>assistant\n"


class RivalProcess:
    """A rival's own process, which says a line once it can be asked. Raises ContestantEnded when it does not come up."""

    def __init__(self, module: str, settings: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.engine.{module}", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | SPIN,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stdin, self.stdout, self.pid = self._process.stdin, self._process.stdout, self._process.pid
        self.greeting = self.stdout.readline()
        if not self.greeting:
            raise ContestantEnded(f"{module} did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self.stdin.close()
        self.stdout.close()
