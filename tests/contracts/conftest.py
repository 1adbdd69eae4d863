"""Databases for the store's contracts: memory, SQLite, and a real Postgres from a wheel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assistant.adapters.store.database import Sessions, migrate, open_database
from assistant.adapters.store.tables import Base
from tests.postgres import running_postgres


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server of its own on a socket, for the whole test run."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def sessions(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Sessions]]:
    """Opens an empty, migrated database of the wanted kind."""
    engines: list[Engine] = []

    def make() -> Sessions:
        if backend == "sqlite":
            engine = open_database(f"sqlite:///{tmp_path / 'test.sqlite'}")
            migrate(engine)
        else:
            engine = open_database(request.getfixturevalue("postgres_url"))
            migrate(engine)
            with engine.begin() as connection:
                for table in reversed(Base.metadata.sorted_tables):
                    connection.execute(table.delete())
        engines.append(engine)
        return Sessions(engine)

    yield make
    for engine in engines:
        engine.dispose()
