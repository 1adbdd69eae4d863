"""The real service under attack: started, killed, started again, and looked into from outside."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from assistant.engine.host import short_folder
from tests.chaos.processes import Process, Role, processes_in
from tests.conftest import PROJECT

LEASE_S = 5
SETTINGS = {
    "DESKHAND_SMALL_MODEL": "smollm2-135m-instruct-q4_1",
    "DESKHAND_LARGE_MODEL": "",
    "DESKHAND_LEASE_S": str(LEASE_S),
    "DESKHAND_LOG_FORMAT": "json",
    "GOMP_SPINCOUNT": "1000",
    "PYTHONUNBUFFERED": "1",
}
READY_S = 120.0
POLL_S = 0.1


class Service:
    """``deskhand serve`` with a data folder, a port and a key of its own."""

    def __init__(self, folder: Path, connections: str, environment: Mapping[str, str] | None = None) -> None:
        self.data = folder / "data"
        self._log = folder / "service.log"
        (folder / "connections.toml").write_text(connections)
        self.port = _free_port()
        self.environment = os.environ | SETTINGS | {
            "DESKHAND_DATA_DIR": str(self.data),
            "DESKHAND_PORT": str(self.port),
            "DESKHAND_CONNECTIONS": str(folder / "connections.toml"),
            **(environment or {}),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._key = ""
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        if not self._key:
            self._key = json.loads(self._deskhand("keys", "create", "--json"))["secret"]
        with self._starting, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "assistant.cli.main", "serve"],
                env=self.environment, cwd=PROJECT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        until(self._ready, READY_S, "the service is not ready")

    def kill(self) -> None:
        """Kill the service's own process, and start it anew at once, as an init system does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.start()

    def stop(self) -> list[Process]:
        """End it as an operator does; returns what did not end by itself, which is then killed."""
        if self._process is not None:
            for process in self.processes():
                process.signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
        with contextlib.suppress(AssertionError):
            until(lambda: not self.processes(), 30, "")
        left = self.processes()
        for process in left:
            process.signal(signal.SIGKILL)
        shutil.rmtree(short_folder(self.data), ignore_errors=True)
        return left

    def client(self, timeout_s: float = 60.0) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self._key}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=timeout_s)

    def processes(self, *roles: Role) -> list[Process]:
        return [process for process in processes_in(self.data) if not roles or process.role in roles]

    def strays(self, seconds: float = 40.0) -> list[Process]:
        """Processes beyond one of each kind and lane, such as models loaded twice, that do not go by themselves."""

        def extra() -> list[Process]:
            found = [p for p in self.processes() if p.role is not Role.LEASH]
            first = {(p.role, p.lane): p for p in reversed(found)}
            return [p for p in found if p is not first[p.role, p.lane]]

        with contextlib.suppress(AssertionError):
            until(lambda: not extra(), seconds, "")
        return extra()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds, read without taking part."""
        uri = f"{(self.data / 'deskhand.sqlite').as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
            return database.execute(query, values).fetchall()

    def unfinished(self) -> list[tuple[Any, ...]]:
        """Jobs that are neither done nor dead: id, name, state, attempt, strikes, detail."""
        return self.rows(
            "SELECT id, name, state, attempt, strikes, detail FROM job WHERE state IN ('queued', 'running')"
        )

    def wait_until_quiet(self, seconds: float) -> None:
        """Until no job waits or runs. Raises AssertionError that names those that do."""
        try:
            until(lambda: not self.unfinished(), seconds, "")
        except AssertionError:
            raise AssertionError(f"jobs did not end in {seconds:.0f} s: {self.unfinished()[:20]}") from None

    def log_tail(self, lines: int = 40) -> str:
        """The end of the service's log, which never holds a ticket's text."""
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _ready(self) -> bool:
        try:
            with self.client(5) as client:
                return client.get("/readyz").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def _deskhand(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "assistant.cli.main", *arguments]
        done = subprocess.run(
            command, check=True, env=self.environment, cwd=PROJECT, capture_output=True, text=True, timeout=120
        )
        return done.stdout


@contextmanager
def serving(
    connections: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[Service]:
    """A running service; on the way out nothing of it stays, whatever happened.

    Raises AssertionError when a service that was asked to end leaves a process behind.
    """
    with tempfile.TemporaryDirectory(prefix="deskhand-chaos-") as made:
        service = Service(folder or Path(made), connections, environment)
        try:
            service.start()
            yield service
        except BaseException:
            service.stop()
            raise
        left = service.stop()
        assert not left, f"the service ended and left {left}"


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for it. Raises AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} after {seconds:.0f} s")
        time.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
