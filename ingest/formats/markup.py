"""Mallard and DocBook → HTML, so that headings, lists, tables and code are read in one place.

Their elements: projectmallard.org/1.0, and "DocBook 5: The Definitive Guide" (version 4 has the same names without a namespace).
"""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from lxml import etree

from assistant.kernel.errors import UnreadableDocument

MAX_DEPTH = 100
"""What is nested deeper keeps its text only."""
_NAMESPACES = {
    None,
    "http://projectmallard.org/1.0/",
    "http://projectmallard.org/if/1.0/",
    "http://docbook.org/ns/docbook",
}


class Vocabulary(NamedTuple):
    """What a language's elements are in HTML. Of an element in no table the content is kept, as it stands.

    ``joined``: what stands between the children of an element, such as steps of a menu or keys pressed together.
    """

    roots: frozenset[str]
    html: Mapping[str, str]
    dropped: frozenset[str]
    sections: frozenset[str]
    joined: Mapping[str, str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MALLARD = Vocabulary(
    roots=_words("page"),
    html={
        "p": "p", "desc": "p", "subtitle": "p", "list": "ul", "tree": "ul", "terms": "ul", "steps": "ol", "item": "li",
        "screen": "pre", "listing": "div", "table": "table", "tr": "tr", "td": "td", "th": "th", "note": "div",
        "example": "div", "figure": "div", "quote": "blockquote", "synopsis": "div", "br": "br",
    },
    dropped=_words("links comment revision credit license thumb"),
    sections=_words("section"),
    joined={"guiseq": " > ", "keyseq": "+"},
)  # fmt: skip
_DOCBOOK = Vocabulary(
    roots=_words("article book chapter section sect1 refentry appendix preface part reference topic set"),
    html={
        "para": "p", "simpara": "p", "subtitle": "p", "cmdsynopsis": "p", "formalpara": "div", "abstract": "div",
        "blockquote": "blockquote", "itemizedlist": "ul", "simplelist": "ul", "variablelist": "ul", "glosslist": "ul",
        "orderedlist": "ol", "calloutlist": "ol", "procedure": "ol", "substeps": "ol", "listitem": "li", "step": "li",
        "member": "li", "varlistentry": "li", "glossentry": "li", "callout": "li", "programlisting": "pre", "screen": "pre",
        "literallayout": "pre", "synopsis": "pre", "tgroup": "table", "table": "div", "informaltable": "div", "row": "tr",
        "entry": "td", "tr": "tr", "td": "td", "th": "th", "note": "div", "tip": "div", "warning": "div", "caution": "div",
        "important": "div", "example": "div", "figure": "div", "answer": "div", "refnamediv": "p",
    },
    dropped=_words(
        "indexterm index toc lot colophon remark revhistory legalnotice copyright authorgroup bibliography imageobject areaspec"
    ),
    sections=_words(
        "article book part reference chapter appendix preface glossary topic section simplesect sect1 sect2 sect3 sect4 sect5 "
        "refentry refsection refsect1 refsect2 refsect3 refsynopsisdiv qandadiv qandaentry"
    ),
    joined={"menuchoice": " > ", "keycombo": "+", "refnamediv": " - "},
)  # fmt: skip
_LISTS = {"ul", "ol"}
_TITLES = _words("title question refmeta bridgehead")
_TERMS = _words("title term glossterm")
_DESCRIBED = _words("item varlistentry glossentry")
_DEFINITIONS = _words("listitem glossdef")
_INFO = _words("info desc title subtitle abstract")
_LINKS, _POINTERS = _words("link xref ulink"), _words("xref linkend url href")
_PROSE = _words("p em title desc para cite app file gui cmd td span")
"""Elements of Mallard in which ``code`` is a word, not a listing."""


def markup_to_html(data: bytes) -> str:
    """Raises UnreadableDocument when it is not well formed, unfolds without end, or is in another language."""
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableDocument(f"it is no sound XML: {error.msg}", fix="Check it with an XML editor.") from error
    name = _name(root)
    vocabulary = next((known for known in (_MALLARD, _DOCBOOK) if name in known.roots), None)
    if vocabulary is None:
        reason = f"it is XML of a kind that is not known, with <{name}> at its root"
        raise UnreadableDocument(reason, fix="Mallard and DocBook are read; export others as HTML.")
    return f"<body>{_Writer(vocabulary).content(root, level=1)}</body>"


class _Writer:
    """Writes elements as HTML; ``level`` is that of the headings of the section an element stands in."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._depth = 0

    def content(self, node: etree._Element, level: int) -> str:
        """What stands in an element: text and elements in their order, but for a section's title, which goes before all."""
        parts = [escape(node.text or "")]
        heads = _name(node) in self._vocabulary.sections | self._vocabulary.roots
        for child in sorted(node, key=lambda child: _name(child) != "title") if heads else node:
            parts += [self._element(child, level), escape(child.tail or "")]
        return "".join(parts)

    def _element(self, node: etree._Element, level: int) -> str:
        if not isinstance(node.tag, str) or etree.QName(node).namespace not in _NAMESPACES:
            return ""
        if self._depth > MAX_DEPTH:
            return escape(_text(node))
        self._depth += 1
        try:
            return self._known(_name(node), node, level)
        finally:
            self._depth -= 1

    def _known(self, name: str, node: etree._Element, level: int) -> str:
        known = self._vocabulary
        if name in known.dropped:
            return ""
        if name in known.sections:
            anchor = node.get("id") or node.get("{http://www.w3.org/XML/1998/namespace}id") or ""
            return f'<section id="{escape(anchor)}">{self.content(node, level + 1)}</section>'
        if name.endswith("info"):
            return "".join(self._element(child, level) for child in node if _name(child) in _INFO)
        if name in _TITLES:
            return self._title(name, node, level)
        if name in known.joined:
            parts = (self._element(child, level).strip() for child in node)
            written = escape(known.joined[name]).join(part for part in parts if part)
            return f"<p>{written}</p>" if known.html.get(name) == "p" else written
        if name == "footnote":
            return f" ({escape(_text(node))})"
        if name == "choose":  # A page for several systems: what the first of them shows.
            return "".join(self._element(child, level) for child in node[:1])
        if name in _LINKS and not _text(node):
            return escape(_pointed_to(node))
        return self._tagged(name, node, level)

    def _title(self, name: str, node: etree._Element, level: int) -> str:
        if node.get("type"):  # A shorter one for links to the page.
            return ""
        text = escape(_text(node))
        owner = node.getparent()
        above = "" if owner is None else _name(owner)
        if above in self._vocabulary.sections | self._vocabulary.roots or above.endswith("info") or name != "title":
            return f"<h{min(level, 6)}>{text}</h{min(level, 6)}>"
        return f"<p><b>{text}</b></p>"

    def _tagged(self, name: str, node: etree._Element, level: int) -> str:
        tag = self._vocabulary.html.get(name, "")
        if name == "code" and self._vocabulary is _MALLARD and _name(node.getparent()) not in _PROSE:
            tag = "pre"
        if name in ("table", "informaltable") and not any(_name(child) == "tgroup" for child in node):
            tag = "table"
        if name in _DESCRIBED:
            return self._described(node, level)
        if tag in _LISTS:  # A list's title stands before it.
            heads = [self._element(child, level) for child in node if _name(child) == "title"]
            items = [self._element(child, level) for child in node if _name(child) != "title"]
            return f"{''.join(heads)}<{tag}>{''.join(items)}</{tag}>"
        content = self.content(node, level)
        return f"<{tag}>{content}</{tag}>" if tag else content

    def _described(self, node: etree._Element, level: int) -> str:
        """An item of a list; of a list of terms each with the words for it."""
        terms = [escape(_text(child)) for child in node if _name(child) in _TERMS]
        others = (
            self.content(child, level) if _name(child) in _DEFINITIONS else self._element(child, level)
            for child in node
            if _name(child) not in _TERMS
        )
        before = f"<b>{', '.join(terms)}:</b> " if terms else escape(node.text or "")
        return f"<li>{before}{' '.join(others)}</li>"


def _name(node: etree._Element | None) -> str:
    """The element's name without its namespace; empty for what is no element."""
    return etree.QName(node).localname if node is not None and isinstance(node.tag, str) else ""


def _text(node: etree._Element) -> str:
    return " ".join("".join(map(str, node.itertext())).split())


def _pointed_to(link: etree._Element) -> str:
    """Words for a link that has none: the address, or the name of the page it leads to."""
    for name, value in link.attrib.items():
        if etree.QName(name).localname in _POINTERS:
            target = str(value)
            return target if "://" in target else target.rsplit("#", 1)[-1].replace("-", " ")
    return ""
