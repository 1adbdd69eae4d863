"""``llama_cpp.Llama`` as it is shipped: one sequence, and the prefix of its last prompt reused."""

import itertools
import json
import queue
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.engine.contestants import (
    CONTEXT_LENGTH,
    Ask,
    ContestantEnded,
    RivalProcess,
    Weights,
    Written,
    chat_text,
)  # fmt: skip

Events = queue.Queue[dict[str, Any] | None]


class PlainLlama:
    """It serves one after another, so bulk asks gain nothing from being sent together. It keeps nothing."""

    name = "llama_cpp.Llama"
    bulk_at_once = 1
    bulk_beside_drafts = 1

    def __init__(self, weights: Weights) -> None:
        self._settings = {"path": weights.path, "threads": weights.threads, "context_length": CONTEXT_LENGTH}
        self._sending = threading.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, kept: Path | None = None) -> None:
        self._numbers = itertools.count(1)
        self._calls: dict[int, Events] = {}
        self._process = RivalProcess("plain_child", self._settings)
        threading.Thread(target=self._read, daemon=True).start()

    def write(self, ask: Ask) -> Written:
        began = time.monotonic()
        number, events = self._send(ask)
        first_s, token_s = 0.0, list[float]()
        while (event := events.get()) is not None:
            if event["event"] == "end":
                seconds = time.monotonic() - began
                del self._calls[number]
                figures = {name: event[name] for name in ("text", "read", "reused", "tokens")}
                return Written(first_s=first_s or seconds, seconds=seconds, token_s=tuple(token_s), **figures)
            token_s.append(time.monotonic() - began)
            if event["text"] and not first_s:
                first_s = token_s[-1]
        raise ContestantEnded(f"{self.name} ended")

    def keep(self) -> None:
        pass

    def stop(self) -> None:
        self._process.stop()

    def _send(self, ask: Ask) -> tuple[int, Events]:
        events: Events = queue.Queue()
        stdin = self._process.stdin
        with self._sending:
            number = next(self._numbers)
            self._calls[number] = events
            body = {"id": number, "prompt": chat_text(ask.messages)} | ask.model_dump(exclude={"messages", "orders"})
            try:
                stdin.write(json.dumps(body).encode() + b"\n")
                stdin.flush()
            except (OSError, ValueError) as error:
                raise ContestantEnded(f"{self.name} ended") from error
        return number, events

    def _read(self) -> None:
        calls, lines = self._calls, self._process.stdout
        try:
            for line in lines:
                event = json.loads(line)
                calls[event["id"]].put(event)
        except ValueError:  # The stream was closed under us: it is being stopped.
            pass
        for events in list(calls.values()):
            events.put(None)
