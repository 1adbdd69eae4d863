"""Every RunStore: a run comes back whole, to its own tenant only, and feedback needs a run."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryRunStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.runs import SqlRunStore
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Feedback, Run
from assistant.pipeline import Desk, answer
from assistant.ports import RunStore
from tests.fundamentals.test_09_the_whole_path import copying, inventing


@pytest.fixture
def runs(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> RunStore:
    return MemoryRunStore() if backend == "memory" else SqlRunStore(sessions(), clock)


@pytest.fixture(params=["answer", "clarify", "handoff"])
def run(request: pytest.FixtureRequest, make_desk: Callable[..., Desk], scope: Scope) -> Run:
    text = "It doesn't work" if request.param == "clarify" else "How do I descale the Fernhill Duo?"
    desk = make_desk(inventing, inventing) if request.param == "handoff" else make_desk(copying)
    made = answer(Ticket.from_text(text), scope, desk)
    assert made.decision.kind == request.param
    return made


def test_a_run_comes_back_as_it_was(runs: RunStore, run: Run) -> None:
    runs.record(run)
    assert runs.get(run.tenant, run.id) == run


def test_the_beginning_of_an_id_is_enough_while_it_is_the_only_one(runs: RunStore, run: Run) -> None:
    runs.record(run.model_copy(update={"id": "abc1"}))
    assert runs.find(run.tenant, "abc").id == "abc1"
    with pytest.raises(NotFound):
        runs.get(run.tenant, "abc")
    runs.record(run.model_copy(update={"id": "abc2"}))
    with pytest.raises(NotFound):
        runs.find(run.tenant, "abc")


@pytest.mark.parametrize("run_id", ["", "nope", "%", "_", "' OR 1=1 --"])
def test_an_unknown_id_is_not_found(runs: RunStore, run: Run, run_id: str) -> None:
    runs.record(run)
    with pytest.raises(NotFound):
        runs.get(run.tenant, run_id)
    with pytest.raises(NotFound):
        runs.find(run.tenant, run_id)


def test_another_tenant_does_not_find_it(runs: RunStore, run: Run) -> None:
    runs.record(run)
    with pytest.raises(NotFound):
        runs.get("somebody-else", run.id)
    with pytest.raises(NotFound):
        runs.add_feedback("somebody-else", Feedback(run_id=run.id, verdict="up"))


def test_feedback_is_kept_for_a_run(runs: RunStore, run: Run) -> None:
    runs.record(run)
    first = runs.add_feedback(run.tenant, Feedback(run_id=run.id, verdict="edited", sent_text="Hold Clean."))
    assert first != runs.add_feedback(run.tenant, Feedback(run_id=run.id, verdict="up"))
