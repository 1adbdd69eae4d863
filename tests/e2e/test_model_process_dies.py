"""The real small and large models in their child process, which is killed in the middle of a draft."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.kernel.conversation import Answer, Handoff, Ticket, Tier
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.runs import Event, Run, StepTaken, TokenWritten
from assistant.pipeline import answer
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest
from tests.conftest import HELP_CENTRE

pytestmark = pytest.mark.models
SCOPE = Scope(tenant="default")
ONE_QUESTION = Ticket.from_text("Which button do I hold to descale the Fernhill Duo?")
TWO_QUESTIONS = Ticket.from_text("How long is the warranty of the Fernhill Duo? How do I book a repair?")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(Settings(data_dir=tmp_path_factory.mktemp("data")))
    ingest(load(HELP_CENTRE), "default", Audience.PUBLIC, create_ingest(app), roots=[root_key(HELP_CENTRE)])
    yield app
    app.close()


class Killer:
    """Kills the model process at the ``at``-th token of a tier, as often as ``times``."""

    def __init__(self, app: App, tier: Tier, at: int, times: int = 1) -> None:
        self._app, self._tier, self._at, self._times = app, tier, at, times
        self._seen = 0
        self.killed: list[int] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepTaken):
            self._seen = 0
        if not isinstance(event, TokenWritten) or event.tier is not self._tier or self._times == 0:
            return
        self._seen += 1
        pid = self._app.model_process.pid
        if self._seen >= self._at and pid is not None and pid not in self.killed:
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)
            self._times -= 1
            self._seen = 0


def texts(run: Run) -> list[str]:
    return [attempt.raw.completion.text for attempt in run.attempts]


@pytest.mark.parametrize(("ticket", "tier"), [(ONE_QUESTION, Tier.SMALL), (TWO_QUESTIONS, Tier.LARGE)])
def test_a_draft_whose_process_is_killed_is_written_again_the_same(app: App, ticket: Ticket, tier: Tier) -> None:
    calm = answer(ticket, SCOPE, app.desk)
    killer = Killer(app, tier, at=5)
    run = answer(ticket, SCOPE, app.desk, killer)
    assert len(killer.killed) == 1
    assert app.model_process.pid not in (None, *killer.killed)
    assert texts(run) == texts(calm)
    assert run.decision == calm.decision
    assert any("ended with code -9" in incident for incident in run.incidents)


def test_a_process_that_dies_every_time_ends_with_the_next_tier_or_a_human_and_not_in_a_hang(app: App) -> None:
    killer = Killer(app, Tier.SMALL, at=2, times=2)
    run = answer(ONE_QUESTION, SCOPE, app.desk, killer)
    assert len(killer.killed) == 2
    assert isinstance(run.decision, Answer | Handoff)
    assert [attempt.raw.tier for attempt in run.attempts] == [Tier.LARGE]
    assert len([incident for incident in run.incidents if "ended with code -9" in incident]) == 2


def test_no_child_is_left_behind(app: App, tmp_path: Path) -> None:
    other = App(Settings(data_dir=tmp_path))
    other.model_process.start()
    pid = other.model_process.pid
    assert pid is not None
    other.close()
    assert not Path(f"/proc/{pid}").exists()
