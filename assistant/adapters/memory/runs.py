"""The in-memory twins of RunStore, CalibrationStore and KeyStore."""

import secrets
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from assistant.adapters.memory.models import ManualClock
from assistant.kernel.access import ApiKey, KeyScope, check_tenant
from assistant.kernel.calibration import Calibration, Watched
from assistant.kernel.conversation import Answer
from assistant.kernel.errors import NotFound
from assistant.kernel.runs import Compared, Feedback, Run, approved


class MemoryRunStore:
    def __init__(self) -> None:
        self.kept: dict[str, Run] = {}
        self.feedback: list[tuple[Feedback, Compared | None]] = []

    def record(self, run: Run) -> None:
        self.kept[run.id] = run

    def get(self, tenant: str, run_id: str) -> Run:
        run = self.kept.get(run_id)
        if run is None or run.tenant != tenant:
            raise NotFound(f"there is no run {run_id!r}", field="run_id")
        return run

    def find(self, tenant: str, prefix: str) -> Run:
        found = [run for run in self.kept.values() if run.tenant == tenant and prefix and run.id.startswith(prefix)]
        if len(found) != 1:
            raise NotFound(f"there is no single run that begins with {prefix!r}", field="run_id")
        return found[0]

    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str:
        self.get(tenant, feedback.run_id)
        self.feedback.append((feedback, compared))
        return uuid4().hex


class MemoryCalibrationStore:
    def __init__(self, runs: "MemoryRunStore") -> None:
        self._runs = runs
        self._kept: dict[str, Calibration] = {}
        self._in_force: dict[str, str | None] = {}

    def in_force(self, tenant: str) -> Calibration | None:
        chosen = self._in_force.get(tenant)
        return self._kept[chosen] if chosen else None

    def find(self, tenant: str) -> list[Calibration]:
        mine = [one for one in self._kept.values() if one.tenant == tenant]
        return sorted(mine, key=lambda one: one.created_at, reverse=True)

    def keep(self, calibration: Calibration) -> None:
        self._kept[calibration.id] = calibration
        self._in_force[calibration.tenant] = calibration.id

    def use(self, tenant: str, calibration_id: str | None) -> None:
        if calibration_id is not None and all(one.id != calibration_id for one in self.find(tenant)):
            raise NotFound(f"there is no calibration {calibration_id!r}", field="id")
        self._in_force[tenant] = calibration_id

    def watched(self, tenant: str, since: datetime, limit: int) -> list[Watched]:
        mine = [run for run in self._runs.kept.values() if run.tenant == tenant]
        mine = [run for run in mine if run.first_that_stood and datetime.fromisoformat(run.created_at) >= since]
        mine.sort(key=lambda run: (run.created_at, run.id))
        return [
            Watched(
                features=run.first_that_stood.features,
                accepted=isinstance(run.decision, Answer),
                approved=self._said(run.id),
            )
            for run in mine[-limit:]
            if run.first_that_stood
        ]

    def _said(self, run_id: str) -> bool | None:
        said = [(given, compared) for given, compared in self._runs.feedback if given.run_id == run_id]
        return approved(said[-1][0].verdict, said[-1][1].similarity if said[-1][1] else None) if said else None


class MemoryKeyStore:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}
        self._lock = threading.Lock()

    def create(
        self, tenant: str, name: str, scopes: Iterable[KeyScope], lifetime: timedelta | None
    ) -> tuple[ApiKey, str]:
        secret = f"dh_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id=uuid4().hex,
            prefix=secret[:10],
            tenant=check_tenant(tenant),
            name=name,
            scopes=frozenset(scopes),
            expires_at=(self._clock.now() + lifetime).isoformat() if lifetime else None,
            revoked=False,
        )
        self._keys[secret] = key
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        key = self._keys.get(secret)
        if key is None or key.revoked:
            return None
        expired = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= self._clock.now()
        return None if expired else key

    def redeem(self, secret: str, scope: KeyScope) -> ApiKey | None:
        with self._lock:
            key = self.find(secret)
            if key is None or scope not in key.scopes:
                return None
            self._keys[secret] = key.model_copy(update={"revoked": True})
            return key

    def list(self) -> list[ApiKey]:
        return list(self._keys.values())

    def revoke(self, key_id: str) -> None:
        for secret, key in self._keys.items():
            if key.id == key_id:
                self._keys[secret] = key.model_copy(update={"revoked": True})
                return
        raise NotFound(f"there is no key {key_id!r}", field="key_id")
