"""Untrusted Markdown → HTML that is safe to show: no raw HTML, no images, no scripts, links that say where they lead.

Two walls: the parser makes no HTML of its input's and knows no images; the sanitiser lets nothing else through.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = {
    "p", "ul", "ol", "li", "strong", "em", "code", "pre", "br", "a", "blockquote", "hr",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
    "|(?<=[A-Za-z])[\u200c\u200d]+(?=[A-Za-z])"
)
"""Marks that turn text around, and characters nobody sees: both can make words read other than they are.

The joiners U+200C and U+200D stay, since Persian and emoji are written with them, but not between Latin letters.
"""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_BULLET = re.compile(r"^[ \t]*[•‣▪◦][ \t]+", re.MULTILINE)
"""Bullets as PDF and mail have them."""


def seen(text: str) -> str:
    """``text`` without characters that nobody sees or that reorder the others."""
    return _UNSEEN.sub("", text)


def safe_html(markdown: str) -> str:
    """Blocks of HTML: paragraphs, lists, tables, code. Headings begin at h3, to stand below a page's own."""
    return _sanitised(_parser().render(_BULLET.sub("- ", seen(markdown))))


def safe_inline_html(markdown: str) -> str:
    """One sentence as HTML: emphasis, code and links only."""
    return _sanitised(_parser().renderInline(seen(markdown)))


def _sanitised(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """CommonMark with tables; HTML is text, images are not known, and bare addresses stay text."""
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).enable("table")
    parser.disable(["image", "html_block", "html_inline", "code"])
    parser.validateLink = _is_web_address  # type: ignore[method-assign]
    parser.core.ruler.push("hosts_shown", lambda state: _show_hosts(state.tokens))
    parser.core.ruler.push("headings_lowered", lambda state: _lower_headings(state.tokens))
    return parser


def _is_web_address(url: str) -> bool:
    return bool(_host(url)) and url.strip().lower().startswith(("http://", "https://"))


def _host(url: str) -> str:
    """The host of an address, or nothing when it is none."""
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) else ""


def _show_hosts(tokens: Sequence[Token]) -> None:
    """Put the host a link leads to behind its words, unless they are the address itself."""
    for block in tokens:
        children = block.children or []
        shown: list[Token] = []
        begun, host, words = False, "", ""
        for token in children:
            if token.type == "link_open":
                begun, words = True, ""
                host = _host(str(token.attrGet("href") or ""))
            elif token.type == "link_close" and begun:
                if _host(words) != host:
                    shown.append(Token("text", "", 0, content=f" ({host})"))
                begun = False
            elif begun:
                words += token.content
            shown.append(token)
        if block.children is not None:
            block.children = shown


def _lower_headings(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
