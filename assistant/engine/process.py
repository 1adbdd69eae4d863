"""The parent's side: one supervised child, restarted when it dies or hangs; no request is ever lost or stuck."""

import os
import subprocess
import sys
import threading
import time
from collections import deque

from assistant.engine.lane import ComputeLane
from assistant.engine.link import Call, Link, MakeRequest
from assistant.engine.protocol import ChildSettings
from assistant.kernel.errors import ModelAway

START_TIMEOUT_S = 180.0
STALL_TIMEOUT_S = 60.0
"""A step takes at most a few seconds; a minute without any sign of life is a hang."""
CRASHES_ALLOWED = 5
CRASH_WINDOW_S = 60.0


class ModelProcess:
    """Starts the child when first needed and again after it died. Safe to use from several threads.

    ``lane`` is told of each draft from its request to its end, also when that is the child's.
    """

    def __init__(
        self, settings: ChildSettings, stall_timeout_s: float = STALL_TIMEOUT_S, lane: ComputeLane | None = None
    ) -> None:
        self._settings = settings
        self._stall_timeout_s = stall_timeout_s
        self._lane = lane or ComputeLane()
        self._lock = threading.Lock()
        self._child: _Running | None = None
        self._crashes: deque[float] = deque(maxlen=CRASHES_ALLOWED)
        self._closed = False
        self.restarts = 0

    @property
    def settings(self) -> ChildSettings:
        return self._settings

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while none runs."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def start(self) -> None:
        """Load the models now. Raises ModelAway when the child does not come up."""
        self._running()

    def close(self) -> None:
        """Stop the child and take no more requests."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()
                self._child = None

    def submit(self, make: MakeRequest) -> Call:
        """Send a request, made for a fresh id. Raises ModelAway when no child can be had."""
        return self._running().send(make)

    def _running(self) -> "_Running":
        with self._lock:
            if self._closed:
                raise ModelAway("the service is stopping", fix="Try again on another one.")
            if self._child is not None and self._child.alive:
                return self._child
            if self._child is not None:
                self._crashes.append(time.monotonic())
                self.restarts += 1
                self._child = None
            recent = [at for at in self._crashes if time.monotonic() - at < CRASH_WINDOW_S]
            if len(recent) >= CRASHES_ALLOWED:
                raise ModelAway(
                    f"the model process died {len(recent)} times within {CRASH_WINDOW_S:.0f} s",
                    fix="Run `deskhand models verify`, and check that memory suffices.",
                    retry_after_s=CRASH_WINDOW_S,
                )
            try:
                self._child = _Running(self._settings, self._stall_timeout_s, self._lane)
            except ModelAway:
                self._crashes.append(time.monotonic())
                raise
            return self._child


class _Running:
    """A live child, and the link to it."""

    def __init__(self, settings: ChildSettings, stall_timeout_s: float, lane: ComputeLane) -> None:
        self._stall_timeout_s = stall_timeout_s
        environment = os.environ | {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "1000")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistant.engine.child", settings.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._link = Link(self.process.stdout, self.process.stdin, self._farewell, lane=lane)
        threading.Thread(target=self._watch, daemon=True, name="model-watch").start()
        if self._link.wait_ready(START_TIMEOUT_S) is None:
            self.kill()
            raise ModelAway(
                "the model process did not start", fix="See its message above, and run `deskhand models verify`."
            )

    @property
    def alive(self) -> bool:
        return self._link.alive

    def send(self, make: MakeRequest) -> Call:
        return self._link.send(make)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _farewell(self) -> str:
        self.process.kill()  # It may still run, and only have said something that is not understood.
        return f"the model process ended with code {self.process.wait()}"

    def _watch(self) -> None:
        """Kill a child that shows no sign of life while it has work: a pipe to it may block for ever."""
        while self.alive:
            time.sleep(min(1.0, self._stall_timeout_s / 3))
            if self._link.silent_for_s() > self._stall_timeout_s:
                self.kill()
