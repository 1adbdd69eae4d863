"""Every Clock: wall time in UTC, and a monotonic one that never goes back."""

from datetime import timedelta

import pytest

from assistant.adapters.clock import SystemClock
from assistant.adapters.memory.models import ManualClock
from assistant.ports import Clock


@pytest.fixture(params=[SystemClock, ManualClock])
def any_clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_wall_time_is_in_utc(any_clock: Clock) -> None:
    assert any_clock.now().utcoffset() == timedelta(0)


def test_monotonic_time_never_goes_back(any_clock: Clock) -> None:
    first = any_clock.monotonic()
    assert any_clock.monotonic() >= first
