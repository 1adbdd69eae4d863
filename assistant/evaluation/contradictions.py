"""Faithful answers made unfaithful by one small edit each: numbers, units, negations, names, conditions, steps.

Overlap of words cannot see such edits, so a check of grounding is measured on them beside human ratings. The same seed
makes the same edits.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from assistant.text.ground import STEP
from assistant.text.opposites import NEGATIONS, OPPOSITES, UNITS
from assistant.text.sentences import Span, split_sentences
from assistant.text.words import names, numbers, words

Kind = Literal["number", "unit", "negation", "name", "condition", "steps"]


class Contradiction(NamedTuple):
    """``text`` is the answer with one edit, ``before`` and ``after`` the part that was edited."""

    kind: Kind
    text: str
    before: str
    after: str


def contradict(answer: str, passages: Sequence[str], rng: random.Random) -> list[Contradiction]:
    """At most one edit of each kind, in a sentence drawn by ``rng``; none of a kind that ``answer`` offers nothing for."""
    spans = split_sentences(answer)
    source = "\n".join(passages)
    made: list[Contradiction] = []
    long = [span for span in spans if len(span.text.split()) >= LEAST_WORDS]
    for kind, edit in _EDITS.items():
        for span in rng.sample(long, len(long)):
            after = edit(span.text, source, rng)
            if after is not None and after != span.text:
                made.append(Contradiction(kind, answer[: span.start] + after + answer[span.end :], span.text, after))
                break
    made += _swapped_steps(answer, spans)
    return made


LEAST_WORDS = 5
"""A sentence of fewer is a heading."""
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w])")
_COUNTING = re.compile(r"(?:^|:)\s*\(?(\d{1,2})[.)](?=\s|$)")
"""An item's number in its list, also that of the next item, which a sentence may end in."""
_QUANTITY = (
    r"(?<![\w-])(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|per|several)[\s-]+"
)
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|will|should|must|may|do|does|did|has|have|could|would)\b(?!\s+not\b|n't)", re.IGNORECASE
)
_NOT = re.compile(r"(?<!\bor)\s+not\b|\b(?:won|can|shan)['’]t\b|\bcannot\b|(?<=\w)n['’]t\b", re.IGNORECASE)
_AFFIRMED = {
    "won't": "will",
    "won’t": "will",
    "can't": "can",
    "can’t": "can",
    "cannot": "can",
    "shan't": "shall",
    "shan’t": "shall",
}

_ELSEWHERE = "Northwind|Contoso|Berlin|Brazil|Harrison|Miller|Oracle Linux|Blue Ocean Bank|Norway|Kensington".split("|")
"""Names of which passages hardly ever speak."""
_TITLED = re.compile(r"\W*(?:[\w'’/-]+\W+){0,6}?[\w'’/)-]+\W*:(?!\s*$|//)")
"""A point with a heading of its own is no step."""


def _number(sentence: str, source: str, rng: random.Random) -> str | None:
    """Another number, one of the passages' own where there is one: it is then said of something else."""
    counting = [match.span(1) for match in _COUNTING.finditer(sentence)]
    found = [match for match in _NUMBER.finditer(sentence) if match.span() not in counting]
    if not found:
        return None
    match = rng.choice(found)
    old = match.group()
    others = sorted({n.group() for n in _NUMBER.finditer(source)} - {old})
    digits = old.replace(",", "").replace(".", "")
    new = rng.choice(others) if others and rng.random() < 0.5 else str(int(digits) + rng.choice((1, 3, 10)))
    return None if numbers(new) == numbers(old) else sentence[: match.start()] + new + sentence[match.end() :]


def _unit(sentence: str, _: str, rng: random.Random) -> str | None:
    return _replaced(sentence, UNITS, rng, after=_QUANTITY)


def _condition(sentence: str, _: str, rng: random.Random) -> str | None:
    return _replaced(sentence, OPPOSITES, rng)


def _replaced(sentence: str, by: Mapping[str, Sequence[str]], rng: random.Random, after: str = "") -> str | None:
    """What ``by`` names in place of one of its words and phrases, one that stands ``after`` something."""
    found = [(word, m) for word in by for m in re.finditer(rf"{after}\b({re.escape(word)})\b", sentence, re.IGNORECASE)]
    if not found:
        return None
    word, match = rng.choice(found)
    new = rng.choice(by[word])
    new = new.capitalize() if match.group(1)[0].isupper() else new
    return sentence[: match.start(1)] + new + sentence[match.end(1) :]


def _negation(sentence: str, _: str, rng: random.Random) -> str | None:
    """A ``not`` taken away, or one put behind an auxiliary verb."""
    if found := list(_NOT.finditer(sentence)):
        match = rng.choice(found)
        return sentence[: match.start()] + _AFFIRMED.get(match.group().lower(), "") + sentence[match.end() :]
    if any(re.search(rf"\b{re.escape(word)}\b", sentence, re.IGNORECASE) for word in NEGATIONS):
        return None
    if found := list(_AUXILIARY.finditer(sentence)):
        match = rng.choice(found)
        return f"{sentence[: match.end()]} not{sentence[match.end() :]}"
    return None


def _name(sentence: str, source: str, rng: random.Random) -> str | None:
    """A name, all of its words, in place of another: mostly one that the passages also speak of."""
    own = _whole_names(sentence)
    said = set(words(sentence.lower()))
    others = [name for name in _whole_names(source) if said.isdisjoint(words(name.lower())) and not numbers(name)]
    if not others or rng.random() < 0.3:
        others = [name for name in _ELSEWHERE if said.isdisjoint(words(name.lower()))]
    if not own:
        return None
    old, new = rng.choice(own), rng.choice(others)
    match = re.search(rf"(?<!\w){re.escape(old)}(?!\w)", sentence)
    return sentence[: match.start()] + new + sentence[match.end() :] if match else None


def _whole_names(text: str) -> list[str]:
    """Words written like names, those that stand together as one, in the order of the alphabet."""
    known = names(text)
    runs = re.finditer(r"[^\W_]+(?:[-'’ ][^\W_]+)*", text)
    found: set[str] = set()
    for run in runs:
        parts = run.group().split(" ")
        for named, group in groupby(
            parts, key=lambda part: part[:1].isupper() and part.lower().removesuffix("'s") in known
        ):
            if named:
                found.add(" ".join(group))
    return sorted(found)


def _swapped_steps(answer: str, spans: Sequence[Span]) -> Iterator[Contradiction]:
    """Two steps that follow each other, the other way round; their numbers stay where they are."""
    for one, other in pairwise(spans):
        if STEP.match(one.text) and STEP.match(other.text):
            first, second = (STEP.match(span.text) for span in (one, other))
            assert first is not None
            assert second is not None
            begun, then = one.text[first.end() :], other.text[second.end() :]
            if (
                begun.strip()
                and then.strip()
                and begun != then
                and not _TITLED.match(begun)
                and not _TITLED.match(then)
            ):
                after = f"{first.group()}{then}{answer[one.end : other.start]}{second.group()}{begun}"
                before = answer[one.start : other.end]
                yield Contradiction("steps", answer[: one.start] + after + answer[other.end :], before, after)
                return


_EDITS: dict[Kind, Callable[[str, str, random.Random], str | None]] = {
    "number": _number,
    "unit": _unit,
    "negation": _negation,
    "name": _name,
    "condition": _condition,
}
