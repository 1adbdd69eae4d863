"""The child process: owns every model of this machine, and does the steps of all requests in turn.

Requests come as lines on standard input, events leave on standard output (``protocol``). A closed
standard input means the parent is gone, and ends the process at once.
"""

import ctypes
import os
import queue
import re
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, assert_never

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # Before llama_cpp: idle OpenMP threads must not hold the cores.

import llama_cpp

from assistant.engine.loaded import LoadedModel
from assistant.engine.protocol import (
    REQUEST,
    Cancel,
    ChildSettings,
    Count,
    Counted,
    Embed,
    Event,
    Failed,
    Generate,
    Progress,
    Ready,
    Score,
)  # fmt: skip
from assistant.engine.scheduler import Scheduler
from assistant.engine.shelf import Shelf
from assistant.engine.state_file import StateFile
from assistant.kernel.errors import DeskhandError, InputError, ModelUnavailable

SIGN_EVERY_S = 1.0
"""While there is work, the parent hears at least this often that it goes on."""


class Child:
    """Reads on one thread, works on the main one. Counting tokens needs no turn: it changes nothing."""

    def __init__(self, settings: ChildSettings, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests, self._events = requests, events
        self._writing = threading.Lock()
        self._inbox: queue.SimpleQueue[Generate | Score | Cancel] = queue.SimpleQueue()
        shelf = Shelf(settings.memory_mb * 1_000_000, _state_file(settings))
        self._models = {file.name: LoadedModel(file, settings.threads, shelf) for file in settings.models}
        machines = {name: model.machine for name, model in self._models.items()}
        self._scheduler = Scheduler(machines, self._send, settings.max_queued)
        self._sign_at = 0.0

    def run(self) -> None:
        """Serve until the parent goes."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._send(Ready())
        while True:
            self._take(self._inbox.get())
            while self._scheduler.step():
                self._give_sign()
                while not self._inbox.empty():
                    self._take(self._inbox.get())

    def _listen(self) -> None:
        for line in self._requests:
            try:
                self._hear(line)
            except Exception as error:  # This thread must outlive every request: the process hears through it alone.
                if found := re.search(rb'"id"\s*:\s*(\d+)', line):
                    self._send(Failed(id=int(found[1]), kind="input", message=f"not a request: {type(error).__name__}"))
        os._exit(0)  # The main thread may be deep in llama.cpp; nothing here needs a clean end.

    def _hear(self, line: bytes) -> None:
        request = REQUEST.validate_json(line)
        match request:
            case Generate() | Score() | Cancel():
                self._inbox.put(request)
            case Count():
                self._send(self._count(request))
            case Embed():
                self._send(Failed(id=request.id, kind="input", message="this process has no embedder"))
            case _:
                assert_never(request)

    def _model(self, name: str) -> LoadedModel:
        if name not in self._models:
            raise ModelUnavailable(f"{name} is not loaded here", fix="Is the service running with other settings?")
        return self._models[name]

    def _count(self, request: Count) -> Counted | Failed:
        try:
            tokens, known = self._model(request.model).count(request)
            return Counted(id=request.id, tokens=tokens, known=known)
        except DeskhandError as error:
            return Failed(id=request.id, kind="model", message=f"{error}. {error.fix}")

    def _take(self, request: Generate | Score | Cancel) -> None:
        try:
            match request:
                case Cancel(id=number):
                    self._scheduler.cancel(number)
                case Generate():
                    self._scheduler.submit(self._model(request.model).generation(request, self._send))
                case Score():
                    self._scheduler.submit(self._model(request.model).scoring(request))
                case _:
                    assert_never(request)
        except InputError as error:
            self._send(Failed(id=request.id, kind="input", message=str(error)))
        except DeskhandError as error:
            self._send(Failed(id=request.id, kind="model", message=f"{error}. {error.fix}"))
        except Exception as error:  # A bug on one request must not cost the others their process.
            self._send(Failed(id=request.id, kind="model", message=f"unexpected {type(error).__name__}"))

    def _give_sign(self) -> None:
        now = time.monotonic()
        if now - self._sign_at > SIGN_EVERY_S:
            self._sign_at = now
            self._send(Progress(id=0))

    def _send(self, event: Event) -> None:
        with self._writing:
            self._events.write(event.model_dump_json().encode() + b"\n")
            self._events.flush()


def _state_file(settings: ChildSettings) -> StateFile | None:
    if not settings.states_folder or not settings.states_mb:
        return None
    try:
        return StateFile(Path(settings.states_folder), settings.states_mb * 1_000_000)
    except (OSError, sqlite3.Error) as error:
        print(f"states are not kept in {settings.states_folder}: {error}", file=sys.stderr)
        return None


def main() -> None:
    settings = ChildSettings.model_validate_json(sys.argv[1])
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Whatever else prints must not reach the parent as an event.
    keep = llama_cpp.llama_log_callback(_log)  # Dropping the reference crashes llama.cpp at its next message.
    llama_cpp.llama_log_set(keep, ctypes.c_void_p(0))
    try:
        child = Child(settings, sys.stdin.buffer, events)
    except DeskhandError as error:
        sys.exit(f"{error} {error.fix}")
    child.run()


def _log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    if level == 4:  # GGML_LOG_LEVEL_ERROR. Lower levels say nothing an operator acts on.
        sys.stderr.write(text.decode("utf-8", "replace"))


if __name__ == "__main__":
    main()
