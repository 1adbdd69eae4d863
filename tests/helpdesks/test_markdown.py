"""Plain text as Markdown, read back by the library django-helpdesk shows its comments with."""

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from assistant.adapters.helpdesks.markdown import as_markdown

PIECES = """[ ] ( ) * ** _ ` ``` ~~~ # ## - -- === 1. 12) + > < <b> </p> & &lt; &#35; ![x](http://a.b/c)
https://help.fernhill.example/a_b*c?x=1&y=2 [terms](javascript:alert(1)) [1]: \\ \\* { } {{ticket}} | : é " ' <http://a>
clean@fernhill.example #12 Duo""".split()
TEXTS = st.lists(st.sampled_from([*PIECES, " ", "    ", "\t", "\n", "\n\n"]), max_size=14).map("".join)


def shown(text: str) -> LexborHTMLParser:
    return LexborHTMLParser(f"<body>{markdown.markdown(as_markdown(text), extensions=['nl2br', 'fenced_code'])}")


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_the_page_says_what_the_text_says_and_nothing_stands_out(text: str) -> None:
    page = shown(text)
    assert page.body is not None
    assert "".join(page.body.text().replace("\u2060", "").split()) == "".join(text.split())
    assert {node.tag for node in page.body.css("*")} <= {"body", "p", "br", "a"}
    assert all(link.attributes["href"] == link.text() for link in page.css("a"))


def test_each_line_stays_a_line() -> None:
    page = shown("Hello Maureen,\nuse 2 sachets.\n\nSources\n----\n- Descale the Duo\n2. Water hardness")
    lines = [line.strip("\u2060 ") for line in page.body.text().splitlines() if line] if page.body else []
    assert lines == [
        "Hello Maureen,",
        "use 2 sachets.",
        "Sources",
        "----",
        "- Descale the Duo",
        "2. Water hardness",
    ]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://help.fernhill.example/descale_duo, then rinse.", ["https://help.fernhill.example/descale_duo"]),
        ("https://help.fernhill.example/faq#12", []),
        ("[our terms](https://elsewhere.example)", ["https://elsewhere.example"]),
    ],
)
def test_web_addresses_can_be_clicked_and_say_where_they_lead(text: str, links: list[str]) -> None:
    assert [link.text() for link in shown(text).css("a")] == links
