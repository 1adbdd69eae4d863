"""Lets other processes of this machine use the models and the embedder of this one, over a private Unix socket.

So a machine holds each model once, and nothing fights for its cores: workers and commands are guests of the
service. The socket's folder is readable by its owner alone; that is the whole of its protection.
"""

import base64
import contextlib
import hashlib
import os
import socketserver
import stat
import tempfile
import threading
import time
from pathlib import Path
from typing import assert_never

import structlog

from assistant.engine.lane import ComputeLane, LaneEmbedder
from assistant.engine.link import Call
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import (
    REQUEST,
    Answer,
    Cancel,
    Count,
    Embed,
    Embedded,
    Failed,
    Generate,
    Ready,
    Score,
    Wrote,
)  # fmt: skip
from assistant.kernel.errors import ConfigurationError, DeadlineExceeded, DeskhandError, ModelAway
from assistant.ports import Embedder

log = structlog.get_logger()
IDLE_S = 3600.0
"""A call without an event for this long is given up; its guest has a deadline of its own long before."""


class ModelHost:
    """Serves until closed. ``process`` is None when this machine has no models of its own. Guests embed in ``lane``."""

    def __init__(self, path: Path, process: ModelProcess | None, embedder: Embedder, lane: ComputeLane) -> None:
        self._path, self._process, self._embedder, self._lane = path, process, embedder, lane
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen. Raises ConfigurationError when the socket cannot be made."""
        try:
            make_private(self._path.parent)
            self._path.unlink(missing_ok=True)
            self._server = _Server(str(self._path), _Guest)
            self._path.chmod(0o600)
        except OSError as error:
            raise ConfigurationError(
                f"the socket {self._path} cannot be made: {error.strerror}",
                fix="Set DESKHAND_DATA_DIR to a folder you may write.",
            ) from error
        self._server.process, self._server.embedder, self._server.lane = self._process, self._embedder, self._lane
        threading.Thread(target=self._server.serve_forever, name="model-host", daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    process: ModelProcess | None
    embedder: Embedder
    lane: ComputeLane


class _Guest(socketserver.StreamRequestHandler):
    """One connection: greets, then answers requests, several at a time."""

    server: _Server

    def handle(self) -> None:
        self._calls: dict[int, Call] = {}
        self._cancelled: set[int] = set()
        self._writing = threading.Lock()
        process, embedder = self.server.process, self.server.embedder
        self._say(Ready(models=process.settings.models if process else (), embedder_sha256=embedder.identity.sha256))
        try:
            for line in self.rfile:
                request = REQUEST.validate_json(line)
                if isinstance(request, Cancel):
                    self._cancelled.add(request.id)
                    self._cancel(request.id)
                else:
                    threading.Thread(target=self._answer, args=(request,), name="guest-call", daemon=True).start()
        except (OSError, ValueError):
            pass  # A guest that was cut off in the middle of a line is gone.
        finally:
            for number in list(self._calls):
                self._cancel(number)

    def _cancel(self, number: int) -> None:
        call = self._calls.pop(number, None)
        if call is not None:
            call.cancel()

    def _answer(self, request: Generate | Count | Score | Embed) -> None:
        try:
            match request:
                case Embed(id=number, texts=texts, bulk=bulk):
                    vectors = LaneEmbedder(self.server.embedder, self.server.lane, bulk=bulk).embed(texts)
                    self._say(Embedded(id=number, vectors=base64.b64encode(vectors.tobytes()).decode()))
                case Generate() | Count() | Score():
                    self._forward(request)
                case _:
                    assert_never(request)
        except ModelAway as error:
            self._say(Failed(id=request.id, kind="away", message=str(error)))
        except DeskhandError as error:
            self._say(Failed(id=request.id, kind="model", message=str(error)))
        except Exception as error:  # A guest that is told nothing waits for minutes.
            log.exception("guest's request broke")
            self._say(Failed(id=request.id, kind="model", message=f"unexpected {type(error).__name__}"))

    def _forward(self, request: Generate | Count | Score) -> None:
        process = self.server.process
        if process is None:
            raise ConfigurationError("this machine has no model of its own")
        call = self._calls[request.id] = process.submit(lambda number: request.model_copy(update={"id": number}))
        if request.id in self._cancelled:  # It was, before there was a call to cancel.
            call.cancel()
        try:
            last = False
            while not last:
                event: Answer = call.wait(time.monotonic() + IDLE_S)
                last = not isinstance(event, Wrote)
                self._say(event.model_copy(update={"id": request.id}))
        except DeadlineExceeded:
            call.cancel()
        finally:
            self._calls.pop(request.id, None)
            self._cancelled.discard(request.id)

    def _say(self, event: Ready | Answer) -> None:
        with self._writing, contextlib.suppress(OSError, ValueError):
            self.wfile.write(event.model_dump_json().encode() + b"\n")
            self.wfile.flush()


def socket_path(data: Path) -> Path:
    """Where the service that works in this data folder shares its models. Socket paths must be short."""
    path = data / "run" / "models.sock"
    if len(os.fsencode(path)) < 100:
        return path
    return short_folder(data) / "models.sock"


def make_private(folder: Path) -> None:
    """Make ``folder``, for its owner alone. Raises ConfigurationError when it is there and someone else's or open."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(folder):
        raise ConfigurationError(
            f"the folder {folder} is not this user's alone", fix="Remove it, or take it over and `chmod 700` it."
        )


def is_private(folder: Path) -> bool:
    """Whether nobody else may put a socket there: names below /tmp can be guessed."""
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077


def short_folder(data: Path) -> Path:
    """A private folder with a short name that belongs to this data folder and user."""
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"deskhand-{os.getuid()}-{digest}"
