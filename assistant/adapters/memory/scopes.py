"""The in-memory twin of ScopeStore."""

from assistant.kernel.scope import ScopeFit
from assistant.ports import Vectors


class MemoryScopeStore:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[ScopeFit, Vectors, Vectors]] = {}

    def fit(self, tenant: str) -> ScopeFit | None:
        return self._kept[tenant][0] if tenant in self._kept else None

    def examples(self, fit: ScopeFit) -> tuple[Vectors, Vectors]:
        return self._kept[fit.tenant][1:]

    def keep(self, fit: ScopeFit, inside: Vectors, outside: Vectors) -> None:
        self._kept[fit.tenant] = (fit, inside, outside)

    def drop(self, tenant: str) -> bool:
        return self._kept.pop(tenant, None) is not None
