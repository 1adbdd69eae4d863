"""A check of grounding is measured by ratings that people gave, and by edits that turn a faithful sentence into another."""

import json
import random
import tomllib
from pathlib import Path

import pytest

from assistant.evaluation.contradictions import contradict
from assistant.evaluation.fitting import fitted
from assistant.evaluation.grounding import evaluate_grounding
from assistant.evaluation.rated import RatedAnswer, read_rated
from assistant.kernel.errors import InputError
from assistant.kernel.fits import GroundingFit
from assistant.policies import load_policy
from assistant.text.claims import Kind

POLICY = load_policy("default-10")[0].verify
PASSAGE = (
    "The Duo must be descaled every 2 months. Fill the tank with 500 ml of water and add the descaler before you start. "
    "The programme takes 25 minutes and cannot be stopped. Fernhill sends a new seal to customers in Norway."
)
FAITHFUL = (
    "The Duo must be descaled every 2 months. The programme takes 25 minutes and cannot be stopped. "
    "Add the descaler before you start. Fernhill sends a new seal to customers in Norway."
)
INVENTED = "You can rent a scooter at our Lisbon shop for 12 euros a day. Our staff will gladly show you the beaches."


def rated(number: int, response: str, rating: float) -> RatedAnswer:
    return RatedAnswer(
        id=str(number), question="How do I descale the Duo?", contexts=(PASSAGE,), response=response,
        faithfulness_median=rating,
    )  # fmt: skip


def test_each_edit_changes_one_thing_and_the_same_seed_makes_the_same_edits() -> None:
    edits = contradict(FAITHFUL, [PASSAGE, "The Mill has 40 steps. It is made in Bergen."], random.Random(3))
    assert {edit.kind for edit in edits} == {"number", "unit", "negation", "name", "condition"}
    for edit in edits:
        assert edit.before in FAITHFUL
        assert edit.text == FAITHFUL.replace(edit.before, edit.after)
        before, after = edit.before.split(), edit.after.split()
        assert len(set(before) ^ set(after)) <= 3, edit
    assert edits == contradict(FAITHFUL, [PASSAGE, "The Mill has 40 steps. It is made in Bergen."], random.Random(3))


def test_steps_change_places_but_not_their_numbers() -> None:
    (edit,) = [
        edit
        for edit in contradict("1. Fill the tank.\n2. Press both buttons.", [], random.Random(0))
        if edit.kind == "steps"
    ]
    assert edit.text == "1. Press both buttons.\n2. Fill the tank."


@pytest.mark.parametrize("answer", ["", "Yes.", "…", "1. \n2. "])
def test_an_answer_that_offers_nothing_to_edit_is_not_edited(answer: str) -> None:
    assert contradict(answer, [PASSAGE], random.Random(0)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("You won't be charged for it twice.", "You will be charged for it twice."),
        ("It can't be stopped once it has begun.", "It can be stopped once it has begun."),
        ("It doesn't take long to heat up.", "It does take long to heat up."),
        ("Whether or not you need one, we advise it.", None),
    ],
)
def test_a_denial_is_taken_away_as_one_would_say_it(before: str, after: str | None) -> None:
    found = [edit.text for edit in contradict(before, [PASSAGE], random.Random(0)) if edit.kind == "negation"]
    assert found == ([after] if after else [])


def test_a_name_of_two_words_is_replaced_by_a_whole_name() -> None:
    answer = "Write to the Fernhill Workshop in Leeds if it leaks."
    for seed in range(9):
        passage = "We ask the Blue Water Company in Norway. Leeds has one too."
        (edit,) = [one for one in contradict(answer, [passage], random.Random(seed)) if one.kind == "name"]
        assert ("Fernhill Workshop" in edit.after) != ("Leeds" in edit.after)
        assert "Fernhill" not in edit.after or "Fernhill Workshop" in edit.after
        assert "Water" not in edit.after or "Blue Water Company" in edit.after


def test_a_point_with_a_heading_is_no_step() -> None:
    answer = "1. **Price:** It costs less than the Duo.\n2. **Size:** It fits any kitchen you have."
    assert [edit for edit in contradict(answer, [], random.Random(0)) if edit.kind == "steps"] == []


def test_a_fit_can_be_made_and_named_by_a_policy(shared_data: Path) -> None:
    rows = read_rated(shared_data / "mtrag" / "groundedness_dev.jsonl")[:120]
    fit = GroundingFit.model_validate(tomllib.loads(fitted(rows, "en", seed=0)))
    assert set(fit.contradiction) == set(POLICY.fit.contradiction) == set(Kind)
    assert fit.faithful.weights.keys() == POLICY.fit.faithful.weights.keys()
    assert fit.faithful.weights["overlap"] > 0 > fit.faithful.weights["weak_claims"]
    crossed = evaluate_grounding(rows, POLICY, "en", crossed=True)
    assert crossed.contradictions.auroc.value >= 0.85
    assert crossed.fitted_on == "the other half"


def test_too_few_rows_are_not_fitted() -> None:
    with pytest.raises(InputError, match="not enough to fit"):
        fitted([rated(n, FAITHFUL, 4.0) for n in range(3)], "en", seed=0)


def test_what_is_invented_scores_lower_and_edits_are_counted_by_kind() -> None:
    rows = [rated(n, FAITHFUL, 4.0) for n in range(3)] + [rated(9, INVENTED, 1.0)]
    report = evaluate_grounding(rows, POLICY, "en")
    assert (report.answers, report.faithful) == (4, 3)
    assert [measured.auroc.value for measured in report.human] == [1.0] * 4
    assert report.unedited == 12
    assert {caught.kind: caught.sentences for caught in report.kinds}["number"] == 6  # Each answer is edited twice.
    assert report.contradictions.sentences == sum(caught.sentences for caught in report.kinds)
    assert report.contradictions.fell > report.unedited_fell


def test_answers_of_one_kind_cannot_be_told_apart() -> None:
    with pytest.raises(InputError, match="all faithful, or none"):
        evaluate_grounding([rated(1, FAITHFUL, 4.0)], POLICY, "en")


@pytest.mark.parametrize(
    "line", ["not json", "[]", '{"id": "1"}', json.dumps(rated(1, "x", 4.0).model_dump() | {"faithfulness_median": 9})]
)
def test_a_line_that_is_not_a_rated_answer_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(rated(1, FAITHFUL, 4.0).model_dump_json() + "\n\n" + line + "\n")
    with pytest.raises(InputError, match=r"rows.jsonl:3 is not a rated answer"):
        read_rated(file)


def test_answers_without_passages_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [rated(1, FAITHFUL, 4.0), rated(2, FAITHFUL, 4.0).model_copy(update={"contexts": ()})]
    file.write_text("\n".join(row.model_dump_json() for row in rows))
    assert [row.id for row in read_rated(file)] == ["1"]


def test_a_line_separator_inside_an_answer_ends_no_row(tmp_path: Path) -> None:
    row = {"id": "1", "question": "?", "contexts": ["a"], "response": "one\u2028two", "faithfulness_median": 4}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    assert read_rated(tmp_path / "rows.jsonl")[0].response == "one\u2028two"


def test_a_mark_in_an_answer_does_not_make_its_sentences_fall() -> None:
    rows = [rated(1, FAITHFUL.replace(".", " [1]."), 4), rated(2, INVENTED, 1)]
    assert evaluate_grounding(rows, POLICY, "en").unedited_fell == 0
