"""Jobs lose nothing and double nothing, whatever is killed, stopped, repeated, filled up or turned back.

Shorter than ``make chaos``, by the same scenarios. A failure prints the seed, ids, states and the end of the log.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.kernel.jobs import MAX_STRIKES
from tests.chaos import scenarios, storage
from tests.chaos.stage import Row, Stage, staged

pytestmark = pytest.mark.models
SEED = 20261122


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One service for most scenarios: what one leaves behind would disturb the next."""
    with staged() as made:
        yield made


def clean(row: Row) -> bool:
    print(row)
    return row.clean


def test_what_is_delivered_twice_is_done_once(stage: Stage) -> None:
    assert clean(scenarios.delivered_twice(stage, SEED, tickets=4))


def test_a_broker_that_hangs_delays_jobs_and_loses_none(stage: Stage) -> None:
    assert clean(scenarios.broker_hangs(stage, SEED, jobs=10, seconds=6))


def test_a_helpdesk_that_fails_before_or_after_its_work_gets_each_note_once(stage: Stage) -> None:
    assert clean(scenarios.helpdesk_fails(stage, SEED, tickets=12, hangs=0))


def test_a_locked_database_delays_jobs_and_loses_none(stage: Stage) -> None:
    assert clean(scenarios.database_locked(stage, SEED, jobs=12, times=1))


def test_a_job_that_kills_its_worker_each_time_dies_alone(stage: Stage) -> None:
    row = scenarios.poison(stage, SEED, others=50)
    assert clean(row)
    assert row.kills == MAX_STRIKES
    assert row.jobs >= 50


def test_two_hundred_jobs_survive_twenty_kills(stage: Stage) -> None:
    row = scenarios.kills(stage, SEED, jobs=210, times=21, rest_s=(0.5, 3.0), lines=(10, 2), drafts=2)
    assert clean(row)
    assert row.jobs >= 200
    assert row.kills >= 20


def test_a_full_disk_delays_jobs_and_loses_none(tmp_path: Path) -> None:
    with storage.small_disk(tmp_path) as why_not:
        if why_not:
            pytest.skip(why_not)
        assert clean(storage.disk_full(tmp_path, SEED, jobs=16, seconds=8))


@pytest.mark.skipif(storage.fake_clock()[1] != "", reason=storage.fake_clock()[1] or "runs")
def test_a_clock_that_jumps_delays_no_job_for_long(tmp_path: Path) -> None:
    assert clean(storage.clock_jumps(tmp_path, SEED, jobs=16, rest_s=1.0, batches=0))
