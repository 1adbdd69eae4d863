"""A threshold chosen on some drafts keeps its promise on others: the error among those accepted does not exceed the target."""

import json
import random
from math import log
from pathlib import Path

import pytest

from assistant.evaluation.calibration import Judged, calibrate, choose, evaluate_calibration, judged, score
from assistant.evaluation.metrics import expected_calibration_error
from assistant.evaluation.rated import RatedAnswer, read_rated
from assistant.kernel.calibration import Target
from assistant.kernel.errors import InputError
from assistant.policies import load_policy

TENTH = Target(error=0.1, confidence=0.9)


def drawn(count: int, rng: random.Random) -> list[Judged]:
    """Drafts that are acceptable with the probability that one of their two features says, as log-odds."""
    found = []
    for number in range(count):
        sure = rng.betavariate(4, 1)
        features = {"sure": log(sure / (1 - sure)), "noise": rng.random()}
        found.append(Judged(group=str(number), features=features, acceptable=rng.random() < sure))
    return found


@pytest.mark.parametrize(
    ("wrong", "drafts", "accepted"),
    [
        (0, 21, None),  # .9 ** 21 is more than a tenth: too few to show it, though none is wrong.
        (0, 22, 22),
        (1, 22, None),
        (0, 100, 100),
        (5, 100, 100),
        (6, 100, None),
    ],
)
def test_as_many_may_be_wrong_as_the_binomial_tail_allows(wrong: int, drafts: int, accepted: int | None) -> None:
    """All are as sure, so there is one threshold to test. P(at most 5 of 100 at .1) is .058, P(at most 6) .117."""
    found = choose([0.9] * drafts, [False] * wrong + [True] * (drafts - wrong), TENTH)
    assert (found.accepted if found else None) == accepted


def test_the_sequence_ends_at_the_first_failure() -> None:
    labels = [True] * 40 + [False] * 20 + [True] * 400
    found = choose([1 - place / 1_000 for place in range(len(labels))], labels, Target(error=0.1, confidence=0.9))
    assert found is None or found.accepted <= 45


def test_the_fewest_drafts_that_can_show_a_target() -> None:
    assert [Target(error=error, confidence=0.9).fewest for error in (0.05, 0.1, 0.2)] == [45, 22, 11]


def test_the_promise_is_kept_as_often_as_it_says() -> None:
    """The true error of a threshold is known here. Of 100 of them at most a tenth may miss: 16 would, once in thirty times."""
    rng = random.Random(7)
    missed = 0
    for _ in range(100):
        acceptance = calibrate(drawn(150, rng), Target(error=0.15, confidence=0.9))
        if acceptance.threshold is None:
            continue
        fresh = [
            one
            for one in drawn(2_000, rng)
            if acceptance.fit.probability(one.features) >= acceptance.threshold.probability
        ]
        missed += sum(not one.acceptable for one in fresh) > 0.15 * len(fresh)
    assert missed <= 16


def test_probabilities_are_honest() -> None:
    rng = random.Random(1)
    fit = score(drawn(600, rng)).fit
    fresh = drawn(2_000, rng)
    chances = [fit.probability(one.features) for one in fresh]
    assert expected_calibration_error(chances, [one.acceptable for one in fresh]) < 0.04


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    assert expected_calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0)
    assert expected_calibration_error([0.9] * 10, [False] * 10) == pytest.approx(0.9)
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    assert expected_calibration_error([], []) == 0


@pytest.mark.parametrize("acceptable", [True, False])
def test_drafts_of_one_kind_teach_nothing(*, acceptable: bool) -> None:
    with pytest.raises(InputError, match="too few to learn from, or all of one kind"):
        calibrate([Judged(str(n), {"sure": 0.5}, acceptable) for n in range(50)], TENTH)
    with pytest.raises(InputError, match="0 drafts of 0 questions"):
        calibrate([], TENTH)


def test_an_answer_is_acceptable_when_people_find_it_faithful_appropriate_and_complete() -> None:
    row = RatedAnswer(id="c<::>1|m", question="?", contexts=("a",), response="b", faithfulness_median=4)
    assert row.acceptable
    assert row.asked == "c<::>1"
    assert not row.model_copy(update={"faithfulness_median": 2.0}).acceptable
    assert not row.model_copy(update={"completeness": (1.0, 2.0, 4.0)}).acceptable
    assert row.model_copy(update={"completeness": (1.0, 3.0, 4.0)}).acceptable
    assert not row.model_copy(update={"appropriateness": (2.0, 2.0)}).acceptable


def test_targets_are_kept_on_answers_that_people_rated(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "mtrag" / "groundedness_dev.jsonl"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "\n".join(line for line in source.read_text("utf-8").split("\n") if line and json.loads(line)["contexts"])
    )
    drafts = judged(read_rated(rows), load_policy("default-8")[0].verify, "en")
    report = evaluate_calibration(drafts, (0.1, 0.2), 0.9, resplits=30)
    assert report.auroc.value > 0.88
    assert report.realised[0].calibration_error < 0.06
    for realised in report.realised:
        assert realised.kept >= 0.85
        assert realised.possible - realised.coverage < 0.2
