"""The parent's side: one supervised child, restarted when it dies or hangs; no request is ever lost or stuck."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import assert_never

from assistant.engine.protocol import (
    EVENT,
    Cancel,
    ChildSettings,
    Count,
    Counted,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Wrote,
)  # fmt: skip
from assistant.kernel.errors import ModelUnavailable

Inbox = queue.SimpleQueue[Wrote | Finished | Counted | Failed]

START_TIMEOUT_S = 180.0
STALL_TIMEOUT_S = 60.0
"""A slice of a prompt takes at most a few seconds; a minute without any sign of life is a hang."""
CRASHES_ALLOWED = 5
CRASH_WINDOW_S = 60.0


class ModelProcess:
    """Starts the child when first needed and again after it died. Safe to use from several threads."""

    def __init__(self, settings: ChildSettings, stall_timeout_s: float = STALL_TIMEOUT_S) -> None:
        self._settings = settings
        self._stall_timeout_s = stall_timeout_s
        self._lock = threading.Lock()
        self._child: _Running | None = None
        self._next_id = 0
        self._crashes: deque[float] = deque(maxlen=CRASHES_ALLOWED)
        self._closed = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while none runs."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def start(self) -> None:
        """Load the models now. Raises ModelUnavailable when the child does not come up."""
        self._running()

    def close(self) -> None:
        """Stop the child and take no more requests."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()
                self._child = None

    def submit(self, make: Callable[[int], Generate | Count]) -> "Call":
        """Send a request, made for a fresh id. Raises ModelUnavailable when no child can be had."""
        child = self._running()
        with self._lock:
            self._next_id += 1
            number = self._next_id
        return child.send(make(number))

    def _running(self) -> "_Running":
        with self._lock:
            if self._closed:
                raise ModelUnavailable("the service is stopping", fix="Try again on another one.")
            if self._child is not None and self._child.alive:
                return self._child
            if self._child is not None:
                self._crashes.append(time.monotonic())
                self.restarts += 1
                self._child = None
            recent = [at for at in self._crashes if time.monotonic() - at < CRASH_WINDOW_S]
            if len(recent) >= CRASHES_ALLOWED:
                raise ModelUnavailable(
                    f"the model process died {len(recent)} times within {CRASH_WINDOW_S:.0f} s",
                    fix="Run `deskhand models verify`, and check that memory suffices.",
                    retry_after_s=CRASH_WINDOW_S,
                )
            try:
                self._child = _Running(self._settings, self._stall_timeout_s)
            except ModelUnavailable:
                self._crashes.append(time.monotonic())
                raise
            return self._child


class Call:
    """One request on its way. Events come in order; the last is Finished, Counted or Failed."""

    def __init__(self, number: int, child: "_Running") -> None:
        self.number = number
        self._child = child
        self.inbox: Inbox = queue.SimpleQueue()

    def next_event(self, timeout_s: float) -> Wrote | Finished | Counted | Failed | None:
        """The next event, or None after ``timeout_s`` seconds without one."""
        try:
            return self.inbox.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return None

    def cancel(self) -> None:
        """Ask the child to stop; it does so within one step."""
        self._child.forget(self)


class _Running:
    """A live child and the requests it works on."""

    def __init__(self, settings: ChildSettings, stall_timeout_s: float) -> None:
        self._stall_timeout_s = stall_timeout_s
        environment = os.environ | {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "1000")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistant.engine.child", settings.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._calls: dict[int, Call] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._ready = threading.Event()
        self.alive = True
        self.last_sign = time.monotonic()
        threading.Thread(target=self._listen, daemon=True, name="model-events").start()
        threading.Thread(target=self._watch, daemon=True, name="model-watch").start()
        if not self._ready.wait(START_TIMEOUT_S) or not self.alive:
            self.kill()
            raise ModelUnavailable(
                "the model process did not start", fix="See its message above, and run `deskhand models verify`."
            )

    def send(self, request: Generate | Count) -> Call:
        call = Call(request.id, self)
        with self._lock:
            if not self.alive:
                raise ModelUnavailable("the model process has just died")
            if not self._calls:
                self.last_sign = time.monotonic()
            self._calls[request.id] = call
        self._write(request)
        return call

    def forget(self, call: Call) -> None:
        with self._lock:
            known = self._calls.pop(call.number, None)
        if known is not None:
            self._write(Cancel(id=call.number))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _watch(self) -> None:
        """Kill a child that shows no sign of life while it has work: a pipe to it may block for ever."""
        while self.alive:
            time.sleep(min(1.0, self._stall_timeout_s / 3))
            if self._calls and time.monotonic() - self.last_sign > self._stall_timeout_s:
                self.kill()

    def _write(self, request: Generate | Count | Cancel) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        try:
            with self._writing:
                pipe.write(request.model_dump_json().encode() + b"\n")
                pipe.flush()
        except OSError:
            pass  # The child is gone; ``_listen`` tells every call.

    def _listen(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        for line in pipe:
            self.last_sign = time.monotonic()
            self._dispatch(EVENT.validate_json(line))
        code = self.process.wait()
        with self._lock:
            self.alive = False
            calls, self._calls = list(self._calls.values()), {}
        self._ready.set()
        for call in calls:
            call.inbox.put(Failed(id=call.number, kind="model", message=f"the model process ended with code {code}"))

    def _dispatch(self, event: Event) -> None:
        match event:
            case Ready():
                self._ready.set()
            case Progress():
                pass
            case Wrote() | Finished() | Counted() | Failed():
                with self._lock:
                    last = not isinstance(event, Wrote)
                    call = self._calls.pop(event.id, None) if last else self._calls.get(event.id)
                if call is not None:
                    call.inbox.put(event)
            case _:
                assert_never(event)
