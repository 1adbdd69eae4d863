"""How much work is let in: models work one at a time, some requests may wait, one more is refused at once."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.kernel.errors import Overloaded
from assistant.ports import Clock

FIRST_GUESS_S = 8.0
REMEMBERED = 20


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
