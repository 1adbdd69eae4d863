"""What looks like one customer's own is found; what others say too is not."""

import pytest

from assistant.text.particulars import particulars, vocabulary, without_particulars

NOBODY = frozenset[str]()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Your card GC-88213-X runs until March.", {"gc-88213-x"}),
        ("The parcel 00340434161094042557 is on its way.", {"00340434161094042557"}),
        ("Track it at https://track.example/p?id=77 now.", {"https://track.example/p?id=77"}),
        ("I told Priya to wait.", {"priya"}),
        ("It costs 299.00 and weighs 12 kg.", set()),
        ("Hold the button for 5 seconds.", set()),
        ("We are closed until Monday, 28 December.", set()),
    ],
)
def test_identifiers_links_and_names_are_found(text: str, found: set[str]) -> None:
    assert particulars(text, NOBODY) - {"gc", "x"} == found


def test_a_word_that_others_use_belongs_to_nobody() -> None:
    shared = vocabulary(["The Duo is sold in Leeds.", "Is the Duo loud?"])
    assert particulars("Can I see the Duo in Leeds?", shared) == set()
    assert particulars("Can I see the Duo in Whitby?", shared) == {"whitby"}


def test_what_only_echoes_the_customer_is_found_also_at_the_beginning_of_a_sentence() -> None:
    said = "My machine shows 731 since May. Priya"
    assert particulars("Priya may send it in.", NOBODY, said=said) == {"priya"}
    assert particulars("The code 731 means no water.", NOBODY, said=said) == {"731"}
    assert particulars("Descale it.", NOBODY, said="Descale? I did descale it.") == set()


def test_german_nouns_are_no_names() -> None:
    assert particulars("Die Mühle hat einen Mahlgrad.", NOBODY, language="de") == set()


def test_what_is_found_is_shown_as_dots() -> None:
    shared = vocabulary(["Is there a shop in Leeds?"])
    assert without_particulars("Does Priya pick up FH-20331 in Leeds?", shared) == "Does […] pick up […] in Leeds?"
