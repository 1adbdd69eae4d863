"""Statements are traced to the messages that say them, by the one who is said to say them."""

import pytest

from assistant.evaluation.summaries import read_dialogues
from assistant.kernel.conversation import Message
from assistant.text.retelling import Conversation, only_asks
from tests.conftest import SHARED

MESSAGES = (
    Message(author="customer", text="Hi, this is Ann. My Fernhill Duo shows E4. I already rinsed the tank twice."),
    Message(author="agent", text="Hello Ann, E4 is scale. Please run two sachets of citric acid through the Duo."),
    Message(author="customer", text="Thanks, Bob. The booklet says vinegar. Which one is right?"),
)
TOLD = Conversation("Error E4", MESSAGES, "en")


@pytest.mark.parametrize(
    ("statement", "messages"),
    [
        ("The customer's Fernhill Duo shows E4.", (1,)),
        ("The agent advised running two sachets of citric acid.", (2,)),
        ("The customer says that the booklet says vinegar.", (3,)),
    ],
)
def test_a_statement_is_tied_to_the_messages_that_say_it(statement: str, messages: tuple[int, ...]) -> None:
    trace = TOLD.trace(statement)
    assert (trace.messages, trace.support, trace.missing, trace.swapped) == (messages, 1.0, frozenset(), False)


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("The agent asked for three sachets.", {"3"}),
        ("The customer rinsed the tank on Mondays with Calgon.", {"calgon", "mondays"}),
        ("Details are at help.example.com/e4.", {"help.example.com"}),
    ],
)
def test_numbers_names_and_links_that_nobody_wrote_are_missing(statement: str, missing: set[str]) -> None:
    assert missing <= TOLD.missing(statement)


@pytest.mark.parametrize(
    ("statement", "swapped"),
    [
        ("The agent rinsed the tank twice.", True),
        ("The customer rinsed the tank twice.", False),
        ("Bob rinsed the tank twice.", True),
        ("Ann rinsed the tank twice.", False),
        ("The customer was told to rinse the tank.", True),
        ("The customer was told to run citric acid.", False),
        ("The customer agreed to run citric acid.", False),
    ],
)
def test_what_one_says_is_not_put_into_the_mouth_of_the_other(statement: str, *, swapped: bool) -> None:
    assert TOLD.trace(statement).swapped is swapped


def test_what_only_tells_of_telling_is_tied_to_nothing() -> None:
    assert TOLD.trace("The customer asked the agent a question.").messages == ()


def test_a_wish_is_nothing_that_was_tried() -> None:
    assert only_asks("The customer wants a refund.")
    assert not only_asks("The customer rinsed the tank.")


@pytest.mark.usefixtures("shared_data")
def test_the_sentences_of_real_dialogues_are_traced_to_themselves() -> None:
    traced = 0
    for dialogue in read_dialogues(SHARED / "summaries" / "dialogsum_dev.jsonl")[:40]:
        told = Conversation("", dialogue.ticket.messages, "en")
        for number, message in enumerate(dialogue.ticket.messages, start=1):
            if len(told.said(message.text)) >= 5:
                trace = told.trace(message.text)
                assert (trace.support, trace.missing, trace.messages) == (1.0, frozenset(), (number,))
                traced += 1
    assert traced > 100
