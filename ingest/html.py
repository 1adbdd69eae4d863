"""HTML → title and blocks: what a reader sees, below its headings, without navigation and hidden text."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import Block, BlockKind

_DROPPED = (
    "script, style, noscript, template, nav, footer, aside, form, button, svg, iframe, object, head link, "
    "[hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], [role=search]"
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])", re.IGNORECASE
)
MAX_DEPTH = 200
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    "a abbr b bdi bdo br cite code data del dfn em font i img ins kbd label mark q s samp small span strong sub sup "
    "time tt u var wbr".split()
)


def parse_html(html: str) -> tuple[str, list[Block]]:
    """The page's title and its blocks. Raises UnreadableDocument when there is no body."""
    tree = LexborHTMLParser(html)
    body = tree.body
    if body is None:
        raise UnreadableDocument("there is no HTML body in it", fix="Save the page again.")
    for node in body.css(_DROPPED):
        node.decompose()
    for node in body.css("[style]"):
        if _HIDDEN_STYLE.search(node.attributes.get("style") or ""):
            node.decompose()
    root = body.css_first("main, article, [role=main]") or body
    walk = _Walk()
    walk.visit(root)
    walk.flush()
    title_node = tree.css_first("title")
    title = _squeeze(title_node.text()) if title_node is not None else ""
    return (walk.first_heading or title), walk.blocks


class _Walk:
    """Collects blocks in document order, keeping the headings above the place it is at."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.first_heading = ""
        self._headings: list[tuple[int, str]] = []
        self._anchor = ""
        self._inline: list[str] = []
        self._depth = 0

    def visit(self, node: LexborNode) -> None:
        """Collect what is below ``node``; what is nested deeper than any page needs becomes plain text."""
        if self._depth > MAX_DEPTH:
            self._inline.append(node.text(separator=" "))
            return
        self._depth += 1
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag == "-text":
                self._inline.append(child.text_content or "")
            elif tag == "br":
                self._inline.append("\n")
            elif tag == "img":
                self._inline.append(f" {child.attributes.get('alt') or ''} ")
            elif tag in _INLINE:
                self._note_anchor(child)
                self.visit(child)
            else:
                self.flush()
                self._note_anchor(child)
                self._block(tag, child)
                self.flush()
        self._depth -= 1

    def flush(self) -> None:
        """End the paragraph that inline text has been gathering."""
        text = _squeeze("".join(self._inline))
        self._inline.clear()
        if text:
            self._add(BlockKind.PARAGRAPH, text)

    def _block(self, tag: str, node: LexborNode) -> None:
        if tag in _HEADINGS:
            self._heading(_HEADINGS[tag], _squeeze(node.text()))
        elif tag == "pre":
            self._add(BlockKind.CODE, node.text().strip("\n"))
        elif tag == "table":
            self._add(BlockKind.TABLE, _table(node))
        elif tag in ("ul", "ol"):
            self._add(BlockKind.LIST, "\n".join(_list(node)))
        elif tag not in ("-comment", "-doctype"):
            self.visit(node)

    def _heading(self, level: int, text: str) -> None:
        if not text:
            return
        self._headings = [item for item in self._headings if item[0] < level] + [(level, text)]
        self.first_heading = self.first_heading or text

    def _note_anchor(self, node: LexborNode) -> None:
        anchor = node.attributes.get("id") or (node.attributes.get("name") if node.tag == "a" else None)
        if anchor and (node.tag in _HEADINGS or node.tag in ("section", "a", "div")):
            self._anchor = anchor

    def _add(self, kind: BlockKind, text: str) -> None:
        if text.strip():
            path = tuple(text for _, text in self._headings)
            self.blocks.append(Block(kind=kind, text=text, heading_path=path, anchor=self._anchor))


def _list(node: LexborNode, depth: int = 0) -> list[str]:
    """One line an item, numbered as a reader sees it; lists within items are indented."""
    if depth > MAX_DEPTH:
        return [f"{'  ' * depth}- {_squeeze(node.text(separator=' '))}"]
    lines: list[str] = []
    number = int(node.attributes.get("start") or 1) if (node.attributes.get("start") or "1").isdigit() else 1
    for item in node.iter():
        if item.tag != "li":
            continue
        inner = [child for child in item.iter() if child.tag in ("ul", "ol")]
        nested = [line for child in inner for line in _list(child, depth + 1)]
        for child in inner:
            child.decompose()
        marker = f"{number}." if node.tag == "ol" else "-"
        lines += [f"{'  ' * depth}{marker} {_squeeze(item.text(separator=' '))}", *nested]
        number += 1
    return lines


def _table(node: LexborNode) -> str:
    """One line a row, cells between bars."""
    rows = []
    for row in node.css("tr"):
        cells = [_squeeze(cell.text(separator=" ")) for cell in row.iter() if cell.tag in ("td", "th")]
        if any(cells):
            rows.append(" | ".join(cells))
    return "\n".join(rows)


def _squeeze(text: str) -> str:
    """Runs of space as one, line breaks kept only where they stand alone."""
    lines = (re.sub(r"[\s\u00a0]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\s+", " ", " ".join(line for line in lines if line)).strip()
