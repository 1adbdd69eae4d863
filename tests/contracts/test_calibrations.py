"""Every CalibrationStore: one calibration at most is in force for a tenant, and drafts come back with what people said."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryCalibrationStore, MemoryRunStore
from assistant.adapters.store.calibrations import SqlCalibrationStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.runs import SqlRunStore
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Compared, Feedback
from assistant.pipeline import Desk, answer
from assistant.ports import CalibrationStore, RunStore
from tests.fundamentals.test_09_the_whole_path import copying, inventing
from tests.fundamentals.test_12_sure_enough import SURE, calibration

LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@pytest.fixture
def stores(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> tuple[RunStore, CalibrationStore]:
    if backend == "memory":
        runs = MemoryRunStore()
        return runs, MemoryCalibrationStore(runs)
    opened = sessions()
    return SqlRunStore(opened, clock), SqlCalibrationStore(opened)


def test_the_newest_is_in_force_until_another_is_chosen(stores: tuple[RunStore, CalibrationStore]) -> None:
    _, kept = stores
    assert kept.in_force("default") is None
    one = calibration(0.9, small=SURE)
    two = one.model_copy(update={"id": "c2", "created_at": "2026-11-02T00:00:00+00:00"})
    kept.keep(one)
    assert kept.in_force("default") == one
    kept.keep(two)
    assert kept.in_force("default") == two
    assert kept.find("default") == [two, one]
    kept.use("default", "c1")
    assert kept.in_force("default") == one
    kept.use("default", None)
    assert kept.in_force("default") is None
    assert len(kept.find("default")) == 2


def test_tenants_do_not_share_them(stores: tuple[RunStore, CalibrationStore]) -> None:
    _, kept = stores
    kept.keep(calibration(0.9, small=SURE))
    kept.keep(calibration(0.8).model_copy(update={"id": "other", "tenant": "acme"}))
    found = kept.in_force("default")
    assert found is not None
    assert found.id == "c1"
    for mistaken in ("other", "", "nothing"):
        with pytest.raises(NotFound):
            kept.use("default", mistaken)
    assert kept.in_force("default") == found


def test_drafts_come_back_with_what_people_last_said(
    stores: tuple[RunStore, CalibrationStore], make_desk: Callable[..., Desk], scope: Scope, clock: ManualClock
) -> None:
    runs, kept = stores
    desk = make_desk(copying)
    made = []
    for _ in range(3):
        run = answer(Ticket.from_text("How do I descale the Fernhill Duo?"), scope, desk)
        runs.record(run)
        made.append(run)
        clock.advance(1)
    runs.add_feedback("default", Feedback(run_id=made[0].id, verdict="up"))
    clock.advance(1)
    runs.add_feedback("default", Feedback(run_id=made[0].id, verdict="down"))
    much_changed = Compared(similarity=0.2, edits=9, cited=1, kept=())
    runs.add_feedback("default", Feedback(run_id=made[1].id, verdict="edited", sent_text="x"), much_changed)
    found = kept.watched("default", LONG_AGO, 10)
    assert [draft.approved for draft in found] == [False, False, None]
    assert all(draft.accepted for draft in found)
    assert found[0].features == made[0].attempts[0].features
    assert len(kept.watched("default", LONG_AGO, 2)) == 2
    assert kept.watched("default", clock.now() + timedelta(days=1), 10) == []
    assert kept.watched("acme", LONG_AGO, 10) == []


def test_drafts_that_failed_their_checks_are_not_among_them(
    stores: tuple[RunStore, CalibrationStore], make_desk: Callable[..., Desk], scope: Scope
) -> None:
    runs, kept = stores
    run = answer(Ticket.from_text("How do I descale the Fernhill Duo?"), scope, make_desk(inventing, copying))
    runs.record(run)
    (found,) = kept.watched("default", LONG_AGO, 10)
    assert found.features == run.attempts[1].features
    runs.record(answer(Ticket.from_text("How do I descale the Fernhill Duo?"), scope, make_desk(inventing)))
    assert len(kept.watched("default", LONG_AGO, 10)) == 1
