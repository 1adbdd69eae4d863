"""Which parts of a passage can be read on their own, and which need others beside them."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from assistant.text.sentences import split_sentences

MAX_HEADING_CHARS = 80
_BULLET = re.compile(r"\s*[-*•‣]\s+\S")
_STEP = re.compile(r"\s*\(?(\d{1,2})[.)]\s+\S")
_ROW = re.compile(r"\s*\||.*\S \| \S")
_ENDS = re.compile(r"[.!?…。！？:;,]['\"”’)\]]*$")
_LOOKS_BACK = re.compile(
    r"\W*(?:it|its|this|that|these|those|they|them|their|he|she|such|so|then|otherwise|instead|however|but|and|also"
    r"|if (?:so|not)|in (?:this|that) case|both|either|neither|er|sie|es|dies\w*|dann|sonst|il|elle|ils|cela|eso|esto)\b",
    re.IGNORECASE,
)


class Unit(NamedTuple):
    """``text[start:end]``, and the indices of the units without which it would be misread."""

    start: int
    end: int
    needs: frozenset[int]


class _Kind(Enum):
    TEXT = auto()
    BULLET = auto()
    STEPS = auto()
    ROWS = auto()


class _Run(NamedTuple):
    """Lines that belong together."""

    kind: _Kind
    start: int
    end: int


def reading_units(text: str) -> list[Unit]:
    """``text`` in order as sentences, list items and table rows, without the space between them.

    An item needs what leads into its list, a row its table's first row, everything the heading above it, and a
    sentence that looks back ("It …") the one before it. Numbered steps are one unit: with a step left out they
    are another instruction.
    """
    units: list[Unit] = []
    heading, lead = frozenset[int](), frozenset[int]()
    for run in _runs(text):
        above = heading | lead
        match run.kind:
            case _Kind.BULLET | _Kind.STEPS:
                units.append(Unit(run.start, run.end, above))
            case _Kind.ROWS:
                first = len(units)
                rows = _lines(text, run)
                units += [Unit(start, end, above | {first} if row else above) for row, (start, end) in enumerate(rows)]
            case _Kind.TEXT:
                first = len(units)
                lead = lead if first - 1 in lead else frozenset()  # What led into a list leads no further.
                units += _sentences(text, run, heading, lead, first)
                last = text[units[-1].start : units[-1].end]
                lead = frozenset({len(units) - 1}) if _leads(last) else frozenset()
                if len(units) == first + 1 and len(last) <= MAX_HEADING_CHARS and not _ENDS.search(last):
                    units[-1], heading, lead = units[-1]._replace(needs=frozenset()), frozenset({first}), frozenset()
    return units


def steps_go_on(before: str, after: str) -> bool:
    """Whether ``before`` ends in numbered steps that ``after`` goes on with, or repeats the last one of."""
    above, below = _runs(before), _runs(after)
    if not above or not below or {above[-1].kind, below[0].kind} != {_Kind.STEPS}:
        return False
    done, following = _numbers(before, above[-1]), _numbers(after, below[0])
    return following[0] > 1 and following[0] - done[-1] in (0, 1)


def _numbers(text: str, run: _Run) -> list[int]:
    return [int(match.group(1)) for match in map(_STEP.match, text[run.start : run.end].splitlines()) if match]


def _leads(sentence: str) -> bool:
    return sentence.endswith(":") or not _ENDS.search(sentence)


def _sentences(text: str, run: _Run, heading: frozenset[int], lead: frozenset[int], first: int) -> list[Unit]:
    """Sentences of a paragraph. Its lines are wrapped, so that a line's end is not a sentence's."""
    spans = split_sentences(re.sub(r"\s", " ", text[run.start : run.end]))
    needs = [
        heading | (lead if not place else {first + place - 1} if _LOOKS_BACK.match(span.text) else frozenset())
        for place, span in enumerate(spans)
    ]
    return [Unit(run.start + s.start, run.start + s.end, need) for s, need in zip(spans, needs, strict=True)]


def _runs(text: str) -> list[_Run]:
    runs: list[_Run] = []
    apart = False
    for start, end, line in _spans(text, 0):
        if start == end:
            apart = True
            continue
        kind = _kind(line)
        last = runs[-1] if runs else None
        if last and _goes_on(last.kind, kind, line, apart=apart):
            runs[-1] = last._replace(end=end)
        else:
            runs.append(_Run(kind, start, end))
        apart = False
    return runs


def _goes_on(last: _Kind, kind: _Kind, line: str, *, apart: bool) -> bool:
    """Whether a line continues the run before it: lists of steps may have empty lines in them, items may be wrapped."""
    if kind is _Kind.TEXT:
        hangs_over = line[0].isspace() or line[0].islower()
        return not apart and (last is _Kind.TEXT or (last is not _Kind.ROWS and hangs_over))
    return kind is last and (kind is _Kind.STEPS or (kind is _Kind.ROWS and not apart))


def _kind(line: str) -> _Kind:
    if _STEP.match(line):
        return _Kind.STEPS
    if _BULLET.match(line):
        return _Kind.BULLET
    return _Kind.ROWS if _ROW.match(line) else _Kind.TEXT


def _lines(text: str, run: _Run) -> list[tuple[int, int]]:
    return [(start, end) for start, end, _ in _spans(text[run.start : run.end], run.start)]


def _spans(text: str, offset: int) -> Iterator[tuple[int, int, str]]:
    """Start, end and text of each line, ends without the space around it; they are equal for an empty line."""
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        start = offset + (len(line) - len(line.lstrip()) if bare else 0)
        yield start, start + len(bare), line
        offset += len(line)
