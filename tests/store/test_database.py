"""Opening databases: the safe settings, several writers, and clear errors."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from assistant.adapters.clock import SystemClock
from assistant.adapters.store.database import Sessions, inspect_database, migrate, open_database, pending
from assistant.adapters.store.jobs import SqlJobStore
from assistant.kernel.errors import DatabaseError
from assistant.kernel.jobs import JobName


def test_sqlite_keeps_what_it_is_told(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a' / 'db.sqlite'}")
    migrate(engine)
    facts = inspect_database(engine)
    assert facts.ok, facts.detail
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    assert pending(engine)
    migrate(engine)
    migrate(engine)
    assert not pending(engine)
    engine.dispose()


def test_vectors_of_an_earlier_version_are_found_under_their_new_name(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE scope"))
        connection.execute(text("DROP TABLE calibration"))
        connection.execute(text("ALTER TABLE draft DROP COLUMN features"))
        connection.execute(text("ALTER TABLE embedding RENAME TO vector"))
        connection.execute(text("INSERT INTO vector VALUES ('key', 'embedder', x'00')"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT key FROM embedding")).scalar() == "key"
    engine.dispose()


def test_writers_on_several_threads_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate(engine)
    jobs = SqlJobStore(Sessions(engine), SystemClock())

    def add() -> None:
        for _ in range(20):
            jobs.add("t1", JobName.PUBLISH)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs.due(limit=1_000)) == 120
    engine.dispose()


def test_a_job_is_claimed_once_however_many_try(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate(engine)
    jobs = SqlJobStore(Sessions(engine), SystemClock())
    ids = [jobs.add("t1", JobName.PUBLISH).id for _ in range(30)]
    taken: list[str] = []

    def claim() -> None:
        taken.extend(job_id for job_id in ids if jobs.claim(job_id) is not None)

    threads = [threading.Thread(target=claim) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////proc/nowhere/db.sqlite", "postgresql://127.0.0.1:9/none?connect_timeout=1"]
)
def test_a_database_that_cannot_be_used_is_a_clear_error(url: str) -> None:
    with pytest.raises(DatabaseError):
        migrate(open_database(url))


def test_a_file_that_is_not_a_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        migrate(open_database(f"sqlite:///{path}"))
