"""Redact: what is the customer asking, and what of it must not be kept?

``redact(ticket)`` finds the question in a conversation and masks personal data, before anything is
stored, embedded or put into a prompt.
"""

import pytest

from assistant.kernel.conversation import Message, Ticket
from assistant.stages.redact import redact


def conversation(*turns: tuple[str, str]) -> Ticket:
    return Ticket(messages=tuple(Message(author=author, text=text) for author, text in turns))


def test_the_question_is_what_the_customer_wrote_since_the_last_reply() -> None:
    ticket = conversation(
        ("customer", "How long is the warranty of the Duo?"),
        ("agent", "It is two years."),
        ("customer", "And for the grinder?"),
        ("customer", "I bought it in May."),
    )
    question = redact(ticket)
    assert question.text == "And for the grinder?\nI bought it in May."
    assert question.previous == "How long is the warranty of the Duo?"


def test_earlier_turns_and_the_last_reply_are_kept_because_a_follow_up_says_little() -> None:
    ticket = conversation(
        ("customer", "I have a Duo."), ("agent", "Which one?"), ("customer", "How long is its warranty?"),
        ("agent", "Two years."), ("customer", "And the Mill?"),
    )  # fmt: skip
    question = redact(ticket)
    assert question.turns() == ("And the Mill?", "How long is its warranty?", "I have a Duo.")
    assert question.reply == "Two years."


def test_the_subject_counts_when_the_first_message_does_not_repeat_it() -> None:
    ticket = Ticket(subject="Error E4", messages=(Message(author="customer", text="What does this mean?"),))
    assert redact(ticket).text == "Error E4\nWhat does this mean?"


def test_what_is_asked_is_found_in_the_story_around_it() -> None:
    story = "I bought a Duo in May. It was raining. How long is its warranty? My dog likes it too. Please tell me soon."
    question = redact(conversation(("customer", story)))
    assert question.asks == ("How long is its warranty?", "Please tell me soon.")
    assert question.turns() == (story,)


def test_signatures_and_quoted_mail_are_not_the_question() -> None:
    text = "Where is my parcel?\n\nOn Monday, Support wrote:\n> We have sent it.\n-- \nAnna Berg\nBerg GmbH"
    assert redact(conversation(("customer", text))).text == "Where is my parcel?"


@pytest.mark.parametrize(
    ("text", "masked", "kind"),
    [
        ("Write to anna.berg@example.com please", "Write to [email] please", "email"),
        ("My card is 4111 1111 1111 1111.", "My card is [card].", "card"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [iban]", "iban"),
        ("Call +44 20 7946 0958 today", "Call [phone] today", "phone"),
        ("my password is hunter2!", "my password is [secret]", "secret"),
        ("key sk-abcdefghijklmnop1234 leaked", "key [secret] leaked", "secret"),
    ],
)
def test_personal_data_and_secrets_are_masked_and_counted(text: str, masked: str, kind: str) -> None:
    question = redact(conversation(("customer", text)))
    assert question.text == masked
    assert question.redacted == {kind: 1}
    assert question.transcript[0].text == masked


@pytest.mark.parametrize(
    "text", ["Order 4111 1111 1111 1112 is late", "Error E4 after 30 minutes", "Serial 2024-11-000123"]
)
def test_numbers_that_only_look_personal_stay(text: str) -> None:
    assert redact(conversation(("customer", text))).text == text


def test_the_language_is_the_ticket_s_or_found_in_the_words_or_the_default() -> None:
    german = "Wie kann ich meine Espressomaschine zurückgeben?"
    assert redact(conversation(("customer", german))).language == "de"
    assert redact(Ticket(messages=(Message(author="customer", text=german),), language="fr-CA")).language == "fr"
    assert redact(conversation(("customer", "ok?")), default_language="en").language == "en"


def test_a_ticket_without_a_customer_has_no_question() -> None:
    assert redact(conversation(("agent", "Hello?"))).text == ""
    assert redact(Ticket(messages=())).text == ""


def test_characters_that_nobody_sees_are_left_out_and_letters_have_one_form() -> None:
    question = redact(Ticket.from_text("Re\u200bfund my pass\u2063word is hun\u200bter2, Ku\u0308ndigung \u202enow"))
    assert question.text == "Refund my password is [secret] K\u00fcndigung now"
