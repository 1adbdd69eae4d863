"""What only a person may promise: that something was or will be done, refunds, dates, what the law or a doctor would say."""

import re
from collections.abc import Iterable, Mapping, Sequence

from assistant.text.patterns import any_of


def promised(claim: str, quotes: Iterable[str], patterns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Kind → the words of ``claim`` that promise it, where no quote says the like, or says it and denies it.

    ``patterns`` are regular expressions by kind.
    """
    said = "\n".join(quotes)
    found = {kind: match.group() for kind, some in patterns.items() if (match := any_of(tuple(some)).search(claim))}
    return {kind: words for kind, words in found.items() if not _says(said, words, patterns[kind])}


def _says(said: str, words: str, patterns: Sequence[str]) -> bool:
    likes = (match.group() for match in any_of(tuple(patterns)).finditer(said))
    return any(bool(_DENIED.search(like)) == bool(_DENIED.search(words)) for like in likes)


_DENIED = re.compile(r"\b(?:not|never|no|nicht|nie|kein\w*)\b", re.IGNORECASE)
