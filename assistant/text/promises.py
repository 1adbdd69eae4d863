"""What only a person may promise: that something was or will be done, refunds, dates, what the law or a doctor would say."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache


def promised(claim: str, quotes: Iterable[str], patterns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Kind → the words of ``claim`` that promise it, where no quote says the like. ``patterns`` are regular expressions by kind."""
    said = "\n".join(quotes)
    found = {kind: match.group() for kind, some in patterns.items() if (match := _any_of(tuple(some)).search(claim))}
    return {kind: words for kind, words in found.items() if not _any_of(tuple(patterns[kind])).search(said)}


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
