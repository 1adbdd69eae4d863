"""Words, numbers, names and links as they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text.asks import asking_sentences, count_questions
from assistant.text.language import identify_language
from assistant.text.words import content_stems, links, names, numbers, strip_citations
from assistant.text.wrapped import unwrap


@given(st.text(max_size=300))
def test_any_text_can_be_analysed(text: str) -> None:
    content_stems(text)
    numbers(text)
    names(text)
    links(text)
    asking_sentences(text)
    unwrap(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1000"),
        ("2.50", "2.5"),
        ("three", "3"),
        ("007", "7"),
        ("Thirty", "30"),
        ("1,234,567.80", "1234567.8"),
        ("$.50", "0.5"),
    ],
)
def test_equal_numbers_are_equal_however_written(one: str, other: str) -> None:
    assert numbers(one) == numbers(other) != set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("30", "3"),
        ("1.5", "15"),
        ("2024-05-01", "2024"),
        ("10%", "100"),
        ("0.125", "125"),
        (".5", "5"),
        ("0,500", "500"),
    ],
)
def test_other_numbers_are_not(one: str, other: str) -> None:
    assert numbers(one) != numbers(other)


def test_forms_of_a_word_have_one_stem_and_common_words_none() -> None:
    assert content_stems("returning") == content_stems("returned") == content_stems("the returns")
    assert content_stems("What is it? You can have these.") == []


def test_names_are_capitals_that_their_place_does_not_explain() -> None:
    assert names("Open the GNOME Settings. Then press Save on your iPhone.") == {"gnome", "settings", "save", "iphone"}
    assert names("Parcels leave today.") == set()


def test_links_are_found_without_the_punctuation_behind_them() -> None:
    text = "See (https://help.example/a?b=1). Or write to Help@Example.com, please."
    assert links(text) == {"https://help.example/a?b=1", "help@example.com"}


def test_links_are_found_in_whatever_letters_their_hosts_are_written() -> None:
    text = "Sign in at \N{CYRILLIC SMALL LETTER ER}aypal.com or müller-support.de."
    assert links(text) == {"\N{CYRILLIC SMALL LETTER ER}aypal.com", "müller-support.de"}


def test_marks_of_citations_are_taken_off() -> None:
    assert strip_citations("Press Clean [1, 2]. Wait [3].") == "Press Clean. Wait."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I change the background of my desktop?", "en"),
        ("Wie ändere ich den Hintergrund meines Schreibtischs?", "de"),
        ("Comment puis-je changer le fond d'écran ?", "fr"),
        ("ok", ""),
        ("", ""),
    ],
)
def test_a_language_is_named_only_when_there_is_enough_to_tell(text: str, language: str) -> None:
    assert identify_language(text) == language


def test_what_is_asked_is_found_in_a_story() -> None:
    story = "I bought it in May. It broke. Can you repair it? Also I'd like to know the price. Regards, Tom"
    assert asking_sentences(story) == ["Can you repair it?", "Also I'd like to know the price."]


def test_wrapped_lines_are_joined_and_lists_are_not() -> None:
    assert unwrap("Open the\nSettings\nmenu and press\nSave\n.") == "Open the Settings menu and press Save."
    hours = "Monday 9-17\nTuesday 9-17\nSunday closed"
    assert unwrap(hours) == hours
    steps = "Do this:\n1. Open the lid\nand look inside.\n2. Close it."
    assert unwrap(steps) == "Do this:\n1. Open the lid and look inside.\n2. Close it."


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("How long is the warranty?", 1),
        ("How long is it and where do I send it?", 2),
        ("Help me!", 0),
        ("Is it so? And why?", 2),
    ],
)
def test_questions_are_counted_also_where_an_and_joins_them(text: str, count: int) -> None:
    assert count_questions(asking_sentences(text)) == count
