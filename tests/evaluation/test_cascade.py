"""Quality against cost: the large model reads what the small one fails at, and only where an answer is worth it."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.evaluation.cascade import (
    Asked,
    Pace,
    Tried,
    asked_of_trials,
    evaluate_cascade,
    measure_pace,
    not_paying,
    outlooks,
)
from assistant.evaluation.formats import Query
from assistant.evaluation.thresholds import Judged
from assistant.evaluation.trials import run_trials
from assistant.kernel.conversation import Ticket, Tier
from assistant.kernel.errors import InputError
from assistant.kernel.generation import Completion
from assistant.kernel.knowledge import Scope
from assistant.pipeline import Desk
from tests.evaluation.test_calibrate import DESCALE, JUDGE
from tests.fundamentals.test_09_the_whole_path import copying, inventing
from tests.fundamentals.test_12_sure_enough import BASIS


def asked(count: int = 240) -> list[Asked]:
    """Every third question can be answered by both models, every third by the large one alone, and the evidence tells nothing of the rest:
    the small model is unsure where it is wrong."""
    rng = random.Random(0)
    found = []
    for number in range(count):
        kind = number % 3
        evidence = {"similarity": (0.9, 0.8, 0.2)[kind] + rng.gauss(0, 0.05)}
        sure = {"sure": float(kind == 0) + rng.gauss(0, 0.1)}
        small = Judged(evidence | sure, kind == 0 and rng.random() < 0.95)
        large = Judged(evidence, kind != 2 and rng.random() < 0.95, Tier.LARGE)
        found.append(Asked(f"q{number}<::>1", evidence, Tried(small, 5.0), Tried(large, 15.0)))
    return found


def test_the_gain_is_there_as_soon_as_the_right_questions_are_read() -> None:
    report = evaluate_cascade(asked())
    curves = {curve.chosen_by: curve for curve in report.curves}
    assert set(curves) == {"confidence", "evidence", "oracle", "chance"}
    assert curves["confidence"].apgr.value > 0.75
    assert curves["confidence"].cpt80 < 0.45
    assert curves["oracle"].apgr.value >= curves["confidence"].apgr.value > curves["chance"].apgr.value
    for curve in report.curves:
        first, last = curve.points[0], curve.points[-1]
        assert (first.share, last.share) == (0, 1)
        assert first.acceptable == pytest.approx(sum(one.small.good for one in asked()) / 240, abs=1e-3)
        assert last.acceptable == pytest.approx(sum(one.large.good for one in asked()) / 240, abs=1e-3)
    assert curves["confidence"].points[-1].core_seconds == 20
    assert curves["evidence"].points[-1].core_seconds == 15


def test_what_does_not_pay_is_not_done() -> None:
    report = evaluate_cascade(asked())
    by_worth = {spent.worth: spent for spent in report.spent}
    anything, thirty = by_worth[None], by_worth[30.0]
    assert (anything.asked_small, anything.asked_large) == (240, 0), "every draft of the small model stands"
    assert thirty.asked_small < 200
    assert thirty.core_seconds < anything.core_seconds
    assert thirty.acceptable > 0.9 * anything.acceptable


def test_outlooks_say_what_to_expect_by_the_evidence() -> None:
    found = outlooks(asked())
    assert found[Tier.LARGE].cost == 15
    assert found[Tier.LARGE].likely.probability({"similarity": 0.85}) > 0.8
    assert found[Tier.LARGE].likely.probability({"similarity": 0.2}) < 0.2
    left_out = not_paying(asked(), 30.0)
    assert ("q2<::>1", Tier.LARGE) in left_out
    assert ("q0<::>1", Tier.SMALL) not in left_out


def test_where_all_come_out_alike_nothing_is_learned() -> None:
    with pytest.raises(InputError, match="answers of the small model"):
        outlooks([one for one in asked() if one.small.good])


def test_what_a_draft_costs_is_counted_in_tokens_that_were_really_read() -> None:
    done = Completion(text="", finish="stop", prompt_tokens=900, reused_tokens=300, completion_tokens=50)
    assert Pace(read=0.01, written=0.1).cost(done) == pytest.approx(6 + 5)


def test_trials_become_questions_with_what_each_tier_made_of_them(
    make_desk: Callable[..., Desk], scope: Scope, tmp_path: Path
) -> None:
    desk = make_desk(inventing, copying)
    queries = [
        Query(id="1", ticket=Ticket.from_text(DESCALE), answerability="unknown", reference="Something else."),
        Query(id="2", ticket=Ticket.from_text("Which telescope?"), answerability="unanswerable", reference=""),
    ]
    trials = run_trials(queries, desk, BASIS, scope, tmp_path / "t.jsonl", at_once=1)
    pace = Pace(1.0, 1.0)
    (one,) = asked_of_trials(queries, trials, JUDGE, {Tier.SMALL: pace, Tier.LARGE: pace})
    assert one.id == "1", "the other never reaches a model"
    assert one.small.draft is None
    assert one.small.cost > 0
    assert one.large.draft is not None
    assert not one.large.good


def test_a_pace_is_measured_through_the_port(make_desk: Callable[..., Desk]) -> None:
    pace = measure_pace(make_desk(lambda _: "a very long story " * 20).models[Tier.SMALL], cores=2)
    assert pace.read > 0
    assert pace.written > 0
