"""Sentence splitting on real documentation and by property: offsets are exact and nothing is lost."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text.sentences import split_sentences


@given(st.text(max_size=400))
def test_spans_are_slices_in_order_that_miss_only_space(text: str) -> None:
    spans = split_sentences(text)
    assert all(text[span.start : span.end] == span.text == span.text.strip() != "" for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    left = "".join(span.text for span in spans)
    assert "".join(left.split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["." * 100_000 + "x", "help " + "!?" * 50_000 + "x", "." + "'" * 100_000 + "x"])
def test_a_long_run_of_stops_is_read_once(text: str) -> None:
    """Read again from each of them, it takes minutes, and these end at the time a test may take."""
    assert [span.text for span in split_sentences(text)] == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Open Settings. Press Save.", ["Open Settings.", "Press Save."]),
        ("It costs 3.50 EUR. Pay now!", ["It costs 3.50 EUR.", "Pay now!"]),
        ("Ask Dr. Smith, e.g. today. Then go.", ["Ask Dr. Smith, e.g. today.", "Then go."]),
        ("Press Clean [1]. Wait. [2]", ["Press Clean [1].", "Wait. [2]"]),
        ("1. First step\n2. Second step", ["1. First step", "2. Second step"]),
        ("Do this: 1. Open it. 2. Press Save.", ["Do this:", "1. Open it.", "2. Press Save."]),
        (
            "He is a U.S. citizen. She moved to the U.S. Then left.",
            ["He is a U.S. citizen.", "She moved to the U.S.", "Then left."],
        ),
        ("It costs 5. Pay now.", ["It costs 5.", "Pay now."]),
        ("See https://a.example/b.html for more. Bye.", ["See https://a.example/b.html for more.", "Bye."]),
        ('He said "stop." Then left.', ['He said "stop."', "Then left."]),
        ("Wirklich? Ja! Gut…", ["Wirklich?", "Ja!", "Gut…"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, parts: list[str]) -> None:
    assert [span.text for span in split_sentences(text)] == parts


def test_real_documentation_splits_into_sentences_of_a_sane_length(support_rows: list[dict[str, str]]) -> None:
    lengths = [len(span.text) for row in support_rows for span in split_sentences(row["text"])]
    assert len(lengths) > 5_000
    assert sum(length > 600 for length in lengths) / len(lengths) < 0.01
