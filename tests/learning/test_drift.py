"""Drafts that are no longer like those that were labelled raise an alarm; those that are, do not."""

import random

import pytest

from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryCalibrationStore, MemoryRunStore
from assistant.kernel.calibration import Target, Watched
from assistant.learning.drift import FEWEST, SHIFTED, alarms, spread, stability, too_often_wrong
from assistant.learning.in_force import LOOK_AGAIN_S, CalibrationWatch
from tests.fundamentals.test_12_sure_enough import BASIS, SURE, calibration

TENTH = Target(error=0.1, confidence=0.9)


def test_what_is_spread_alike_is_stable() -> None:
    rng = random.Random(0)
    usual = spread([rng.gauss(0, 1) for _ in range(300)])
    assert usual.shares == pytest.approx((0.2,) * 5)
    assert stability(usual, [rng.gauss(0, 1) for _ in range(300)]) < 0.1
    assert stability(usual, [rng.gauss(1, 1) for _ in range(300)]) > SHIFTED


def test_stability_by_hand() -> None:
    """(.8 - .5) ln(.8 / .5) + (.2 - .5) ln(.2 / .5)."""
    usual = spread([0.0, 1.0]).model_copy(update={"edges": (0.5,), "shares": (0.5, 0.5)})
    assert stability(usual, [0.0] * 8 + [1.0] * 2) == pytest.approx(0.3 * 0.470004 - 0.3 * -0.916291, abs=1e-5)


def test_a_feature_that_is_always_the_same_is_no_trouble() -> None:
    usual = spread([0.0] * 50)
    assert stability(usual, [0.0] * 50) == 0
    assert stability(usual, [-1.0] * 50) > SHIFTED


def test_the_alarm_for_wrong_answers_is_seldom_false_and_comes_when_it_should() -> None:
    """Asked after each of 400 outcomes, of 200 deskhands that keep their target: a tenth may be accused."""
    rng = random.Random(5)
    kept = sum(too_often_wrong([rng.random() >= 0.1 for _ in range(400)], TENTH) for _ in range(200))
    broken = sum(too_often_wrong([rng.random() >= 0.25 for _ in range(200)], TENTH) for _ in range(100))
    assert kept <= 26
    assert broken >= 90
    assert not too_often_wrong([], TENTH)
    assert not too_often_wrong([True] * 500, TENTH)
    assert too_often_wrong([False] * 5, TENTH)


def drafts(count: int, mean: float, approved: bool | None = None) -> list[Watched]:
    rng = random.Random(count)
    return [
        Watched(features={"similarity": rng.gauss(mean, 1)}, accepted=True, approved=approved) for _ in range(count)
    ]


def test_alarms_name_what_has_changed() -> None:
    rng = random.Random(1)
    usual = {"similarity": spread([rng.gauss(0, 1) for _ in range(200)])}
    made = calibration(0.9, small=SURE).model_copy(update={"spreads": usual})
    assert alarms(made, drafts(200, 0.0)) == ()
    assert alarms(made, drafts(200, 1.5)) == ("similarity",)
    assert alarms(made, drafts(FEWEST - 1, 1.5)) == ()
    assert alarms(made, drafts(20, 0.0, approved=False)) == ("outcomes",)
    unsure_judge = made.model_copy(update={"misjudged": 0.9})
    assert alarms(unsure_judge, drafts(20, 0.0, approved=False)) == ()
    rejected_unseen = [draft.model_copy(update={"accepted": False}) for draft in drafts(20, 0.0, approved=False)]
    assert alarms(made, rejected_unseen) == ()


class _Drifting(MemoryCalibrationStore):
    """Counts how often drafts are read."""

    def __init__(self, found: list[Watched]) -> None:
        super().__init__(MemoryRunStore())
        self.found, self.reads = found, 0

    def watched(self, *_: object) -> list[Watched]:
        self.reads += 1
        return self.found


def test_what_speaks_against_a_calibration_is_looked_up_now_and_then(clock: ManualClock) -> None:
    store = _Drifting([])
    changes: list[tuple[str, ...]] = []
    watch = CalibrationWatch(store, lambda: BASIS, clock, lambda _, found: changes.append(found))
    assert watch.in_force("default") is None
    store.keep(calibration(0.9, small=SURE))
    for _ in range(3):
        found = watch.in_force("default")
        assert found is not None
        assert found.alarms == ()
    assert store.reads == 1
    store.found = drafts(20, 0.0, approved=False)
    clock.advance(LOOK_AGAIN_S)
    later = watch.in_force("default")
    assert later is not None
    assert later.alarms == ("outcomes",)
    assert changes == [("outcomes",)]
    assert later.least is None


def test_another_model_is_noticed_at_once(clock: ManualClock) -> None:
    basis = [BASIS]
    store = _Drifting([])
    watch = CalibrationWatch(store, lambda: basis[0], clock)
    store.keep(calibration(0.9, small=SURE))
    basis[0] = BASIS.model_copy(update={"embedder": "other"})
    found = watch.in_force("default")
    assert found is not None
    assert found.changed == ("embedder",)
