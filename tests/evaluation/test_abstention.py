"""Whether questions without an answer are told from others is measured by fits that have not seen their conversations."""

import tomllib
from collections.abc import Callable, Sequence

import pytest

from assistant.evaluation.abstention import ask_all, evaluate_abstention, fitted_abstention
from assistant.evaluation.formats import Answerability, Query
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic
from assistant.kernel.knowledge import Evidence, Scope
from assistant.pipeline import Desk
from assistant.stages.redact import redact
from assistant.text.answerability import answerability


def labelled(name: str, text: str, label: Answerability) -> Query:
    return Query(id=name, ticket=Ticket.from_text(text), answerability=label, reference="")


KNOWN = ["How do I descale the Duo?", "How long does a parcel to Norway take?", "Can I return an opened bag of coffee?"]
UNKNOWN = [
    "Who won the chess championship in 1972?",
    "Which bus goes to the airport at night?",
    "Do you sell diving suits?",
]
VAGUE = ["It broke", "Hello", "And then?"]


def questions() -> list[Query]:
    """Two of each kind in every conversation, so that either half has all of them."""
    rows: Sequence[tuple[Answerability, list[str]]] = (
        ("answerable", KNOWN), ("unanswerable", UNKNOWN), ("underspecified", VAGUE)
    )  # fmt: skip
    return [
        labelled(f"{text}{copy}<::>{label}", text, label) for copy in range(4) for label, some in rows for text in some
    ]


def test_questions_of_something_else_are_told_apart_by_what_is_found(
    make_desk: Callable[..., Desk], scope: Scope
) -> None:
    asked = ask_all(questions(), make_desk(), scope)
    report = evaluate_abstention(asked)
    assert (report.questions, report.answerable) == (36, 12)
    assert {told.label: told.questions for told in report.told} == {"unanswerable": 12, "underspecified": 12}
    assert min(told.auroc.value for told in report.told) > 0.8
    assert report.fitted_on == "the other half"


def test_a_fit_is_a_file_of_weights_that_can_be_read(make_desk: Callable[..., Desk], scope: Scope) -> None:
    asked = ask_all(questions(), make_desk(), scope)
    written = tomllib.loads(fitted_abstention(asked))
    assert written.keys() == {"unanswerable", "underspecified"}
    fit = Logistic.model_validate(written["unanswerable"])
    known, unknown = (
        [fit.probability(one.features) for one in asked if one.query.answerability == label]
        for label in ("answerable", "unanswerable")
    )
    assert sum(known) / len(known) < 0.5 < sum(unknown) / len(unknown)


@pytest.mark.parametrize("label", ["answerable", "unanswerable", "unknown"])
def test_one_kind_alone_cannot_be_told_apart(
    make_desk: Callable[..., Desk], scope: Scope, label: Answerability
) -> None:
    with pytest.raises(InputError, match="all answerable, or none is"):
        ask_all([labelled("1", "How do I descale the Duo?", label)], make_desk(), scope)


def test_nothing_asked_and_nothing_found_is_measured_too() -> None:
    nothing = Evidence(passages=(), generation=0, top_similarity=0.0)
    assert set(answerability(redact(Ticket(messages=())), nothing).values()) == {0.0}
