"""What an agent's reply says, apart from how it is dressed: no markup, greeting, closing or signature."""

import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser

MAX_CHARS = 100_000
_TAG = re.compile(r"<(?:[a-zA-Z!?]|/[a-zA-Z])")
_DROPPED = "script, style, head, template, blockquote, iframe, object, svg, .gmail_quote"
_BLOCKS = "p, div, br, li, tr, h1, h2, h3, h4, h5, h6, pre, table, ul, ol"
_IMAGE = re.compile(r"!\[([^\]\n]{0,200})\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{1,200})\]\(\s*<?([^)\s>]{1,2000})>?[^)\n]{0,200}\)")
_EMPHASIS = re.compile(r"`+|~~|(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)")
_LINE_MARK = re.compile(r"^\s*#{1,6}\s+|^\s*(?:[-*_=]\s*){3,}$")
_BULLET = re.compile(r"^\s*\*\s+")
_QUOTED = re.compile(r"^\s*>|^\s*On .{5,120} wrote:\s*$|^-{2,}\s*Original Message\s*-{2,}", re.IGNORECASE)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|moin|guten (?:tag|morgen|abend)"
    r"|liebe[rs]?|sehr geehrte[rs]?|bonjour|bonsoir|cher|chère|hola|buenos días|estimad[oa]|ciao|buongiorno|gentile)"
    r"\b[^,.!?:\n]{0,50}(?:[,!:.]|$)\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^\W*(?:(?:with )?(?:(?:my|our) )?(?:kind|best|warm|many|kindest|warmest)?\s*(?:regards|wishes)"
    r"|best|cheers|sincerely|yours(?: \w+)?|all the best|take care|many thanks|thanks(?: again)?|thank you(?: again)?"
    r"|mit (?:freundlichen|besten|vielen) grüßen|(?:viele|beste|liebe|freundliche|herzliche) grüße|mfg|lg"
    r"|(?:bien )?cordialement|(?:un )?saludos?(?: cordial(?:es)?)?|cordiali saluti)[\s,.!]*(?:[A-ZÄÖÜ][\w.'’ -]{0,40})?$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^\s*--\s*$|^\s*_{5,}\s*$|^Sent from my \w+", re.IGNORECASE)


def reply_body(text: str) -> str:
    """The plain text of a reply, a line a paragraph or list item. Links keep their address when it is a web address."""
    text = without_html(text)
    text = "".join(ch for ch in text if ch in "\n\t" or unicodedata.category(ch) not in {"Cc", "Cf", "Co", "Cn"})
    lines: list[str] = []
    for raw in text.splitlines():
        if _SIGNATURE.match(raw) or (lines and _CLOSING.match(_without_marks(raw))):
            break
        if not _QUOTED.match(raw) and (line := _without_marks(raw)):
            lines.append(line)
    return "\n".join(_without_greeting(lines))


def without_html(text: str) -> str:
    """``text`` as a reader sees it, where it is HTML; else as it is. Scripts and quoted mail are left out."""
    text = text[:MAX_CHARS]
    if not _TAG.search(text):
        return text
    tree = LexborHTMLParser(text)
    for node in tree.css(_DROPPED):
        node.decompose()
    for node in tree.css("li"):
        node.insert_before("\n- ")
    for node in tree.css(_BLOCKS):
        if node.tag != "li":
            node.insert_before("\n")
        node.insert_after("\n")
    return (tree.body.text() if tree.body is not None else tree.text()).strip()


def _without_marks(line: str) -> str:
    """A line without Markdown: emphasis, headings and rules; bullets become hyphens."""
    line = _LINE_MARK.sub("", line)
    line = _IMAGE.sub(r"\1", _BULLET.sub("- ", line))
    line = _LINK.sub(lambda m: f"{m[1]} ({m[2]})" if m[2].startswith(("https://", "http://")) else m[1], line)
    return " ".join(_EMPHASIS.sub("", line).split())


def _without_greeting(lines: list[str]) -> list[str]:
    if not lines:
        return []
    rest = _GREETING.sub("", lines[0], count=1)
    if rest == lines[0]:
        return lines
    return ([rest[0].upper() + rest[1:]] if rest else []) + lines[1:]
