"""Labelled questions become a calibration: trials are made once, judged by their references, and too little is called so."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from assistant.adapters.memory.models import ManualClock
from assistant.evaluation.calibrate import Labels, Place, calibrate, missing
from assistant.evaluation.formats import Answerability, Query
from assistant.evaluation.judge import Judge, evaluate_judge, fitted_judge, load_judge
from assistant.evaluation.labelled import can_be_judged, cases_of_feedback, cases_of_trials
from assistant.evaluation.rated import RatedAnswer, read_rated
from assistant.evaluation.thresholds import Case, Judged
from assistant.evaluation.trials import run_trials
from assistant.kernel.calibration import Basis, Target
from assistant.kernel.conversation import Answer, Ticket, Tier
from assistant.kernel.errors import InputError, ModelUnavailable
from assistant.kernel.generation import ChatMessage
from assistant.kernel.knowledge import Scope
from assistant.kernel.learning import GivenFeedback, Lesson
from assistant.kernel.runs import Feedback, Run
from assistant.pipeline import Desk, answer
from assistant.policies import load_policy
from tests.fundamentals.test_09_the_whole_path import copying, inventing
from tests.fundamentals.test_12_sure_enough import BASIS

TENTH = Target(error=0.1, confidence=0.9)
LABELS = Labels("references", 0.05, "data")
JUDGE = Judge(faithfulness=0.5, likeness=0.3, called=100, wrong=5)
DESCALE = "How do I descale the Fernhill Duo?"
STEPS = "Fill the tank to the maximum mark with a mix of one part descaler and three parts water."


def place(clock: ManualClock) -> Place:
    return Place("c1", "default", clock.now(), BASIS, 1)


def query(name: str, text: str, reference: str = "", label: Answerability = "unknown") -> Query:
    return Query(id=name, ticket=Ticket.from_text(text), answerability=label, reference=reference)


def alike(good: int, bad: int) -> list[Case]:
    """Questions with a draft each; the good ones are twice as similar."""
    labels = [True] * good + [False] * bad
    return [
        Case(str(number), (Judged({"similarity": 1.0 + label + number % 7 / 10}, label),))
        for number, label in enumerate(labels)
    ]


def test_enough_labels_give_a_threshold_and_what_drafts_are_like(clock: ManualClock) -> None:
    made = calibrate(alike(120, 40), TENTH, LABELS, place(clock))
    assert made.threshold is not None
    assert made.threshold.accepted >= 100
    assert (made.questions, made.drafts, made.acceptable) == (160, {Tier.SMALL: 160}, {Tier.SMALL: 120})
    assert made.missing == 0
    assert made.misjudged == 0.05
    assert set(made.spreads) == {"similarity"}
    assert made.stricter is None or made.stricter.probability >= made.threshold.probability


@pytest.mark.parametrize(("good", "bad"), [(0, 0), (3, 0), (15, 1), (0, 5)])
def test_too_few_labels_give_none_and_say_how_many_more(clock: ManualClock, good: int, bad: int) -> None:
    made = calibrate(alike(good, bad), TENTH, LABELS, place(clock))
    assert made.threshold is None
    assert made.missing is not None
    assert good + bad + made.missing >= TENTH.fewest


def test_drafts_that_are_all_good_are_enough_when_they_are_many(clock: ManualClock) -> None:
    made = calibrate(alike(TENTH.fewest, 0), TENTH, LABELS, place(clock))
    assert made.threshold is not None
    assert made.threshold.accepted == TENTH.fewest


def test_more_of_the_same_will_not_do_where_nothing_tells_good_from_bad(clock: ManualClock) -> None:
    cases = [Case(str(number), (Judged({"noise": number % 5}, number % 2 == 0),)) for number in range(200)]
    made = calibrate(cases, TENTH, LABELS, place(clock))
    assert made.threshold is None
    assert made.missing is None


def test_as_many_more_as_it_says_are_enough() -> None:
    cases = alike(18, 0)
    more = missing(cases, [(0.9,)] * 18, TENTH)
    assert more is not None
    assert TENTH.fewest <= 18 + more <= 3 * TENTH.fewest


def test_a_trial_is_made_once_for_each_tier(make_desk: Callable[..., Desk], scope: Scope, tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(messages: Sequence[ChatMessage]) -> str:
        asked.append(messages[-1].content)
        return copying(messages)

    queries = [query("1", DESCALE, STEPS), query("2", "How long does a parcel to Norway take?", "Five days.")]
    kept = tmp_path / "trials" / "default.jsonl"
    desk = make_desk(counting, counting)
    found = run_trials(queries, desk, BASIS, scope, kept, at_once=2)
    assert [trial.tier for trial in found["1"]] == [Tier.SMALL, Tier.LARGE]
    assert all(len(trial.run.attempts) == 1 for trial in found["1"])
    assert len(asked) == 4
    kept.write_text(kept.read_text("utf-8") + '{"key": "cut off', "utf-8")
    again = run_trials(queries, desk, BASIS, scope, kept, at_once=1)
    assert again == found
    assert len(asked) == 4
    other = BASIS.model_copy(update={"prompt": "another"})
    run_trials(queries, desk, other, scope, kept, at_once=1)
    assert len(asked) == 8


def test_what_a_model_failed_at_is_not_kept(make_desk: Callable[..., Desk], scope: Scope, tmp_path: Path) -> None:
    def failing(_: object) -> str:
        raise ModelUnavailable("the model process died")

    kept = tmp_path / "t.jsonl"
    with pytest.raises(ModelUnavailable, match="the small model gave no draft for question '1'") as raised:
        run_trials([query("1", DESCALE, STEPS)], make_desk(failing), BASIS, scope, kept, at_once=1)
    assert "kept" in raised.value.fix
    assert not kept.exists()


def test_drafts_are_judged_by_their_references(make_desk: Callable[..., Desk], scope: Scope, tmp_path: Path) -> None:
    desk = make_desk(copying)
    text = answer(Ticket.from_text(DESCALE), scope, desk).decision
    assert isinstance(text, Answer)
    queries = [
        query("a<::>1", DESCALE, text.draft.text),
        query("a<::>2", DESCALE, "We ship to Norway within five working days."),
        query("b<::>1", DESCALE, label="unanswerable"),
        query("c<::>1", DESCALE),
    ]
    trials = run_trials(queries, desk, BASIS, scope, tmp_path / "t.jsonl", at_once=1)
    cases = cases_of_trials(queries, trials, JUDGE)
    assert [case.group for case in cases] == ["a", "a", "b"]
    assert [case.drafts[0].acceptable for case in cases] == [True, False, False]
    assert not can_be_judged(queries[3])


def test_a_question_without_a_draft_counts_as_one_nobody_answered(
    make_desk: Callable[..., Desk], scope: Scope, tmp_path: Path
) -> None:
    queries = [query("1", DESCALE, STEPS)]
    trials = run_trials(queries, make_desk(inventing), BASIS, scope, tmp_path / "t.jsonl", at_once=1)
    assert cases_of_trials(queries, trials, JUDGE) == [Case("1", ())]


def told(run: Run, verdict: str, sent: str = "") -> Lesson:
    given = Feedback(run_id=run.id, verdict=verdict, sent_text=sent)
    return Lesson(run=run, feedback=(GivenFeedback(id="f", given_at="", feedback=given),))


def basis_of(run: Run) -> Basis:
    card = run.attempts[-1].raw.model
    return BASIS.model_copy(
        update={
            "prompt": run.manifest.prompt_sha256, "policy": run.manifest.policy_sha256, "embedder": run.manifest.embedder_sha256,
            "models": {Tier.SMALL: f"{card.name} {card.sha256}"},
        }
    )  # fmt: skip


def test_what_people_said_of_answers_labels_them(make_desk: Callable[..., Desk], scope: Scope) -> None:
    run = answer(Ticket.from_text(DESCALE), scope, make_desk(copying))
    assert isinstance(run.decision, Answer)
    sent = run.decision.draft.text
    basis = basis_of(run)
    verdicts = [
        ("up", "", True), ("down", "", False), ("discarded", "", False), ("sent", "", True), ("sent", sent, True),
        ("edited", f"Hello! {sent}", True), ("edited", "Please call us, we will look into it for you.", False),
    ]  # fmt: skip
    for verdict, text, good in verdicts:
        (case,) = cases_of_feedback([told(run, verdict, text)], basis)
        assert case.drafts[0].acceptable is good, verdict
    assert cases_of_feedback([told(run, "edited")], basis) == []
    assert cases_of_feedback([told(run, "up")], basis.model_copy(update={"prompt": "other"})) == []
    assert cases_of_feedback([told(run, "up")], basis.model_copy(update={"models": {Tier.SMALL: "other"}})) == []
    handed_off = answer(Ticket.from_text(DESCALE), scope, make_desk(inventing))
    assert cases_of_feedback([told(handed_off, "down")], basis_of(handed_off)) == []


def test_the_judge_wants_both_faithful_and_alike() -> None:
    reference = "Fill the tank and press both cup buttons for three seconds."
    assert JUDGE.accepts("Fill the tank, then press both cup buttons for three seconds [1].", reference, 0.9)
    assert not JUDGE.accepts("Fill the tank, then press both cup buttons for three seconds [1].", reference, 0.2)
    assert not JUDGE.accepts("We ship to Norway within five days [1].", reference, 0.9)
    assert not JUDGE.accepts("", reference, 0.9)
    assert 0.05 < JUDGE.misjudged(0.9) < 0.12
    assert JUDGE.misjudged(0.99) > JUDGE.misjudged(0.9)


def test_people_seldom_disagree_with_the_judge_that_is_shipped(shared_data: Path) -> None:
    rows = read_rated(shared_data / "mtrag" / "groundedness_dev.jsonl")
    report, found = evaluate_judge(rows, load_policy("default-10")[0].verify, "en")
    assert found == load_judge()
    assert report.misjudged < 0.12
    assert report.same_conversation < 0.15
    assert report.elsewhere < 0.03
    assert report.acceptable_kept > 0.6
    assert f"likeness = {found.likeness}" in fitted_judge(found, report.answers)


def test_a_judge_needs_references() -> None:
    row = RatedAnswer(id="c<::>1|m", question="?", contexts=("a",), response="b", faithfulness_median=4)
    with pytest.raises(InputError, match="none of the rated answers has a reference"):
        evaluate_judge([row], load_policy("default-10")[0].verify, "en")
