"""The lease as the settings have it, in the rows and in the worker's signs of life."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from assistant.adapters.memory.models import ManualClock
from assistant.adapters.store.database import Sessions, migrate, open_database
from assistant.adapters.store.jobs import SqlJobStore
from assistant.config import Settings
from assistant.kernel.jobs import JobName
from assistant.wiring import App
from workers.app import create_workshop


def test_a_shorter_lease_has_a_job_taken_over_sooner(tmp_path: Path, clock: ManualClock) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    migrate(engine)
    jobs = SqlJobStore(Sessions(engine), clock, timedelta(seconds=5))
    first = jobs.claim(jobs.add("t1", JobName.PUBLISH).id)
    assert first is not None
    for _ in range(3):
        clock.advance(4)
        assert jobs.claim(first.id) is None
        with jobs.holding(first):
            pass
    clock.advance(6)
    assert jobs.claim(first.id) is not None
    engine.dispose()


def test_the_setting_reaches_the_rows_and_the_workers(tmp_path: Path) -> None:
    app = App(Settings(data_dir=tmp_path, lease_s=7))
    assert create_workshop(app).lease == timedelta(seconds=7)
    app.jobs.claim(app.jobs.add("t1", JobName.PUBLISH).id)
    with app.engine.connect() as connection:
        until, claimed = connection.execute(text("SELECT lease_until, updated_at FROM job")).one()
    assert datetime.fromisoformat(until) - datetime.fromisoformat(claimed) == timedelta(seconds=7)
    app.close()
