"""``deskhand jobs``: what an operator sees of jobs, and does about dead ones."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.wiring import App
from tests.cli.test_commands import deskhand, environment

__all__ = ["environment"]


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[App]:
    made = App(Settings(data_dir=Path(environment["DESKHAND_DATA_DIR"])))
    yield made
    made.close()


def dead(app: App, why: str = "note.pdf: it holds text. Rename it.") -> Job:
    job = app.jobs.claim(app.jobs.add("default", JobName.INGEST_UPLOAD, "u1").id)
    assert job is not None
    app.jobs.fail(job, why, retry=False)
    return job


def jobs(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return deskhand(environment, "jobs", *arguments)


def test_dead_jobs_are_listed_with_the_reason(app: App, environment: dict[str, str]) -> None:
    job = dead(app)
    app.jobs.add("default", JobName.PUBLISH)
    shown = jobs(environment, "list", "--state", "dead")
    assert shown.returncode == 0, shown.stderr
    assert job.id[:12] in shown.stdout
    assert "it holds text" in " ".join(shown.stdout.split())
    assert "publish" not in shown.stdout
    assert "ingest: 1 due" in shown.stdout
    assert [row["id"] for row in json.loads(jobs(environment, "list", "--state", "dead", "--json").stdout)] == [job.id]


def test_a_job_is_shown_whole_by_the_beginning_of_its_id(app: App, environment: dict[str, str]) -> None:
    job = dead(app)
    shown = jobs(environment, "show", job.id[:8])
    assert job.id in shown.stdout
    assert "dead" in shown.stdout
    assert json.loads(jobs(environment, "show", job.id, "--json").stdout)["state"] == "dead"


def test_a_dead_job_is_queued_again(app: App, environment: dict[str, str]) -> None:
    first, second = dead(app), dead(app)
    assert jobs(environment, "retry", first.id[:10]).returncode == 0
    assert app.jobs.get(None, first.id).state is JobState.QUEUED
    assert app.jobs.get(None, second.id).state is JobState.DEAD
    assert jobs(environment, "retry", "--all").returncode == 0
    assert app.jobs.get(None, second.id).state is JobState.QUEUED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("retry",), "either a job's id or --all"),
        (("retry", "abc", "--all"), "either a job's id or --all"),
        (("retry", "no-such-job"), "there is no job"),
        (("show", "no-such-job"), "there is no job"),
        (("purge", "--state", "queued"), "only done and dead"),
    ],
)
def test_mistakes_are_told_with_a_fix(environment: dict[str, str], arguments: tuple[str, ...], message: str) -> None:
    done = jobs(environment, *arguments)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
    assert "Fix:" in done.stderr


def test_a_job_that_is_not_dead_is_not_tried_again(app: App, environment: dict[str, str]) -> None:
    waiting = app.jobs.add("default", JobName.PUBLISH)
    assert "not dead" in jobs(environment, "retry", waiting.id).stderr


def test_old_finished_jobs_are_forgotten(app: App, environment: dict[str, str]) -> None:
    job = dead(app)
    assert "0 jobs forgotten" in jobs(environment, "purge", "--state", "dead").stderr
    assert "1 jobs forgotten" in jobs(environment, "purge", "--state", "dead", "--older-than-days", "0").stderr
    assert job.id not in [found.id for found in app.jobs.find(None)]
