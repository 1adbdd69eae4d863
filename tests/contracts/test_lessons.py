"""Every LessonReader: feedback comes back with its run, in order, page after page, to its own tenant only."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from assistant.adapters.memory.learning import MemoryLessons
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryRunStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.learning import PAGE, SqlLessonReader
from assistant.adapters.store.runs import SqlRunStore
from assistant.kernel.conversation import Ticket
from assistant.kernel.knowledge import Scope
from assistant.kernel.learning import LACKING
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Feedback, Run
from assistant.pipeline import Desk, answer
from assistant.ports import LessonReader, RunStore
from tests.fundamentals.test_09_the_whole_path import copying
from tests.learning.tickets import handed_off


@pytest.fixture
def stores(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> tuple[RunStore, LessonReader]:
    if backend == "memory":
        both = MemoryLessons(MemoryRunStore(), clock)
        return both, both
    database = sessions()
    return SqlRunStore(database, clock), SqlLessonReader(database)


@pytest.fixture
def record(
    stores: tuple[RunStore, LessonReader], make_desk: Callable[..., Desk], scope: Scope, clock: ManualClock
) -> Callable[..., Run]:
    """Records a run, an hour after the last one."""
    desk = make_desk(copying)

    def make(reason: Reason | None = None, tenant: str = scope.tenant) -> Run:
        clock.advance(3600)
        wanted = Scope(tenant=scope.tenant)
        question = "How do I descale the Fernhill Duo?"
        run = (
            handed_off(desk, wanted, question, reason=reason)
            if reason
            else answer(Ticket.from_text(question), wanted, desk)
        )
        run = run.model_copy(update={"tenant": tenant})
        stores[0].record(run)
        return run

    return make


def test_feedback_comes_back_with_its_run_oldest_first(
    stores: tuple[RunStore, LessonReader], record: Callable[..., Run], clock: ManualClock
) -> None:
    runs, reader = stores
    first, second, _ = record(), record(), record()
    liked = Feedback(run_id=second.id, verdict="up", comment="Just right.")
    sent = Feedback(run_id=second.id, verdict="sent", sent_text="Hold Clean for 5 seconds.")
    for feedback in (liked, Feedback(run_id=first.id, verdict="down"), sent):
        clock.advance(60)
        runs.add_feedback("default", feedback)
    lessons = list(reader.lessons("default"))
    assert [lesson.run for lesson in lessons] == [first, second]
    assert [given.feedback for given in lessons[1].feedback] == [liked, sent]
    assert [lesson.run.id for lesson in reader.lessons("default", newest=True)] == [second.id, first.id]


def test_only_the_wanted_verdicts_and_days_come(
    stores: tuple[RunStore, LessonReader], record: Callable[..., Run], clock: ManualClock
) -> None:
    runs, reader = stores
    run = record()
    runs.add_feedback("default", Feedback(run_id=run.id, verdict="up"))
    clock.advance(86_400)
    between = clock.now() - timedelta(hours=1)
    runs.add_feedback("default", Feedback(run_id=run.id, verdict="edited", sent_text="Hold Clean."))
    (lesson,) = reader.lessons("default", since=between)
    assert [given.feedback.verdict for given in lesson.feedback] == ["edited"]
    (lesson,) = reader.lessons("default", verdicts=["up", "down"])
    assert [given.feedback.verdict for given in lesson.feedback] == ["up"]
    assert list(reader.lessons("default", verdicts=["up"], since=between)) == []


def test_handoffs_come_newest_first_and_only_for_the_wanted_reasons(
    stores: tuple[RunStore, LessonReader], record: Callable[..., Run], clock: ManualClock
) -> None:
    runs, reader = stores
    record()
    old = record(Reason.NO_EVIDENCE)
    between = clock.now() + timedelta(minutes=1)
    record(Reason.PERSON_REQUESTED)
    new = record(Reason.WEAK_EVIDENCE)
    runs.add_feedback("default", Feedback(run_id=old.id, verdict="sent", sent_text="We do not engrave."))
    found = list(reader.handed_off("default", LACKING))
    assert [lesson.run for lesson in found] == [new, old]
    assert [len(lesson.feedback) for lesson in found] == [0, 1]
    assert [lesson.run.id for lesson in reader.handed_off("default", LACKING, since=between)] == [new.id]


def test_another_tenant_s_are_never_read(stores: tuple[RunStore, LessonReader], record: Callable[..., Run]) -> None:
    runs, reader = stores
    run = record(Reason.NO_EVIDENCE, tenant="somebody-else")
    runs.add_feedback("somebody-else", Feedback(run_id=run.id, verdict="up"))
    assert list(reader.lessons("default")) == []
    assert list(reader.handed_off("default", LACKING)) == []


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
def test_pages_meet_without_a_gap_also_where_times_are_equal(
    stores: tuple[RunStore, LessonReader], record: Callable[..., Run]
) -> None:
    runs, reader = stores
    run = record(Reason.NO_EVIDENCE)
    ids = [f"run-{number:04}" for number in range(2 * PAGE + 7)]
    for run_id in ids:
        runs.record(run.model_copy(update={"id": run_id}))
        runs.add_feedback("default", Feedback(run_id=run_id, verdict="up"))
    assert [lesson.run.id for lesson in reader.lessons("default")] == ids
    assert [lesson.run.id for lesson in reader.handed_off("default", LACKING)][1:] == ids[::-1]
