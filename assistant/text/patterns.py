"""Regular expressions that policies hold as data, compiled once."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

LONGEST = 1_000
"""Characters of a sentence that are looked at: what matters in it stands early on."""


@lru_cache(maxsize=64)
def any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression that finds whatever any of ``patterns`` finds, whatever the case."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def kind_of(sentence: str, patterns: Mapping[str, Sequence[str]]) -> str:
    """The first kind of ``patterns`` that finds something in ``sentence``, or nothing."""
    said = " ".join(sentence[:LONGEST].split())
    return next((kind for kind, some in patterns.items() if any_of(tuple(some)).search(said)), "")
