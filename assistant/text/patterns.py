"""Regular expressions that policies hold as data, compiled once."""

import re
from functools import lru_cache


@lru_cache(maxsize=64)
def any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression that finds whatever any of ``patterns`` finds, whatever the case."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
