"""Route: before a model reads anything, cheap checks say who should answer."""

from collections.abc import Callable

import pytest

from assistant.kernel.conversation import Clarify, Route, Ticket, Tier, ToHuman, TryTier
from assistant.kernel.knowledge import Scope
from assistant.kernel.reasons import Reason
from assistant.pipeline import Desk
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.stages.route import route

MakeDesk = Callable[..., Desk]


@pytest.fixture
def routed(make_desk: MakeDesk, scope: Scope) -> Callable[[str], Route]:
    desk = make_desk()

    def run(text: str) -> Route:
        question = redact(Ticket.from_text(text))
        evidence = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval)
        return route(question, evidence, desk.policy.route)

    return run


def test_a_plain_question_goes_to_the_small_model(routed: Callable[[str], Route]) -> None:
    assert routed("How do I descale the Fernhill Duo with the Clean button?") == TryTier(tier=Tier.SMALL)


def test_two_questions_at_once_go_to_the_large_model(routed: Callable[[str], Route]) -> None:
    step = routed("How long is the warranty of the Fernhill Duo? And how do I book a repair?")
    assert step == TryTier(tier=Tier.LARGE, reasons=(Reason.SEVERAL_PARTS,))


def test_no_evidence_goes_to_a_human_without_waking_a_model(routed: Callable[[str], Route]) -> None:
    assert routed("Which telescope reveals Saturn's moons?") == ToHuman(reasons=(Reason.NO_EVIDENCE,))


def test_a_question_too_short_to_understand_is_asked_back(routed: Callable[[str], Route]) -> None:
    step = routed("It doesn't work")
    assert isinstance(step, Clarify)
    assert step.question.count("?") >= 1
    assert step.reasons == (Reason.UNDERSPECIFIED,)


@pytest.mark.parametrize(
    "text", ["I want to speak to a human about my Duo warranty", "Let me talk to a real person now!"]
)
def test_who_asks_for_a_person_gets_one(routed: Callable[[str], Route], text: str) -> None:
    assert routed(text) == ToHuman(reasons=(Reason.PERSON_REQUESTED,))


def test_a_question_about_a_person_is_not_a_wish_for_one(routed: Callable[[str], Route]) -> None:
    assert isinstance(routed("Can another person use my Fernhill account to pause the subscription?"), TryTier)


def test_nothing_asked_goes_to_a_human(make_desk: MakeDesk, scope: Scope) -> None:
    desk = make_desk()
    question = redact(Ticket(messages=()))
    evidence = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval)
    assert route(question, evidence, desk.policy.route) == ToHuman(reasons=(Reason.NO_QUESTION,))
