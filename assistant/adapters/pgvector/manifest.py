"""What a generation of an index in Postgres holds, beside what every index says of itself."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from assistant.adapters.pgvector.schema import SCHEMA, exists
from assistant.kernel.knowledge import Audience, SnapshotManifest
from assistant.kernel.value import Value


class Size(Value):
    """``stems`` are those of all ``chunks`` together."""

    chunks: int = 0
    stems: int = 0


class PostgresManifest(SnapshotManifest):
    """``parent`` is the generation to roll back to; 0 for none."""

    parent: int
    sizes: Mapping[Audience, Size]

    def size(self, audiences: frozenset[Audience]) -> Size:
        """Of all chunks that ``audiences`` may read."""
        some = [self.sizes.get(audience, Size()) for audience in audiences]
        return Size(chunks=sum(one.chunks for one in some), stems=sum(one.stems for one in some))


_NEWEST = text(f"SELECT manifest FROM {SCHEMA}.generation WHERE tenant = :tenant ORDER BY number DESC LIMIT 1")
_ONE = text(f"SELECT manifest FROM {SCHEMA}.generation WHERE tenant = :tenant AND number = :number")


def newest(connection: Connection, tenant: str) -> PostgresManifest | None:
    """The manifest in use, or None before the first."""
    if not exists(connection):
        return None
    return _read(connection.scalar(_NEWEST, {"tenant": tenant}))


def of_generation(connection: Connection, tenant: str, number: int) -> PostgresManifest | None:
    """None when it is not kept any more."""
    return _read(connection.scalar(_ONE, {"tenant": tenant, "number": number}))


def _read(found: str | None) -> PostgresManifest | None:
    return PostgresManifest.model_validate_json(found) if found else None
