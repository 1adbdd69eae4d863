"""What was changed in a claim is told by the company its words keep in the passages."""

import pytest

from assistant.policies import load_policy
from assistant.text.claims import Judgement, Kind, agreement, compare, judge
from assistant.text.ground import Ground, tokens

FIT = load_policy("default-10")[0].verify.fit
RETURNS = (
    "You can return any machine within 30 days of delivery. It must be clean and in its original box. "
    "You cannot return opened bags of coffee. Ask the desk for a sample. "
    "Start the return from Account > Orders > Return, or write to returns@fernhill.example."
)
REFUNDS = (
    "Fernhill refunds the card you paid with within 5 working days after the parcel reaches our workshop in Leeds. "
    "Gift cards are sold by the Kensington branch in the week before Christmas."
)
DESCALE = (
    "To descale the Duo:\n1. Fill the tank with water.\n2. Add one sachet of descaler.\n3. Press Clean for 3 seconds."
)
GROUND = Ground([RETURNS, REFUNDS, DESCALE], "en")


def judged(claim: str, before: str = "", asked: str = "How do I return it?") -> Judgement:
    return judge(compare(claim, before, asked, GROUND), FIT)


@pytest.mark.parametrize(
    "claim",
    [
        "You can return any machine within 30 days of delivery.",
        "3. Press Clean for 3 seconds.",
        "Fernhill refunds the card within 5 working days after the parcel reaches the workshop in Leeds.",
        "You cannot return opened bags of coffee.",
        "Opened bags of coffee can not be returned.",
        "**Where to start:** Start the return from Account > Orders > Return.",
    ],
)
def test_what_the_passages_say_is_not_called_changed(claim: str) -> None:
    assert judged(claim).risk < 0.5


@pytest.mark.parametrize(
    ("claim", "kind", "said", "instead"),
    [
        ("You can return any machine within 60 days of delivery.", Kind.NUMBER, "60", "30"),
        ("You can return any machine within 5 days of delivery.", Kind.NUMBER, "5", "30"),
        ("Fernhill refunds the card within 5 working hours after the parcel reaches it.", Kind.UNIT, "hours", "days"),
        (
            "Fernhill refunds the card after the parcel reaches our workshop in Kensington.",
            Kind.NAME,
            "kensington",
            "leeds",
        ),
        (
            "Fernhill refunds the card you paid with before the parcel reaches our workshop.",
            Kind.CONDITION,
            "before",
            "after",
        ),
        ("You cannot return any machine within 30 days of delivery.", Kind.NEGATION, "cannot", ""),
        ("You can return opened bags of coffee.", Kind.NEGATION, "", ""),
    ],
)
def test_what_was_changed_is_named(claim: str, kind: Kind, said: str, instead: str) -> None:
    judgement = judged(claim)
    assert judgement.risk > 0.7
    assert (judgement.kind, judgement.said, judgement.instead) == (kind, said, instead)


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("Attach files of up to 5GB to a message.", Kind.UNIT),
        ("Error E102 says that the brew group is missing.", Kind.NUMBER),
    ],
)
def test_units_and_codes_are_compared_also_where_they_are_written_together(claim: str, kind: Kind) -> None:
    ground = Ground(
        ["You can attach files of up to 5MB to a message. Error E101 says that the brew group is missing."], "en"
    )
    judgement = judge(compare(claim, "", "What does it say?", ground), FIT)
    assert judgement.risk > load_policy("default-10")[0].verify.max_risk
    assert judgement.kind is kind


def test_steps_told_the_other_way_round_are_seen_and_in_order_are_not() -> None:
    fill, add = "1. Fill the tank with water.", "2. Add one sachet of descaler."
    assert compare(add, fill, "", GROUND)[Kind.STEPS].features["reversed"] == 0.0
    turned = compare("2. Fill the tank with water.", "1. Add one sachet of descaler.", "", GROUND)
    assert turned[Kind.STEPS].features["reversed"] > 0.9
    assert judge(turned, FIT).kind is Kind.STEPS


@pytest.mark.parametrize("claim", ["", "…", "🙂", "1.", "- ", "\0", "a" * 50_000, "not " * 3_000])
def test_whatever_is_written_is_judged(claim: str) -> None:
    assert 0.0 <= judged(claim).risk <= 1.0
    assert 0.0 <= judge(compare(claim, claim, claim, Ground([], "en")), FIT).risk <= 1.0


def test_a_draft_agrees_as_a_whole_with_what_it_was_taken_from_and_not_with_something_else() -> None:
    own = agreement(["You can return any machine within 30 days.", "Start from Account > Orders."], "", GROUND)
    other = agreement(["Our Lisbon shop rents 12 scooters.", "Ask Paulo about the beaches of Cascais."], "", GROUND)
    assert own["overlap"] == 1.0
    assert own["weak_claims"] == own["unknown_names"] == own["unknown_numbers"] == 0.0
    assert other["overlap"] < 0.3
    assert other["weak_claims"] == 1.0
    assert (other["unknown_names"], other["unknown_numbers"]) == (3.0, 1.0)
    assert FIT.faithful.probability(own) > FIT.faithful.probability(other)


def test_numbers_have_one_form_and_words_that_carry_nothing_are_told() -> None:
    assert [(token.stem, token.content) for token in tokens("The three, or 3.0, Machines of $1,500.", "en")] == [
        ("the", False), ("3", True), ("or", False), ("3", True), ("machin", True), ("of", False), ("1500", True),
    ]  # fmt: skip
