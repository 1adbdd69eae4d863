"""The calibration that decides on a tenant's drafts now: whether it still fits what drafts are made with, and what they are like."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from assistant.kernel.calibration import Basis, Calibration, InForce
from assistant.learning.drift import alarms
from assistant.ports import CalibrationStore, Clock

LOOK_AGAIN_S = 60.0
"""Drafts are compared with those that were labelled so often at most."""
WATCHED = 500
"""So many of the newest drafts are looked at."""


@dataclass
class CalibrationWatch:
    """Gives each tenant's calibration with what speaks against it. Nothing of that is kept: any process sees the same in the same rows.

    ``on_change`` is told when alarms go up, or down again.
    """

    store: CalibrationStore
    basis: Callable[[], Basis]
    clock: Clock
    on_change: Callable[[Calibration, tuple[str, ...]], object] = lambda *_: None
    _seen: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def in_force(self, tenant: str) -> InForce | None:
        """None where drafts are accepted by the checks alone."""
        calibration = self.store.in_force(tenant)
        if calibration is None:
            return None
        changed = calibration.basis.differences(self.basis())
        return InForce(calibration=calibration, changed=changed, alarms=self._alarms(calibration))

    def _alarms(self, calibration: Calibration) -> tuple[str, ...]:
        now = self.clock.monotonic()
        with self._lock:
            until, before = self._seen.get(calibration.id, (now, ()))
        if now < until:
            return before
        since = datetime.fromisoformat(calibration.created_at)
        found = alarms(calibration, self.store.watched(calibration.tenant, since, WATCHED))
        with self._lock:
            self._seen[calibration.id] = (now + LOOK_AGAIN_S, found)
        if found != before:
            self.on_change(calibration, found)
        return found
