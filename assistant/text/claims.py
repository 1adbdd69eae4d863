"""A claim against passages: in which measurable ways it says something else than they do.

Overlap of words cannot see a number lent to its neighbour, a denial, or a name in place of another. What tells is the company a word
keeps: in a claim that was changed, the words around fit better where the passages have another number, name, unit or the opposite word.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise
from math import prod
from typing import NamedTuple

from assistant.kernel.fits import GroundingFit
from assistant.text.ground import DENIES, NEAR, STEP, Ground, Standing, Token, denies, name_stems, tokens
from assistant.text.opposites import OPPOSITES, UNITS
from assistant.text.sentences import LIST_MARKER
from assistant.text.words import content_stems, numbers, share, stems

WEAK = 0.6
"""A claim of which the passages have less is hardly taken from them."""
WIDE = 10
"""Words on either side, of the sentence before, too: a short one says little of its own."""
MOST_WORDS = 200
"""Of a claim. What goes on for longer without a full stop is no sentence, and would be compared for seconds."""
SHORT = 3
"""Words. What is longer was not put in the place of something, it is another sentence."""
_NEXT_MARKER = re.compile(r"(?<=[\s:])\(?\d{1,2}[.)]$")
_HEADING = re.compile(r"^\W*\*\*[^*]{1,60}?:?\*\*:?|^\W*(?:[A-Z][\w'’-]*\s){0,4}[A-Z][\w'’-]*:(?=\s)")


class Kind(StrEnum):
    """In what a claim may differ from what it was taken from."""

    NUMBER = "number"
    UNIT = "unit"
    NAME = "name"
    NEGATION = "negation"
    CONDITION = "condition"
    STEPS = "steps"


class Difference(NamedTuple):
    """What was measured of one kind, by name, and what the passages have ``instead`` of which word of the claim, if one stands out."""

    features: dict[str, float]
    said: str = ""
    instead: str = ""


class Judgement(NamedTuple):
    """``risk`` (0 to 1) that a claim was changed, the likeliest ``kind`` of change, and the words it is told by."""

    risk: float
    kind: Kind | None = None
    said: str = ""
    instead: str = ""


def compare(claim: str, before: str, asked: str, ground: Ground) -> dict[Kind, Difference]:
    """``claim``, which follows ``before`` in its draft and may take up the names that were ``asked`` of, against ``ground``.

    Only the kinds that occur in it; ``negation`` always. Features are shares from 0 to 1, margins from -1 to 1.
    """
    text = _without_heading(plain(claim), ground)
    row = tokens(text, ground.language)[:MOST_WORDS]
    if not row:
        return {}
    about = _about(row, ground)
    earlier = tokens(before, ground.language)[-2 * NEAR :]
    known = {token.stem for token in tokens(asked, ground.language)}
    found = {
        Kind.NUMBER: _numbers(row, ground),
        Kind.UNIT: _units(row, ground),
        Kind.NAME: _names(row, name_stems(text, ground.language), earlier, known, ground),
        Kind.NEGATION: _negation(row, ground),
        Kind.CONDITION: _condition(row, ground),
        Kind.STEPS: _steps(before, claim, ground),
    }
    return {
        kind: difference if kind is Kind.STEPS else difference._replace(features=difference.features | about)
        for kind, difference in found.items()
        if difference is not None
    }


def plain(claim: str) -> str:
    """``claim`` without its number in a list, or that of the next item, which may stand at its end."""
    return _NEXT_MARKER.sub("", LIST_MARKER.sub("", claim))


def judge(differences: Mapping[Kind, Difference], fit: GroundingFit) -> Judgement:
    """The probability that a claim with these ``differences`` was changed in any way, and the likeliest way."""
    chances = {
        kind: fit.contradiction[kind].probability(difference.features) for kind, difference in differences.items()
    }
    if not chances:
        return Judgement(0.0)
    worst = max(chances, key=lambda kind: chances[kind])
    unchanged = prod(1 - chance for chance in chances.values())
    return Judgement(1 - unchanged, worst, differences[worst].said, differences[worst].instead)


def agreement(claims: Sequence[str], asked: str, ground: Ground) -> dict[str, float]:
    """How a draft of ``claims`` agrees with the passages as a whole: shares, and counts of what they do not know."""
    text = "\n".join(claims)
    rows = [row for row in (tokens(claim, ground.language)[:MOST_WORDS] for claim in claims) if row]
    found = [[token.stem in ground.places for token in row if token.content] for row in rows]
    shares = [sum(held) / len(held) for held in found if len(held) >= SHORT]
    everything = [one for held in found for one in held]
    overlap = sum(everything) / len(everything) if everything else 1.0
    known = ground.places.keys() | {token.stem for token in tokens(asked, ground.language)}
    return {
        "overlap": overlap,
        "weak_claims": sum(share < WEAK for share in shares) / len(shares) if shares else float(overlap < WEAK),
        "in_order": sum(_in_order(row, ground) for row in rows) / len(rows) if rows else 1.0,
        "unknown_names": float(len(name_stems(text, ground.language) - known)),
        "unknown_numbers": float(len({stem for row in rows for _, stem, _ in row if numbers(stem)} - ground.numbers)),
    }


def _in_order(row: Sequence[Token], ground: Ground) -> float:
    """The share of its words that the run of words most like it has in the same order."""
    window = [token.stem for token in ground.window(row).tokens]
    matcher = SequenceMatcher(None, [token.stem for token in row], window, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(row)


def _without_heading(claim: str, ground: Ground) -> str:
    """``claim`` with its heading in small letters: capitals there make no names, unless the passages have them as names."""
    if not (heading := _HEADING.match(claim)):
        return claim

    def lowered(word: re.Match[str]) -> str:
        known = name_stems(f"x {word.group()}", ground.language) & ground.names
        return word.group() if known else word.group().lower()

    return re.sub(r"[^\W\d_][\w'’]*", lowered, heading.group()) + claim[heading.end() :]


def _about(row: Sequence[Token], ground: Ground) -> dict[str, float]:
    """What is measured of any claim: neighbours that the passages never have side by side, and the word that fits least."""
    beside = [(one.stem, other.stem) not in ground.pairs for one, other in pairwise(row)]
    fits = [
        ground.fit(ground.places.get(token.stem, ()), ground.around(row, at, DENIES))
        for at, token in enumerate(row)
        if token.content
    ]
    least = min(fits, default=1.0)
    others = (sum(fits) - least) / (len(fits) - 1) if len(fits) > 1 else 1.0
    return {"new_pairs": sum(beside) / len(beside) if beside else 0.0, "oddest": others - least if fits else 0.0}


def _numbers(row: Sequence[Token], ground: Ground) -> Difference | None:
    places = [at for at, token in enumerate(row) if numbers(token.stem)]
    return _worst(row, places, ground, [ground.standing(row, at, ground.numbers) for at in places])


def _units(row: Sequence[Token], ground: Ground) -> Difference | None:
    """Units right after a quantity, or a word further: ``5 working days``."""
    places = [
        at
        for at, token in enumerate(row)
        if token.stem in _UNITS
        and any(numbers(one.stem) or one.word in ("per", "several") for one in row[max(0, at - 2) : at])
    ]
    return _worst(row, places, ground, [ground.standing(row, at, _UNITS[row[at].stem]) for at in places])


def _names(
    row: Sequence[Token], named: frozenset[str], earlier: Sequence[Token], known: set[str], ground: Ground
) -> Difference | None:
    places = [at for at, token in enumerate(row) if token.stem in named and not numbers(token.stem)]
    worst = _worst(row, places, ground, [ground.standing(row, at, ground.names) for at in places])
    if worst is None:
        return None
    wide = [*earlier, *row]
    margins = [ground.standing(wide, at + len(earlier), ground.names, WIDE).margin for at in places]
    unknown = any(row[at].stem not in ground.places and row[at].stem not in known for at in places)
    return worst._replace(features=worst.features | {"wide_margin": max(margins), "unknown": float(unknown)})


def _condition(row: Sequence[Token], ground: Ground) -> Difference | None:
    """Words that have an opposite."""
    places = [at for at, token in enumerate(row) if token.stem in _OPPOSITES]
    standings = [ground.standing(row, at, _OPPOSITES[row[at].stem]) for at in places]
    worst = _worst(row, places, ground, standings)
    if worst is None:
        return None
    lost = any(row[at].stem not in ground.places and one.other for at, one in zip(places, standings, strict=True))
    between = (
        (at, ground.between.get((row[at - 1].stem, row[at + 1].stem), ())) for at in places if 0 < at < len(row) - 1
    )
    swapped = any(row[at].stem not in there and _OPPOSITES[row[at].stem].intersection(there) for at, there in between)
    other = max(one.other for one in standings)
    more = {"other": other, "only_opposite": float(lost), "between": float(swapped)}
    return worst._replace(features=worst.features | more)


def _steps(before: str, claim: str, ground: Ground) -> Difference | None:
    """Whether two steps follow each other the other way round than in the passages: than their steps, than their words."""
    if not STEP.match(before) or not STEP.match(claim):
        return None
    first, second = STEP.sub("", before), STEP.sub("", claim)
    one, other = (content_stems(step, ground.language) for step in (first, second))
    by_steps = 0.0
    for steps in ground.steps:
        earlier, later = (max(range(len(steps)), key=lambda at: share(stems, steps[at])) for stems in (one, other))
        if earlier > later:
            by_steps = max(by_steps, share(one, steps[earlier]) * share(other, steps[later]))
    begun, then = (ground.window(tokens(step, ground.language)) for step in (first, second))
    by_words = begun.covers * then.covers if begun.start > then.start else 0.0
    return Difference({"reversed": (by_steps + by_words) / 2})


def _worst(
    row: Sequence[Token], places: Sequence[int], ground: Ground, standings: Sequence[Standing]
) -> Difference | None:
    """The extremes over all places: a claim is as good as its worst word."""
    if not places:
        return None
    at, worst = max(zip(places, standings, strict=True), key=lambda pair: pair[1].margin)
    features = {
        "same": min(one.same for one in standings),
        "margin": worst.margin,
        "beside": min(_beside(row, at, ground) for at in places),
    }
    return Difference(features, row[at].word, ground.written(worst.instead) if worst.margin > 0 else "")


def _beside(row: Sequence[Token], at: int, ground: Ground) -> float:
    """The share of the word's neighbours that the passages have beside it as well."""
    pairs = [(row[start].stem, row[start + 1].stem) for start in (at - 1, at) if start >= 0 and start + 1 < len(row)]
    return sum(pair in ground.pairs for pair in pairs) / len(pairs) if pairs else 1.0


def _negation(row: Sequence[Token], ground: Ground) -> Difference:
    """Whether what is denied here is denied there, and what is affirmed, affirmed."""
    own = [at for at, token in enumerate(row) if denies(token.word)]
    window = ground.window(row)
    parity = len(own) % 2 != sum(denies(token.word) for token in window.tokens) % 2
    denied, affirmed = _polarity(row, ground)
    margins = [_elsewhere(scope, ground) for at in own if (scope := _scope(row, at, ground))]
    features = {
        "denies": float(bool(own)),
        "margin": max(margins, default=-1.0),
        "denied_margin": denied,
        "affirmed_margin": affirmed,
        "parity": window.covers if parity else 0.0,
        "edited": float(_edited(row, window.tokens)),
    }
    return Difference(features, row[own[0]].word if own else "")


def _polarity(row: Sequence[Token], ground: Ground) -> tuple[float, float]:
    """How much better a word that is denied fits where it is affirmed, and the other way round: the worst of either."""
    denied = affirmed = -1.0
    for at, token in enumerate(row):
        places = ground.places.get(token.stem)
        if not places or not token.content or denies(token.word):
            continue
        around = {stem: weight for stem, weight in ground.around(row, at).items() if not denies(stem)}
        where_denied = ground.fit((place for place in places if place in ground.denied), around)
        elsewhere = ground.fit((place for place in places if place not in ground.denied), around)
        if any(denies(other.word) for other in row[max(0, at - DENIES) : at]):
            denied = max(denied, elsewhere - where_denied)
        else:
            affirmed = max(affirmed, where_denied - elsewhere)
    return denied, affirmed


def _scope(row: Sequence[Token], at: int, ground: Ground) -> dict[str, float]:
    """What a negation speaks of: mostly the content words after it."""
    return {
        row[place].stem: ground.weight(row[place].stem) / (1 + 0.15 * abs(place - at)) * (1.0 if place > at else 0.6)
        for place in range(max(0, at - 4), min(len(row), at + NEAR + 1))
        if place != at and row[place].content and not denies(row[place].word)
    }


def _elsewhere(scope: dict[str, float], ground: Ground) -> float:
    """How much better ``scope`` fits somewhere in the passages than beside any of their negations."""
    whole = sum(scope.values())
    best = 0.0
    for stem in sorted(scope, key=lambda stem: -scope[stem])[:4]:
        if places := ground.places.get(stem):
            rest = {other: weight for other, weight in scope.items() if other != stem}
            best = max(best, (ground.fit(places, rest) * sum(rest.values()) + scope[stem]) / whole)
    return best - ground.fit(ground.negations, scope)


def _edited(row: Sequence[Token], window: Sequence[Token]) -> bool:
    """Whether a negation came or went where the words around it are the same."""
    codes = SequenceMatcher(
        None, [token.stem for token in row], [token.stem for token in window], autojunk=False
    ).get_opcodes()
    for before, (tag, start, end, at, to), after in zip(codes, codes[1:], codes[2:], strict=False):
        same = sum(code[2] - code[1] for code in (before, after) if code[0] == "equal")
        few = end - start <= SHORT and to - at <= SHORT
        if tag != "equal" and few and same >= SHORT and _deny(row[start:end]) != _deny(window[at:to]):
            return True
    return False


def _deny(some: Iterable[Token]) -> bool:
    return any(denies(token.word) for token in some)


def _by_stem(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, frozenset[str]]:
    """Single words → their others, all as stems."""
    found: dict[str, frozenset[str]] = {}
    for word, others in pairs:
        if " " not in word:
            stem = stems(word)[0]
            single = frozenset(stems(other)[0] for other in others if " " not in other)
            found[stem] = found.get(stem, frozenset()) | single
    return found


_OPPOSITES = _by_stem(OPPOSITES.items())
_UNITS = _by_stem(UNITS.items())
