"""Parsing in a child process with bounds, so that no document takes the memory, the time or the network of those it is for.

The child is started when there is something to parse, has one document at a time, and ends when none has come for a while.
What it dies of is the fault of the document it had; the next one gets a new child.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from assistant.kernel.errors import ConfigurationError, UnreadableDocument
from assistant.kernel.knowledge import ParsedDocument
from ingest.sources.source import Source

START_TIMEOUT_S = 60.0
IDLE_S = 60.0
LEAVE_S = 5.0
MAX_REPLY_BYTES = 256 * 1024 * 1024
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
"""Of the environment. Keys and passwords stay here."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class BoundedParser:
    """``parse`` in a child process. Safe to use from several threads, which take turns.

    A document may take ``timeout_s`` seconds, and the child ``memory_mb`` megabytes in all; it ends after ``idle_s`` seconds
    without one.
    """

    def __init__(self, timeout_s: float, memory_mb: int, idle_s: float = IDLE_S) -> None:
        self._timeout_s, self._memory_mb, self._idle_s = timeout_s, memory_mb, idle_s
        self._lock = threading.Lock()
        self.child: subprocess.Popen[bytes] | None = None
        """The process that is parsing, if there is one."""

    def __call__(self, source: Source) -> ParsedDocument:
        """Read one document. Raises UnreadableDocument with the reason, which may be that it takes too much to read.

        Raises ConfigurationError when no child can be started.
        """
        header = {**source._asdict(), "data": len(source.data), "modified": None}
        with self._lock:
            reply = json.loads(self._exchange(json.dumps(header).encode() + b"\n" + source.data))
        if "document" in reply:  # Only what was in it is taken from the child, not what it is.
            known = {"key": source.key, "url": source.url, "media_type": source.media_type}
            known["sha256"] = hashlib.sha256(source.data).hexdigest()
            return ParsedDocument.model_validate(reply["document"] | known | {"modified": source.modified})
        raise UnreadableDocument(reply["reason"], fix=reply["fix"])

    def close(self) -> None:
        """End the child now."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def _exchange(self, request: bytes) -> bytes:
        again = False
        while True:
            if self.child is None or self.child.poll() is not None:
                self.child = self._start()
            child = self.child
            began = time.monotonic()
            if (reply := _ask(child, request, self._timeout_s)).endswith(b"\n"):
                return reply
            code = _ended(child)
            if code == 0 and not again:
                again = True
                continue  # It went for want of work just as this came.
            if code == -signal.SIGXCPU or time.monotonic() - began >= self._timeout_s:
                raise UnreadableDocument(
                    f"reading it takes longer than {self._timeout_s:.0f} s",
                    fix="Split it, or save it in a simpler format.",
                )
            raise UnreadableDocument(
                f"its parser died (code {code}), perhaps for want of memory",
                fix="Split it, or save it in another format.",
            )

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD
        child = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "ingest.bounded_child",
                *map(str, (self._memory_mb, self._timeout_s, self._idle_s)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        if _ask(child, b"", START_TIMEOUT_S) != b"ready\n":
            child.kill()
            raise ConfigurationError(
                f"the process that parses documents did not start (code {child.wait()})",
                fix="See its message above; it may need more than DESKHAND_PARSE_MEMORY_MB.",
            )
        return child


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The exit code of a child that says no more. It may still be there, and only have closed its end."""
    try:
        return child.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _ask(child: subprocess.Popen[bytes], request: bytes, timeout_s: float) -> bytes:
    """The line that the child says to ``request``; cut short when it dies, or is killed because its time is up."""
    assert child.stdin is not None
    assert child.stdout is not None
    overdue = threading.Timer(timeout_s, child.kill)
    overdue.daemon = True
    overdue.start()
    try:
        child.stdin.write(request)
        child.stdin.flush()
        return child.stdout.readline(MAX_REPLY_BYTES)
    except OSError:  # It no longer listens.
        return b""
    finally:
        overdue.cancel()
