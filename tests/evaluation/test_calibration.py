"""A threshold chosen on some drafts keeps its promise on others: the error among those accepted does not exceed the target."""

import json
import random
from math import log
from pathlib import Path

import pytest

from assistant.evaluation.calibration import evaluate_calibration, judged
from assistant.evaluation.metrics import expected_calibration_error
from assistant.evaluation.rated import RatedAnswer, read_rated
from assistant.evaluation.thresholds import Case, Judged, by_fits, choose, count, score
from assistant.kernel.calibration import Target
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import InputError
from assistant.policies import load_policy

TENTH = Target(error=0.1, confidence=0.9)


def drawn(questions: int, rng: random.Random) -> list[Case]:
    """A draft each that is acceptable with the probability that one of its two features says, as log-odds."""
    found = []
    for number in range(questions):
        sure = rng.betavariate(4, 1)
        features = {"sure": log(sure / (1 - sure)), "noise": rng.random()}
        found.append(Case(str(number), (Judged(features, rng.random() < sure),)))
    return found


def alike(probabilities: list[float], labels: list[bool]) -> tuple[list[Case], list[tuple[float, ...]]]:
    """A question with one draft for each label."""
    cases = [Case(str(number), (Judged({}, label),)) for number, label in enumerate(labels)]
    return cases, [(each,) for each in probabilities]


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
    found = choose(*alike([0.9] * drafts, [False] * wrong + [True] * (drafts - wrong)), TENTH)
    assert (found.accepted if found else None) == accepted


def test_the_sequence_ends_at_the_first_failure() -> None:
    labels = [True] * 60 + [False] * 20 + [True] * 120
    found = choose(*alike([1 - place / 1_000 for place in range(len(labels))], labels), TENTH)
    assert found is not None
    assert 60 <= found.accepted <= 65


def test_the_fewest_drafts_that_can_show_a_target() -> None:
    assert [Target(error=error, confidence=0.9).fewest for error in (0.05, 0.1, 0.2)] == [45, 22, 11]


def test_the_promise_is_kept_as_often_as_it_says() -> None:
    """The true error of a threshold is known here. Of 100 of them at most a tenth may miss: 16 would, once in thirty times."""
    rng = random.Random(7)
    missed = 0
    for _ in range(100):
        learned = drawn(150, rng)
        scored = score(learned)
        threshold = choose(learned, scored.probabilities, Target(error=0.15, confidence=0.9))
        if threshold is None:
            continue
        fresh = drawn(2_000, rng)
        accepted, wrong = count(fresh, by_fits(fresh, scored.fits), threshold.probability)
        missed += wrong > 0.15 * accepted
    assert missed <= 16


def test_probabilities_are_honest() -> None:
    rng = random.Random(1)
    fits = score(drawn(600, rng)).fits
    fresh = drawn(2_000, rng)
    chances = [of for (of,) in by_fits(fresh, fits)]
    assert expected_calibration_error(chances, [case.drafts[0].acceptable for case in fresh]) < 0.04


def test_of_a_question_the_first_draft_that_is_sure_enough_counts() -> None:
    small, large = Judged({}, acceptable=False), Judged({}, acceptable=True, tier=Tier.LARGE)
    cases = [Case("1", (small, large)), Case("2", (large,)), Case("3", ())]
    chances = [(0.6, 0.9), (0.5,), ()]
    assert count(cases, chances, 0.9) == (1, 0)
    assert count(cases, chances, 0.55) == (1, 1)
    assert count(cases, chances, 0.4) == (2, 1)


def test_tiers_share_their_weights_and_differ_in_the_intercept() -> None:
    rng = random.Random(3)
    cases = []
    for case in drawn(300, rng):
        (small,) = case.drafts
        better = small._replace(acceptable=small.acceptable or rng.random() < 0.7, tier=Tier.LARGE)
        cases.append(case._replace(drafts=(small, better)))
    fits = score(cases).fits
    assert fits[Tier.SMALL].weights == fits[Tier.LARGE].weights
    assert fits[Tier.LARGE].intercept > fits[Tier.SMALL].intercept
    assert set(fits[Tier.SMALL].weights) == {"sure", "noise"}


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    assert expected_calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0)
    assert expected_calibration_error([0.9] * 10, [False] * 10) == pytest.approx(0.9)
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    assert expected_calibration_error([], []) == 0


@pytest.mark.parametrize("acceptable", [True, False])
def test_drafts_of_one_kind_teach_nothing(*, acceptable: bool) -> None:
    with pytest.raises(InputError, match="too few to learn from, or all of one kind"):
        score([Case(str(number), (Judged({"sure": 0.5}, acceptable),)) for number in range(50)])
    with pytest.raises(InputError, match="0 drafts of 0 questions"):
        score([])


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
    drafts = judged(read_rated(rows), load_policy("default-10")[0].verify, "en")
    report = evaluate_calibration(drafts, (0.1, 0.2), 0.9, resplits=30)
    assert report.auroc.value > 0.88
    assert report.realised[0].calibration_error < 0.06
    for realised in report.realised:
        assert realised.kept >= 0.85
        assert realised.possible - realised.coverage < 0.2
