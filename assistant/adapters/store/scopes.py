"""ScopeStore: what each tenant answers questions about, and the examples that tell."""

import numpy as np
from sqlalchemy import delete, select

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import ScopeRow
from assistant.kernel.errors import NotFound
from assistant.kernel.scope import ScopeFit
from assistant.ports import Vectors

_STORED = "<f2"
"""Vectors are kept in half precision: cosines differ in the fourth digit, and a fit of 15,000 examples takes 12 MB."""


class SqlScopeStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def fit(self, tenant: str) -> ScopeFit | None:
        with self._sessions.read() as session:
            record = session.scalar(select(ScopeRow.record).where(ScopeRow.tenant == tenant))
        return None if record is None else ScopeFit.model_validate(record)

    def examples(self, fit: ScopeFit) -> tuple[Vectors, Vectors]:
        """Raises NotFound when the fit was replaced or dropped meanwhile."""
        query = select(ScopeRow.vectors).where(ScopeRow.tenant == fit.tenant, ScopeRow.id == fit.id)
        with self._sessions.read() as session:
            stored = session.scalar(query)
        if stored is None:
            raise NotFound(f"there is no scope {fit.id!r} any more", fix="Ask again: another was fitted meanwhile.")
        vectors = np.frombuffer(stored, dtype=_STORED).astype(np.float32).reshape(fit.inside + fit.outside, -1)
        return vectors[: fit.inside], vectors[fit.inside :]

    def keep(self, fit: ScopeFit, inside: Vectors, outside: Vectors) -> None:
        row = ScopeRow(
            tenant=fit.tenant,
            id=fit.id,
            record=fit.model_dump(mode="json"),
            vectors=np.concatenate([inside, outside]).astype(_STORED).tobytes(),
        )
        with self._sessions.begin() as session:
            session.merge(row)

    def drop(self, tenant: str) -> bool:
        with self._sessions.begin() as session:
            gone = session.scalars(delete(ScopeRow).where(ScopeRow.tenant == tenant).returning(ScopeRow.id))
            return gone.first() is not None
