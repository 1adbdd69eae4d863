"""HTML of a message → the plain text its author wrote, without what it quotes."""

from selectolax.lexbor import LexborHTMLParser

_DROPPED = "script, style, head, template, blockquote, .gmail_quote, .moz-cite-prefix, [data-signature]"
_BLOCKS = "p, div, br, li, tr, h1, h2, h3, h4, h5, h6, pre, table, ul, ol"
MAX_HTML_CHARS = 1_000_000


def plain_text(html: str) -> str:
    """The text a reader sees, a line a block; quoted mail and scripts are left out."""
    tree = LexborHTMLParser(html[:MAX_HTML_CHARS])
    for node in tree.css(_DROPPED):
        node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    for node in tree.css("td, th"):
        node.insert_after(" ")
    for node in tree.css("li"):
        node.insert_child("- ") if node.first_child is None else node.first_child.insert_before("- ")
    text = tree.body.text() if tree.body is not None else tree.text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return "\n".join(line for line in lines if line).replace("-\n", "- ")
