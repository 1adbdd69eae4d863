"""HTML of a message → the plain text its author wrote, without what it quotes."""

from selectolax.lexbor import LexborHTMLParser

from assistant.kernel.helpdesks import HelpdeskTicket

_DROPPED = "script, style, head, template, blockquote, .gmail_quote, .moz-cite-prefix, [data-signature]"
_BLOCKS = "p, div, br, li, tr, h1, h2, h3, h4, h5, h6, pre, table, ul, ol"
_BULLET = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for a list item's mark until lines are joined, so that a hyphen at a line's end stays one."""
MAX_HTML_CHARS = 1_000_000


def plain_text(html: str) -> str:
    """The text a reader sees, a line a block; quoted mail and scripts are left out."""
    tree = LexborHTMLParser(html[:MAX_HTML_CHARS].replace(_BULLET, ""))
    for node in tree.css(_DROPPED):
        node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    for node in tree.css("td, th"):
        node.insert_after(" ")
    for node in tree.css("li"):
        node.insert_child(_BULLET) if node.first_child is None else node.first_child.insert_before(_BULLET)
    text = tree.body.text() if tree.body is not None else tree.text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return "\n".join(line for line in lines if line).replace(f"{_BULLET}\n", _BULLET).replace(_BULLET, "- ")


def has_been_said(ticket: HelpdeskTicket, html: str) -> bool:
    """Whether an agent's public message since the customer's last one has this text.

    A public reply goes out before its note, so that a note never claims a reply that was lost; when writing
    is repeated after the note failed, this keeps the customer from getting the reply twice.
    """
    wanted = "".join(plain_text(html).split())
    for entry in reversed(ticket.entries):
        if entry.public and entry.author == "customer":
            return False
        if entry.public and wanted and wanted in "".join(entry.text.split()):
            return True
    return False
