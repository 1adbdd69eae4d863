"""How much work is let in: models work one at a time, some requests may wait, one more is refused at once."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.kernel.errors import Overloaded, TooMany
from assistant.ports import Clock

FIRST_GUESS_S = 8.0
REMEMBERED = 20
MINUTE_S = 60.0
MANY_ADDRESSES = 10_000


class Admission:
    """Counts requests that need a model. Safe to use from several threads."""

    def __init__(self, max_waiting: int, clock: Clock) -> None:
        self._limit = max_waiting + 1
        self._clock = clock
        self._lock = threading.Lock()
        self._durations: deque[float] = deque(maxlen=REMEMBERED)
        self.in_flight = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place while the request is worked on. Raises Overloaded, with when to try again, if none is free."""
        self.enter()
        started = self._clock.monotonic()
        try:
            yield
        finally:
            self.leave(self._clock.monotonic() - started)

    def enter(self) -> None:
        with self._lock:
            if self.in_flight >= self._limit:
                mean = sum(self._durations) / len(self._durations) if self._durations else FIRST_GUESS_S
                raise Overloaded(
                    f"{self.in_flight} requests are being worked on or wait",
                    fix="Try again after the time in Retry-After, or raise DESKHAND_MAX_WAITING.",
                    retry_after_s=mean,
                )
            self.in_flight += 1

    def leave(self, seconds: float) -> None:
        with self._lock:
            self.in_flight -= 1
            self._durations.append(seconds / max(1, self.in_flight + 1))


class Attempts:
    """How often one address may try within a minute, in this process. Safe to use from several threads.

    It spares the database; what is tried (256 random bits) cannot be guessed anyway. Behind a proxy that does not
    pass addresses on, all callers are one.
    """

    def __init__(self, a_minute: int, clock: Clock) -> None:
        self._a_minute, self._clock = a_minute, clock
        self._lock = threading.Lock()
        self._tried: dict[str, deque[float]] = {}

    def note(self, address: str) -> None:
        """Count one try of ``address``. Raises TooMany, with when to try again, beyond the limit."""
        now = self._clock.monotonic()
        with self._lock:
            if len(self._tried) > MANY_ADDRESSES:
                self._tried = {known: times for known, times in self._tried.items() if times[-1] > now - MINUTE_S}
            times = self._tried.setdefault(address, deque())
            while times and times[0] <= now - MINUTE_S:
                times.popleft()
            if len(times) >= self._a_minute:
                raise TooMany(
                    f"this address tried {self._a_minute} times within a minute",
                    fix="Wait for the time in Retry-After.",
                    retry_after_s=times[0] + MINUTE_S - now,
                )
            times.append(now)
