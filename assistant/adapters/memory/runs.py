"""The in-memory twins of RunStore and KeyStore."""

import secrets
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from assistant.adapters.memory.models import ManualClock
from assistant.kernel.access import ApiKey, KeyScope, check_tenant
from assistant.kernel.errors import NotFound
from assistant.kernel.runs import Compared, Feedback, Run


class MemoryRunStore:
    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self.feedback: list[tuple[Feedback, Compared | None]] = []

    def record(self, run: Run) -> None:
        self._runs[run.id] = run

    def get(self, tenant: str, run_id: str) -> Run:
        run = self._runs.get(run_id)
        if run is None or run.tenant != tenant:
            raise NotFound(f"there is no run {run_id!r}", field="run_id")
        return run

    def find(self, tenant: str, prefix: str) -> Run:
        found = [run for run in self._runs.values() if run.tenant == tenant and prefix and run.id.startswith(prefix)]
        if len(found) != 1:
            raise NotFound(f"there is no single run that begins with {prefix!r}", field="run_id")
        return found[0]

    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str:
        self.get(tenant, feedback.run_id)
        self.feedback.append((feedback, compared))
        return uuid4().hex


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
