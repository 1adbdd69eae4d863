"""One end of a line-by-line connection to models: requests go out, events come back to the call they belong to."""

import queue
import threading
import time
from collections.abc import Callable
from typing import IO, Literal, Protocol, assert_never

from assistant.engine.lane import ComputeLane
from assistant.engine.protocol import (
    EVENT,
    Answer,
    Cancel,
    Count,
    Counted,
    Embed,
    Embedded,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Request,
    Score,
    ScoreGiven,
    Wrote,
)  # fmt: skip
from assistant.kernel.errors import DeadlineExceeded, InputError, ModelAway

MakeRequest = Callable[[int], Generate | Count | Score | Embed]
"""Makes a request for the number it is given."""


class Requests(Protocol):
    """Something that takes requests for models."""

    def submit(self, make: MakeRequest) -> "Call": ...


class Call:
    """One request on its way. Events come in order; the last is Finished, Counted, ScoreGiven, Embedded or Failed."""

    def __init__(self, number: int, cancel: Callable[["Call"], None]) -> None:
        self.number = number
        self._cancel = cancel
        self.inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def next_event(self, timeout_s: float) -> Answer | None:
        """The next event, or None after ``timeout_s`` seconds without one."""
        try:
            return self.inbox.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return None

    def wait(self, end: float) -> Answer:
        """The next event before the monotonic time ``end``. Raises DeadlineExceeded."""
        event = self.next_event(end - time.monotonic())
        if event is None:
            raise DeadlineExceeded("the model did not answer in the time given")
        return event

    def cancel(self) -> None:
        """Ask the other end to stop; it does so within one step."""
        self._cancel(self)


class Link:
    """Safe to use from several threads. ``farewell`` says why the other end is gone, once it is.

    ``blame`` is the kind of failure of the calls it left open: ``model`` when one of them may be the cause.
    ``lane`` is told of drafts: a call that somebody waits for is one as long as it is open.
    """

    def __init__(
        self,
        reader: IO[bytes],
        writer: IO[bytes],
        farewell: Callable[[], str],
        blame: Literal["model", "away"] = "model",
        lane: ComputeLane | None = None,
    ) -> None:
        self._reader, self._writer, self._farewell, self._blame = reader, writer, farewell, blame
        self._lane = lane or ComputeLane()
        self._calls: dict[int, Call] = {}
        self._next = 0
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._greeted = threading.Event()
        self._greeting: Ready | None = None
        self._last_sign = time.monotonic()
        self.alive = True
        threading.Thread(target=self._listen, daemon=True, name="model-events").start()

    def wait_ready(self, timeout_s: float) -> Ready | None:
        """What the other end greets with, or None when it does not within ``timeout_s`` seconds or is gone."""
        self._greeted.wait(timeout_s)
        return self._greeting if self.alive else None

    def silent_for_s(self) -> float:
        """Seconds without a sign of life while there is work to do, else 0."""
        return time.monotonic() - self._last_sign if self._calls else 0.0

    def send(self, make: MakeRequest) -> Call:
        """Raises ModelAway when the other end is gone, InputError when the request cannot be put into JSON."""
        with self._lock:
            if not self.alive:
                raise ModelAway("the model process has just died")
            if not self._calls:
                self._last_sign = time.monotonic()
            self._next += 1
            call = Call(self._next, self._forget)
        request = make(call.number)
        line = _line(request)
        with self._lock:
            if not self.alive:
                raise ModelAway("the model process has just died")
            self._calls[call.number] = call
            if isinstance(request, Generate) and not request.bulk:
                self._lane.draft_begins(call)
        self._write(line)
        return call

    def _close(self, number: int) -> Call | None:
        """Take a call from the open ones, if it is one: the only way out, so that no draft seems to go on for ever."""
        with self._lock:
            call = self._calls.pop(number, None)
            if call is not None:
                self._lane.draft_ends(call)
        return call

    def _forget(self, call: Call) -> None:
        if self._close(call.number) is not None:
            self._write(_line(Cancel(id=call.number)))
            call.inbox.put(Failed(id=call.number, kind="cancelled", message="the request was cancelled"))

    def _write(self, line: bytes) -> None:
        try:
            with self._writing:
                self._writer.write(line)
                self._writer.flush()
        except (OSError, ValueError):
            pass  # The other end is gone; ``_listen`` tells every call.

    def _listen(self) -> None:
        try:
            for line in self._reader:
                self._last_sign = time.monotonic()
                self._dispatch(EVENT.validate_json(line))
        except (OSError, ValueError):
            pass  # Cut off in the middle of a line: the same as an end.
        with self._lock:
            self.alive = False  # From here on no call is opened.
        calls = [call for number in list(self._calls) if (call := self._close(number)) is not None]
        self._greeted.set()
        why = self._farewell()
        for call in calls:
            call.inbox.put(Failed(id=call.number, kind=self._blame, message=why))

    def _dispatch(self, event: Event) -> None:
        match event:
            case Ready():
                self._greeting = event
                self._greeted.set()
            case Progress():
                pass
            case Wrote() | Finished() | Counted() | ScoreGiven() | Embedded() | Failed():
                call = self._calls.get(event.id) if isinstance(event, Wrote) else self._close(event.id)
                if call is not None:
                    call.inbox.put(event)
            case _:
                assert_never(event)


def _line(request: Request) -> bytes:
    try:
        return request.model_dump_json().encode() + b"\n"
    except ValueError as error:  # Half a character (a lone surrogate) has no bytes.
        raise InputError("the text holds half a character", fix="Send whole Unicode characters.") from error
