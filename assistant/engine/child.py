"""The child process: owns every model of this machine and works on one request at a time.

A bulk request stands aside between two of its steps while any other waits: it keeps its place in a sequence
of its own, the other is worked on to its end, and the bulk one goes on.

Requests come as lines on standard input, events leave on standard output (``protocol``). A closed
standard input means the parent is gone, and ends the process at once.
"""

import ctypes
import os
import queue
import sys
import threading
from typing import BinaryIO, assert_never

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # Before llama_cpp: idle OpenMP threads must not hold the cores.

import llama_cpp

from assistant.engine.gguf import BULK, INTERACTIVE, GgufModel
from assistant.engine.protocol import (
    REQUEST,
    Cancel,
    ChildSettings,
    Count,
    Counted,
    Embed,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Score,
    Wrote,
)  # fmt: skip
from assistant.kernel.errors import Cancelled, DeskhandError, InputError


class Child:
    """Reads on one thread, generates on the main one. Counting tokens needs no turn: it only reads the vocabulary."""

    def __init__(self, settings: ChildSettings, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests, self._events = requests, events
        self._writing = threading.Lock()
        self._cancelled: set[int] = set()
        self._waiting: queue.PriorityQueue[tuple[bool, int, Generate]] = queue.PriorityQueue()
        self._models = {file.name: GgufModel(file, settings.threads) for file in settings.models}

    def run(self) -> None:
        """Serve until the parent goes."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._send(Ready())
        while True:
            self._generate(self._waiting.get()[-1])

    def _listen(self) -> None:
        for line in self._requests:
            request = REQUEST.validate_json(line)
            match request:
                case Generate():
                    self._waiting.put((request.bulk, request.id, request))
                case Cancel(id=number):
                    self._cancelled.add(number)
                case Count():
                    self._send(self._count(request))
                case Embed() | Score():
                    self._send(Failed(id=request.id, kind="input", message="this process has no embedder"))
                case _:
                    assert_never(request)
        os._exit(0)  # The main thread may be deep in llama.cpp; nothing here needs a clean end.

    def _count(self, request: Count) -> Counted | Failed:
        try:
            tokens = self._models[request.model].vocabulary.encode_chat(request.messages)
        except DeskhandError as error:
            return Failed(id=request.id, kind="model", message=f"{error}. {error.fix}")
        return Counted(id=request.id, tokens=len(tokens))

    def _generate(self, request: Generate) -> None:
        def check() -> None:
            self._send(Progress(id=request.id))
            if request.id in self._cancelled:
                raise Cancelled("the request was cancelled")
            if request.bulk:
                self._let_others_go_first()

        def wrote(text: str, logprob: float) -> None:
            self._send(Wrote(id=request.id, text=text, logprob=logprob))

        try:
            check()
            model = self._models[request.model]
            lane = BULK if request.bulk else INTERACTIVE
            completion = model.generate(request.messages, request.sampling, wrote, check, lane)
            self._send(Finished(id=request.id, completion=completion))
        except Cancelled as error:
            self._send(Failed(id=request.id, kind="cancelled", message=str(error)))
        except InputError as error:
            self._send(Failed(id=request.id, kind="input", message=str(error)))
        except DeskhandError as error:
            self._send(Failed(id=request.id, kind="model", message=str(error)))
        except Exception as error:  # A bug on one request must not cost the others their process.
            self._send(Failed(id=request.id, kind="model", message=f"unexpected {type(error).__name__}"))
        finally:
            self._cancelled.discard(request.id)

    def _let_others_go_first(self) -> None:
        """Work on every waiting request that is not bulk, now. These never nest: they do not stand aside."""
        while True:
            try:
                first = self._waiting.get_nowait()
            except queue.Empty:
                return
            if first[-1].bulk:
                self._waiting.put(first)
                return
            self._generate(first[-1])

    def _send(self, event: Event) -> None:
        with self._writing:
            self._events.write(event.model_dump_json().encode() + b"\n")
            self._events.flush()


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
