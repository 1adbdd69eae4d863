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
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from assistant.kernel.errors import DatabaseError, WriterBusy

SCHEMA = "deskhand_index_1"
ALIVE = 2**31 - 1
"""``died`` of what is in use."""
SHOWN = "tenant = :tenant AND born <= :generation AND died > :generation"
"""A condition on rows of a tenant."""

_TABLES = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.generation (
    tenant text, number int, parent int NOT NULL, written_at timestamptz NOT NULL DEFAULT now(), manifest text NOT NULL,
    PRIMARY KEY (tenant, number)
);
CREATE TABLE {SCHEMA}.document (
    tenant text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, born int NOT NULL, died int NOT NULL DEFAULT {ALIVE}
);
CREATE INDEX ON {SCHEMA}.document (tenant, key);
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
_LOCK_NOT_AVAILABLE = "55P03"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def exists(connection: Connection) -> bool:
    return connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.generation"}) is not None


def create(engine: Engine, dimension: int) -> None:
    """Make the tables, and the index of vectors of ``dimension`` numbers, if they are not there."""
    with changing(engine, "", wait=timedelta(minutes=10)) as connection:
        if not exists(connection):
            connection.exec_driver_sql(_TABLES)
        if dimension <= MOST_DIMENSIONS:
            connection.exec_driver_sql(_NEAR.format(schema=SCHEMA, dimension=int(dimension)))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes nothing. Raises DatabaseError."""
    with _errors_named(engine), engine.begin() as connection:
        yield connection


@contextmanager
def changing(engine: Engine, tenant: str, wait: timedelta) -> Iterator[Connection]:
    """A transaction beside which no other changes what is ``tenant``'s. Raises WriterBusy after ``wait``, and DatabaseError."""
    milliseconds = f"{wait.total_seconds() * 1000:.0f}"
    with _errors_named(engine), engine.begin() as connection:
        connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": milliseconds})
        try:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock_number("publish", tenant)})
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            raise WriterBusy(
                f"another ingest is publishing for tenant {tenant!r}",
                fix="Wait until it has finished.",
                retry_after_s=wait.total_seconds(),
            ) from error
        yield connection


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
def _errors_named(engine: Engine) -> Iterator[None]:
    """Nothing above knows the driver's errors; what it said is kept, without the parameters of the statement."""
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:  # COPY speaks to the driver itself.
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).splitlines()
        raise DatabaseError(
            f"the index in Postgres cannot be used: {type(cause).__name__}: {said[0] if said else ''}",
            fix="Check DESKHAND_DATABASE_URL, that the server runs and has pgvector 0.8 or newer, and that its disk is not full.",
        ) from error
