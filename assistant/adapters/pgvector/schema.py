"""The tables of an index in Postgres, the transactions that change it, and what of it a generation shows.

The tables are a cache of what the document store holds. Their schema is named by its format: another format begins with
empty tables beside the old ones, as a folder of snapshots that is not known is written anew.

A document, chunk or posting is shown by the generations from ``born`` until before ``died``, a vector from ``ready`` on; so a
reader of one generation sees the same however much is published meanwhile (as in Postgres' own MVCC).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from assistant.kernel.errors import ConfigurationError, DatabaseError, RetryLater, WriterBusy

SCHEMA = "deskhand_index_2"
ALIVE = 2**31 - 1
"""``died`` of what is in use."""
SHOWN = "tenant = :tenant AND born <= :generation AND died > :generation"
"""A condition on rows of a tenant."""

_TABLES = f"""
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.generation (
    tenant text, number int, documents_sha256 text NOT NULL, written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    manifest text NOT NULL, PRIMARY KEY (tenant, number)
);
CREATE TABLE {SCHEMA}.document (
    tenant text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, born int NOT NULL, died int NOT NULL DEFAULT {ALIVE}
);
CREATE INDEX ON {SCHEMA}.document (tenant, key);
CREATE INDEX ON {SCHEMA}.document (tenant, died) WHERE died < {ALIVE};
CREATE SEQUENCE {SCHEMA}.chunk_number;
CREATE TABLE {SCHEMA}.chunk (
    number bigint PRIMARY KEY, tenant text NOT NULL, audience text NOT NULL, id text NOT NULL, document_key text NOT NULL,
    born int NOT NULL, died int NOT NULL DEFAULT {ALIVE}, ready int, stems int NOT NULL,
    embedding_sha256 text NOT NULL, dimension int, vector vector, content text NOT NULL
);
ALTER TABLE {SCHEMA}.chunk ALTER COLUMN vector SET STORAGE MAIN;  -- Beside the text it would be moved out of its row.
CREATE INDEX ON {SCHEMA}.chunk (tenant, audience);
CREATE INDEX ON {SCHEMA}.chunk (tenant, id);
CREATE INDEX ON {SCHEMA}.chunk (tenant, document_key);
CREATE INDEX ON {SCHEMA}.chunk (tenant, embedding_sha256) WHERE ready IS NULL;
CREATE INDEX ON {SCHEMA}.chunk (tenant, died) WHERE died < {ALIVE};
CREATE TABLE {SCHEMA}.posting (
    chunk bigint NOT NULL, born int NOT NULL, died int NOT NULL DEFAULT {ALIVE}, times int NOT NULL, stems int NOT NULL,
    tenant text NOT NULL, audience text NOT NULL, stem text NOT NULL
);
CREATE INDEX ON {SCHEMA}.posting (tenant, stem) INCLUDE (audience, chunk, times, stems, born, died);
CREATE INDEX ON {SCHEMA}.posting (chunk);
"""
_NEAR = """
CREATE INDEX IF NOT EXISTS chunk_near_{dimension} ON {schema}.chunk
USING hnsw ((vector::halfvec({dimension})) halfvec_ip_ops) WITH (m = 24, ef_construction = 128) WHERE dimension = {dimension}
"""
MOST_DIMENSIONS = 4_000
"""Of vectors of 16-bit numbers that pgvector can index (https://github.com/pgvector/pgvector#hnsw)."""
OLDEST_PGVECTOR = (0, 8)
"""The first that goes on searching until it has found enough of what may be seen."""
READS_FOR = timedelta(seconds=10)
"""A question that takes longer is nobody's any more, and holds a connection that others wait for."""
_LOCK_NOT_AVAILABLE, _QUERY_CANCELED = "55P03", "57014"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_READS = text("""
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('statement_timeout', :milliseconds, true)
""")
"""A plan made for any tenant reads every row of a large one where most are small."""


def exists(connection: Connection) -> bool:
    return _relation(connection, "generation")


def create(engine: Engine, dimension: int) -> None:
    """Make the tables, and the index of vectors of ``dimension`` numbers, if they are not there.

    Raises ConfigurationError when pgvector is too old. What is there is not locked by looking for it.
    """
    near = dimension <= MOST_DIMENSIONS
    with _errors_named(engine), engine.connect() as connection:
        if exists(connection) and (not near or _relation(connection, f"chunk_near_{int(dimension)}")):
            return
    with changing(engine, "", wait=timedelta(minutes=10)) as connection:
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS vector")
        _check_pgvector(connection)
        if not exists(connection):
            connection.exec_driver_sql(_TABLES)
        if near:
            connection.exec_driver_sql(_NEAR.format(schema=SCHEMA, dimension=int(dimension)))


def _relation(connection: Connection, name: str) -> bool:
    return connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.{name}"}) is not None


def _check_pgvector(connection: Connection) -> None:
    version = str(connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")))
    if tuple(map(int, version.split(".")[:2])) < OLDEST_PGVECTOR:
        raise ConfigurationError(
            f"the database has pgvector {version}, the index needs {'.'.join(map(str, OLDEST_PGVECTOR))} or newer",
            fix="Install a newer pgvector on the server and run ALTER EXTENSION vector UPDATE, or set DESKHAND_INDEX=folder.",
        )


@contextmanager
def reading(engine: Engine, at_most: timedelta | None = None) -> Iterator[Connection]:
    """A transaction that changes nothing. Raises DatabaseError, and RetryLater when a statement takes longer than ``at_most``."""
    milliseconds = {"milliseconds": f"{at_most.total_seconds() * 1000:.0f}" if at_most else "0"}
    try:
        with _errors_named(engine, leaving=_QUERY_CANCELED), engine.begin() as connection:
            connection.execute(_READS, milliseconds)
            yield connection
    except DBAPIError as error:
        raise RetryLater(
            "the index in Postgres took too long to answer",
            fix="Look for what else the database does; `deskhand index tune` sets how far searches go.",
        ) from error


@contextmanager
def changing(engine: Engine, tenant: str, wait: timedelta) -> Iterator[Connection]:
    """A transaction beside which no other changes what is ``tenant``'s. Raises WriterBusy after ``wait``, and DatabaseError."""
    milliseconds = f"{wait.total_seconds() * 1000:.0f}"
    committed = engine.execution_options(isolation_level="READ COMMITTED")  # What others did while it waited is seen.
    try:
        with _errors_named(engine, leaving=_LOCK_NOT_AVAILABLE), committed.begin() as connection:
            connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": milliseconds})
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock_number("publish", tenant)})
            yield connection
    except DBAPIError as error:
        raise WriterBusy(
            f"another ingest is publishing for tenant {tenant!r}",
            fix="Wait until it has finished.",
            retry_after_s=wait.total_seconds(),
        ) from error


@contextmanager
def alone(engine: Engine, tenant: str) -> Iterator[bool]:
    """Whether nobody else is in here for ``tenant``, for as long as it takes."""
    lock = {"lock": lock_number("embed", tenant)}
    with _errors_named(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ours = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), lock))
        try:
            yield ours
        finally:
            if ours:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


def lock_number(what: str, tenant: str) -> int:
    """A number of 64 bits for an advisory lock."""
    digest = hashlib.sha256(f"deskhand {what} {tenant}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextmanager
def _errors_named(engine: Engine, leaving: str = "") -> Iterator[None]:
    """Nothing above knows the driver's errors; what it said is kept, without the parameters of the statement.

    An error of the state ``leaving`` is for the caller.
    """
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:  # COPY speaks to the driver itself.
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(error, DBAPIError) and leaving and getattr(cause, "sqlstate", "") == leaving:
            raise
        said = str(cause).splitlines()
        raise DatabaseError(
            f"the index in Postgres cannot be used: {type(cause).__name__}: {said[0] if said else ''}",
            fix="Check DESKHAND_DATABASE_URL, that the server runs and has pgvector 0.8 or newer, and that its disk is not full.",
        ) from error
