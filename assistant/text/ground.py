"""Passages made ready to be asked where, and beside what, a word of a claim stands in them."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from math import log
from typing import NamedTuple

from assistant.text.opposites import NEGATIONS, UNITS
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems, names, numbers, stems

NEAR = 6
"""Words on either side that tell what a word is said of."""
SLACK = 2
"""So many more are looked at in a passage, which may say the same with more words."""
DENIES = 3
"""Words after a negation that it may deny."""
STEP = re.compile(r"^\s*(?:\d{1,2}[.)]|step\s+\d+\b|first\b|then\b|next\b|finally\b|after that\b)", re.IGNORECASE)
"""What a step of a procedure begins with."""
_WORD = re.compile(
    r"(?<![\w.,])\.\d+(?![^\W_])"
    rf"|\d+(?:[.,]\d+)*(?=(?:{'|'.join(sorted(UNITS, key=len, reverse=True))})(?![^\W_]))"
    r"|\d+(?:[.,]\d+)+(?![^\W_])"
    r"|[^\W_]+(?:['’][^\W_]+)*",
    re.IGNORECASE,
)
"""A number is one word, however it is written; the unit that is written together with it is another."""
_NEGATIONS = frozenset(NEGATIONS)
_GAP = "\0"


class Token(NamedTuple):
    """A word in small letters, its stem (a number in one form), and whether it carries meaning."""

    word: str
    stem: str
    content: bool


class Window(NamedTuple):
    """A run of a passage's words: where it begins, and the share of a claim's content words that it ``covers``."""

    start: int
    tokens: Sequence[Token]
    covers: float


class Standing(NamedTuple):
    """How well the surroundings of a claim's word fit where the passages have it, and where they have another of its class."""

    same: float
    other: float
    instead: str
    """The other one that fits best, as a stem."""

    @property
    def margin(self) -> float:
        return self.other - self.same


def tokens(text: str, language: str) -> list[Token]:
    """The words of ``text`` in order. A code such as E101 is a word, and no number."""
    found = []
    for word in _WORD.findall(text):
        lowered = word.lower().replace("’", "'")
        code = any(map(str.isalpha, word)) and any(map(str.isdigit, word))
        number = set[str]() if code else numbers(word)
        stem = min(number) if number else next(iter(stems(lowered, language)), lowered)
        found.append(Token(lowered, stem, bool(number) or code or bool(content_stems(lowered, language))))
    return found


def denies(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def name_stems(text: str, language: str) -> frozenset[str]:
    """Stems of the words in ``text`` that are written like names."""
    return frozenset(token.stem for name in names(text) for token in tokens(name, language))


def _steps(text: str, language: str) -> list[frozenset[str]]:
    """The content stems of each step that ``text`` tells, in order."""
    found = [span.text for span in split_sentences(text) if STEP.match(span.text)]
    return [frozenset(content_stems(STEP.sub("", step), language)) for step in found]


class Ground:
    """The passages of one draft, read in ``language``."""

    def __init__(self, passages: Iterable[str], language: str) -> None:
        self.language = language
        texts = list(passages)
        self.steps = [steps for text in texts if (steps := _steps(text, language))]
        gap = [Token(_GAP, _GAP, content=False)] * (NEAR + SLACK)
        self.tokens = [token for text in texts for token in (*tokens(text, language), *gap)]
        self.stems = [token.stem for token in self.tokens]
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        for place, stem in enumerate(self.stems):
            if stem != _GAP:
                self.places[stem].append(place)
        self.names = frozenset[str]().union(*(name_stems(text, language) for text in texts))
        self.numbers = frozenset(stem for stem in self.places if numbers(stem))
        self.pairs = frozenset(zip(self.stems, self.stems[1:], strict=False))
        self.negations = [place for place, token in enumerate(self.tokens) if denies(token.word)]
        self.denied = frozenset(place + step for place in self.negations for step in range(1, DENIES + 1))

    @cached_property
    def between(self) -> Mapping[tuple[str, str], set[str]]:
        """Two stems → what stands as a single word between them."""
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for left, middle, right in zip(self.stems, self.stems[1:], self.stems[2:], strict=False):
            found[left, right].add(middle)
        return found

    def weight(self, stem: str) -> float:
        """The rarer in the passages, the more a word says of what is meant."""
        return log(1 + len(self.stems) / (1 + len(self.places.get(stem, ()))))

    def written(self, stem: str) -> str:
        """``stem`` as the passages have it first."""
        return self.tokens[self.places[stem][0]].word if stem in self.places else ""

    def around(self, row: Sequence[Token], at: int, near: int = NEAR) -> dict[str, float]:
        """What stands near ``row[at]``, and how much it says: rare and close words most."""
        found: dict[str, float] = {}
        for place in range(max(0, at - near), min(len(row), at + near + 1)):
            distance, token = abs(place - at), row[place]
            if place != at and (token.content or distance == 1):
                weight = (self.weight(token.stem) if token.content else 0.7) / (1 + 0.2 * (distance - 1))
                found[token.stem] = max(weight, found.get(token.stem, 0.0))
        return found

    def fit(self, places: Iterable[int], around: Mapping[str, float], near: int = NEAR + SLACK) -> float:
        """At the best of ``places``: the share of ``around`` that stands there too."""
        most = sum(around.values())
        if not most:
            return 0.0
        return max((self._held(place, around, near) for place in places), default=0.0) / most

    def standing(self, row: Sequence[Token], at: int, rivals: Collection[str], near: int = NEAR) -> Standing:
        """Of ``row[at]`` among ``rivals``, words that could stand in its place."""
        around = self.around(row, at, near)
        own = row[at].stem
        same = self.fit(self.places.get(own, ()), around)
        fits = {
            rival: self.fit(self.places.get(rival, ()), around)
            for rival in rivals
            if rival != own and rival not in around
        }
        instead = max(sorted(fits), key=lambda rival: fits[rival], default="")
        return Standing(same, fits.get(instead, 0.0), instead)

    def window(self, row: Sequence[Token]) -> Window:
        """The run of words, somewhat longer than ``row``, that shares most of its content words."""
        wanted = {token.stem for token in row if token.content}
        size = int(len(row) * 1.6) + 4
        starts = range(0, max(1, len(self.stems) - size // 2), 3)
        hits = [place if stem in wanted else -1 for place, stem in enumerate(self.stems)]
        if not wanted:
            return Window(0, (), 0.0)
        best = max(starts, key=lambda at: (len({self.stems[hit] for hit in hits[at : at + size] if hit >= 0}), -at))
        shared = len(wanted.intersection(self.stems[best : best + size]))
        return Window(best, self.tokens[best : best + size], shared / len(wanted))

    def _held(self, place: int, around: Mapping[str, float], near: int) -> float:
        there = {*self.stems[max(0, place - near) : place], *self.stems[place + 1 : place + near + 1]}
        return sum(weight for stem, weight in around.items() if stem in there)
