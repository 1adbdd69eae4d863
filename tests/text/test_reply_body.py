"""What an agent's reply says, without its dress; hostile and odd replies included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.text.reply_body import MAX_CHARS, reply_body, without_html


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ("Hi Tom,\n\nHold Clean for 5 seconds.\n\nKind regards,\nHannah", "Hold Clean for 5 seconds."),
        ("Dear Ms O'Hara,\nthe mill has 40 steps.\nBest,\nTom", "the mill has 40 steps."),
        ("Hello Jens, the mill has 40 steps.", "The mill has 40 steps."),
        ("Guten Tag Frau Özil,\nDie Mühle hat 40 Stufen.\nMit freundlichen Grüßen\nHannah", "Die Mühle hat 40 Stufen."),
        ("Bonjour,\nLe moulin a 40 crans.\nCordialement, Hannah", "Le moulin a 40 crans."),
        ("Hold Clean.\n-- \nHannah Berg\nFernhill Coffee, Leeds", "Hold Clean."),
        ("Hold Clean.\nOn Mon, 3 Nov 2026 Tom wrote:\n> How do I descale it?", "Hold Clean."),
        ("Thanks for writing to us.\nHold Clean.", "Thanks for writing to us.\nHold Clean."),
        ("Best before dates are on the bag.", "Best before dates are on the bag."),
        ("1. Empty the tank.\n2. Hold Clean.", "1. Empty the tank.\n2. Hold Clean."),
    ],
)  # fmt: skip
def test_greeting_closing_signature_and_quotes_are_left_out(reply: str, body: str) -> None:
    assert reply_body(reply) == body


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ("<p>Hello Tom,</p><p>Hold <b>Clean</b>.</p><script>alert(1)</script><p>Regards,<br>Hannah</p>", "Hold Clean."),
        ("<ul><li>Empty the tank.<li>Hold Clean.</ul>", "- Empty the tank.\n- Hold Clean."),
        ("Hold <img src=x onerror=alert(1)>Clean.", "Hold Clean."),
        ("Keep the pressure < 9 bar and > 7 bar.", "Keep the pressure < 9 bar and > 7 bar."),
        ("## Clean\n**Hold** `Clean` for __5__ seconds, not snake_case_name.", "Clean\nHold Clean for 5 seconds, not snake_case_name."),
        ("See [our guide](https://help.fernhill.example/clean) first.", "See our guide (https://help.fernhill.example/clean) first."),
        ("See [our guide](javascript:alert(1)) first.", "See our guide) first."),
        ("![clean](https://tracker.example/x.png) Hold Clean.", "clean Hold Clean."),
        ("Hold\u202e Clean\u200b.\x07", "Hold Clean."),
        ("", ""),
        ("Hi Tom,", ""),
    ],
)  # fmt: skip
def test_markup_is_left_out_and_what_it_said_stays(reply: str, body: str) -> None:
    assert reply_body(reply) == body


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/![]()*_`#-abp ='\"\n&;scriptl", max_size=200))
def test_nothing_of_a_script_survives_whatever_it_holds(script: str) -> None:
    held = script.replace("</script", "")
    assert without_html(f"<p>Hold Clean.</p><script>{held}</script>") == "Hold Clean."


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    body = reply_body(text)
    assert all(line == " ".join(line.split()) and line for line in body.splitlines())


def test_a_huge_reply_is_cut() -> None:
    assert len(reply_body("word " * MAX_CHARS)) <= MAX_CHARS
