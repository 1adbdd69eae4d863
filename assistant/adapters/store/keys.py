"""KeyStore: API keys by hash, with tenant, scopes and expiry."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select, update

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import ApiKeyRow
from assistant.kernel.access import ApiKey, KeyScope, check_tenant
from assistant.kernel.errors import NotFound
from assistant.ports import Clock

PREFIX = "dh_"
SECRET_BYTES = 32


class SqlKeyStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def create(
        self, tenant: str, name: str, scopes: Iterable[KeyScope], lifetime: timedelta | None
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is not kept and cannot be shown again."""
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        now = self._clock.now()
        row = ApiKeyRow(
            id=uuid4().hex,
            prefix=secret[:10],
            sha256=_digest(secret),
            tenant=check_tenant(tenant),
            name=name,
            scopes=sorted(scope.value for scope in scopes),
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
            revoked_at=None,
        )
        with self._sessions.begin() as session:
            session.add(row)
            return _key(row), secret

    def find(self, secret: str) -> ApiKey | None:
        """The live key with this secret, or None when it is unknown, expired or revoked."""
        with self._sessions.read() as session:
            row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.sha256 == _digest(secret)))
            return _key(row) if row is not None and self._lives(row) else None

    def redeem(self, secret: str, scope: KeyScope) -> ApiKey | None:
        """The live key with this secret and scope, revoked in the same statement: of two callers one gets it."""
        with self._sessions.begin() as session:
            row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.sha256 == _digest(secret)))
            if row is None or not self._lives(row) or scope.value not in row.scopes:
                return None
            taken = session.execute(
                update(ApiKeyRow)
                .where(ApiKeyRow.id == row.id, ApiKeyRow.revoked_at.is_(None))
                .values(revoked_at=self._clock.now())
                .returning(ApiKeyRow.id)
                .execution_options(synchronize_session=False)
            )
            return _key(row) if taken.first() is not None else None

    def list(self) -> list[ApiKey]:
        with self._sessions.read() as session:
            return [_key(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))]

    def revoke(self, key_id: str) -> None:
        """Refuse this key from now on. Raises NotFound."""
        with self._sessions.begin() as session:
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise NotFound(f"there is no key {key_id!r}", fix="`deskhand keys list` shows the ids.", field="key_id")
            row.revoked_at = self._clock.now()

    def _lives(self, row: ApiKeyRow) -> bool:
        now = self._clock.now()
        return row.revoked_at is None and (row.expires_at is None or _aware(row.expires_at, now) > now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _aware(at: datetime, like: datetime) -> datetime:
    """SQLite forgets the time zone; all times are stored in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=like.tzinfo)


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        prefix=row.prefix,
        tenant=row.tenant,
        name=row.name,
        scopes=frozenset(KeyScope(scope) for scope in row.scopes),
        expires_at=row.expires_at.isoformat() if row.expires_at else None,
        revoked=row.revoked_at is not None,
    )
