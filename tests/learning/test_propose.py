"""A gap and its answers become an article: only what agents said, nothing of one customer, no markup."""

from collections.abc import Sequence

import pytest

from assistant.kernel.learning import Article, Case
from assistant.learning.decisions import article_markdown
from assistant.stages.gather import Group, describe
from assistant.stages.propose import propose
from assistant.text.reply_body import reply_body

ASKED = "How long is a gift card valid?"


def case(number: int, answer: str, said: str = ASKED, language: str = "en") -> Case:
    day = f"2026-11-{number:02}T09:00:00+00:00"
    return Case(
        run_ids=(f"run-{number}",), asked_at=day, language=language, question=ASKED, said=said,
        answer=reply_body(answer), answered_at=day if answer else "",
    )  # fmt: skip


def article(*cases: Case, known: Sequence[str] = ()) -> Article:
    gap = describe(Group(tuple(range(len(cases))), 1.0), cases, known)
    return propose(gap, cases, known)


def texts(proposed: Article) -> list[str]:
    return [sentence.text for sentence in proposed.sentences]


def test_what_two_answers_share_is_taken_in_the_newest_words_with_both_runs() -> None:
    proposed = article(
        case(1, "Gift cards are valid for three years from the day of purchase. We also sell mugs."),
        case(2, "A gift card is valid for three years from the day of purchase."),
        case(3, ""),
    )
    (sentence,) = proposed.sentences
    assert sentence.text == "A gift card is valid for three years from the day of purchase."
    assert set(sentence.run_ids) == {"run-1", "run-2"}
    assert proposed.title == "How long is a gift card valid?"


def test_where_answers_share_nothing_the_newest_is_taken_and_the_reader_is_told() -> None:
    proposed = article(
        case(1, "They never expire on paper."), case(2, "- Open Account > Gift cards.\n- The last day is shown there.")
    )
    assert texts(proposed) == ["Open Account > Gift cards.", "The last day is shown there."]
    assert all(sentence.item for sentence in proposed.sentences)
    assert any("one answer (run run-2)" in note for note in proposed.notes)


def test_nothing_is_invented_where_nobody_answered() -> None:
    proposed = article(case(1, ""), case(2, ""))
    assert proposed.sentences == ()
    assert "Nobody has answered" in proposed.notes[0]


def test_answers_with_other_numbers_are_not_taken_for_the_same_and_the_reader_is_told() -> None:
    proposed = article(
        case(1, "Gift cards are valid for two years from the day of purchase."),
        case(2, "Gift cards are valid for three years from the day of purchase."),
    )
    assert texts(proposed) == ["Gift cards are valid for three years from the day of purchase."]
    assert any("Answers differ" in note and "two years" in note for note in proposed.notes)


@pytest.mark.parametrize(
    "sentence",
    [
        "Write to [email] about it.",
        "The number [phone] is wrong.",
        "Your code GC-88213-X still holds 20 pounds.",
        "The card that Priya sent holds 20 pounds.",
        "Priya can use the card in the shop.",
        "See https://shop.example/cards?token=5f1c for the balance.",
        "I have extended the card by a month.",
        "We've sent you another card.",
        "Your refund was booked on the card yesterday.",
        "Thank you very much for the kind words.",
    ],
)
def test_what_is_one_customer_s_or_one_case_s_is_left_out(sentence: str) -> None:
    said = f"{ASKED} My name is Priya, my card is GC-88213-X."
    proposed = article(
        case(1, f"Gift cards are valid for years. {sentence}", said), case(2, "Gift cards are valid for years.")
    )
    assert texts(proposed) == ["Gift cards are valid for years."]
    alone = article(case(1, f"The balance is shown at the till. {sentence}", said), case(2, ""))
    assert texts(alone) == ["The balance is shown at the till."]


def test_names_that_the_documents_know_may_stand() -> None:
    answer = "Gift cards are also good for the Barista Course."
    assert texts(article(case(1, answer), case(2, ""))) == []
    assert texts(article(case(1, answer), case(2, ""), known=["Barista Course\nA course of one day."])) == [answer]


def test_answers_in_another_language_are_counted_not_mixed_in() -> None:
    proposed = article(
        case(1, "Gift cards are valid for years."),
        case(2, "Die Karte ist jahrelang gültig.", language="de"),
        case(3, ""),
    )
    assert texts(proposed) == ["Gift cards are valid for years."]
    assert any("1 answers to tickets in another language" in note for note in proposed.notes)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<p>Cards are <script>alert(1)</script>valid for years.</p>", "Cards are valid for years."),
        ("Cards are [valid](javascript:alert) for years.", "Cards are valid for years."),
        ("# Cards are valid for years.", "Cards are valid for years."),
        ("Cards are valid | for | years.", "Cards are valid \\| for \\| years."),
        ("Cards are valid &lt;b&gt; for years.", "Cards are valid &amp;lt;b&amp;gt; for years."),
        ("Cards cost 2*3 pounds a year_of_use.", "Cards cost 2\\*3 pounds a year\\_of\\_use."),
        ("Cards are valid for x<y years.", "Cards are valid for x"),
    ],
)  # fmt: skip
def test_an_answer_s_markup_is_no_markup_in_the_article(hostile: str, shown: str) -> None:
    markdown = article_markdown(article(case(1, hostile), case(2, "")))
    heading, body = markdown.split("\n\n")
    assert heading == "# How long is a gift card valid?"
    assert body.rstrip("\n") == shown


@pytest.mark.parametrize("start", ["# ", "- ", "+ ", "1. ", "```", "    ", "---\n"])
def test_nothing_an_agent_wrote_opens_a_block(start: str) -> None:
    markdown = article_markdown(article(case(1, f"{start}Cards are valid for years."), case(2, "")))
    assert markdown.split("\n\n")[1].removeprefix("- ") == "Cards are valid for years.\n"
