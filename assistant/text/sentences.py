"""Split text into sentences, keeping the character offsets of each."""

import re
from typing import NamedTuple

_ABBREVIATIONS = frozenset(
    "e.g i.e etc vs mr mrs ms dr prof st no nos fig sec ca approx inc ltd co corp dept est min max "
    "jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h u.a bzw nr str usw".split()
)
_TERMINATOR = re.compile(r"(?<![.!?…。！？])[.!?…。！？]++[\"'”’)\]]*+(?:\s*\[\d+(?:\s*,\s*\d+)*\])*(?=\s|$)|[。！？]")
"""A run of stops is tried once: a long one that ends nothing must not be read again from each of its stops."""
LIST_MARKER = re.compile(r"^\s*(?:[-*•‣]|\(?\d{1,2}[.)])\s+")
_LETTERED = re.compile(r"^\s*[a-z][.)]\s+")
_STEP_IN_LINE = re.compile(r"(?:\s*|.*:\s+)(?P<step>\(?\d{1,2})")
_NEXT = re.compile(r"\s*(\S?)")
_INITIALISM = re.compile(r"(?:[a-z]\.)+[a-z]")


class Span(NamedTuple):
    """``text[start:end]``, stripped of surrounding space."""

    start: int
    end: int
    text: str


def split_sentences(text: str) -> list[Span]:
    """Sentences of ``text`` in order. A line break always ends one; a list marker never does.

    Citation marks such as ``[1]`` stay with the sentence before them. Abbreviations, initials and
    decimal points do not split, nor do the numbers of steps that are told in one line, each a sentence.
    """
    spans: list[Span] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        spans.extend(_split_line(line, offset))
        offset += len(line)
    return spans


def _split_line(line: str, offset: int) -> list[Span]:
    found: list[Span] = []
    start = 0
    marker = LIST_MARKER.match(line) or _LETTERED.match(line)
    search_from = marker.end() if marker else 0
    for match in _TERMINATOR.finditer(line, search_from):
        if line[match.start()] == "." and _is_abbreviation(line, match.start()):
            continue
        if match.group() == "." and (step := _STEP_IN_LINE.fullmatch(line, start, match.start())):
            found.append(_stripped(line, start, step.start("step"), offset))
            start = step.start("step")
            continue
        found.append(_stripped(line, start, match.end(), offset))
        start = match.end()
    found.append(_stripped(line, start, len(line), offset))
    return [span for span in found if span.text]


def _is_abbreviation(line: str, dot: int) -> bool:
    """Whether the word before this full stop is one that is written with it."""
    before = line[max(0, dot - 16) : dot].rsplit(" ", maxsplit=1)[-1]
    bare = before.lower().lstrip("([\"'“")
    following = _NEXT.match(line, dot + 1)
    goes_on = following is not None and following[1].islower()
    return (
        bare in _ABBREVIATIONS
        or (len(bare) == 1 and bare.isalpha())
        or (goes_on and _INITIALISM.fullmatch(bare) is not None)
    )


def _stripped(line: str, start: int, end: int, offset: int) -> Span:
    raw = line[start:end]
    left = len(raw) - len(raw.lstrip())
    text = raw.strip()
    return Span(offset + start + left, offset + start + left + len(text), text)
