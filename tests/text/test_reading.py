"""Units of reading: exact slices of real articles, each with what it cannot be read without."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text.reading import reading_units, steps_go_on

NEEDED = """- 2 sachets (60 g) of Fernhill Descaler, part FH-3001
- 2.0 litres of lukewarm water

Do not use vinegar: it attacks the boiler seals. This is not covered by the warranty."""
CODES = """If it comes back, use this table:

Code | Meaning | What to do
E1 | Brew boiler too hot | Switch off for 30 minutes
E4 | No water flow | Prime the pump"""
GUIDE = """Rinse before first use

1. Press Espresso without the portafilter.
2. Open the steam knob for 30 seconds.

3. Empty the drip tray.

The steam wand reaches 120 °C. Unplug the
machine before you clean the housing."""


def parts(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in reading_units(text)]


def needed(text: str) -> list[set[int]]:
    return [set(unit.needs) for unit in reading_units(text)]


@given(st.text(alphabet=st.sampled_from("ab .:|-1\n\t\x1e…"), max_size=200))
def test_units_are_slices_in_order_that_miss_only_space_and_need_earlier_ones(text: str) -> None:
    units = reading_units(text)
    assert all(text[unit.start : unit.end].strip() == text[unit.start : unit.end] != "" for unit in units)
    assert all(one.end <= other.start for one, other in itertools.pairwise(units))
    assert "".join("".join(parts(text)).split()) == "".join(text.split())
    assert all(need < place for place, unit in enumerate(units) for need in unit.needs)


def test_list_items_stand_alone_and_a_sentence_that_looks_back_does_not() -> None:
    assert len(parts(NEEDED)) == 4
    assert parts(NEEDED)[1] == "- 2.0 litres of lukewarm water"
    assert needed(NEEDED) == [set(), set(), set(), {2}]


def test_a_row_needs_the_head_of_its_table_and_what_leads_into_it() -> None:
    assert parts(CODES)[3] == "E4 | No water flow | Prime the pump"
    assert needed(CODES) == [set(), {0}, {0, 1}, {0, 1}]


def test_items_need_the_line_that_leads_into_their_list() -> None:
    text = "Please have at hand:\n- the serial number\n- the order number\n\nWe answer within 1 working day."
    assert needed(text) == [set(), {0}, {0}, set()]


def test_steps_are_one_unit_below_their_heading_and_wrapped_lines_one_sentence() -> None:
    heading, steps, wand, unplug = parts(GUIDE)
    assert heading == "Rinse before first use"
    assert steps.startswith("1. Press")
    assert steps.endswith("3. Empty the drip tray.")
    assert wand == "The steam wand reaches 120 °C."
    assert unplug == "Unplug the\nmachine before you clean the housing."
    assert needed(GUIDE) == [set(), {0}, {0}, {0}]


def test_the_next_heading_takes_the_place_of_the_one_before() -> None:
    text = "Opening hours\n\nWe are here on working days.\n\nHolidays\n\nThe workshop is closed in August."
    assert needed(text) == [set(), {0}, set(), {2}]


def test_a_wrapped_item_is_one_unit() -> None:
    text = "3. On the One, press Brew for 10 seconds. On the Duo,\npress Clean.\n4. Rinse.\nThen make an espresso."
    assert parts(text) == [
        "3. On the One, press Brew for 10 seconds. On the Duo,\npress Clean.\n4. Rinse.",
        "Then make an espresso.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "goes_on"),
    [
        ("1. Fill the tank.\n2. Press Clean.", "3. Empty the tray.\n\nThe housing is hot.", True),
        ("Rinse it:\n\n1) Fill the tank.\n2) Press Clean.", "2) Press Clean.\n3) Empty the tray.", True),
        ("1. Fill the tank.\n2. Press Clean.", "1. Unplug it.\n2. Open the lid.", False),
        ("1. Fill the tank.\n2. Press Clean.", "5. Unplug it.", False),
        ("1. Fill the tank.\n\nWait for a minute.", "2. Press Clean.", False),
        ("1. Fill the tank.", "Wait for a minute.\n\n2. Press Clean.", False),
        ("- Water\n- Descaler", "- A cloth", False),
        ("", "2. Press Clean.", False),
    ],
)
def test_steps_go_on_where_the_count_does(before: str, after: str, *, goes_on: bool) -> None:
    assert steps_go_on(before, after) is goes_on
