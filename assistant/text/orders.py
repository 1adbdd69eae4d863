"""Orders to a model in text that is only to be read: by what they say, whoever says it, so that no model sees them."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.text.patterns import kind_of
from assistant.text.sentences import split_sentences

_FIELD = re.compile(r"[-=*_]{3,}|\|.{0,200}\||[\w .-]{1,30}[:=]\s*\S{1,80}")
"""A rule, a row of a table, or a name with a value, as in front matter: "include the id above" is an order to quote one."""


class Cut(NamedTuple):
    """``text`` without its orders, and the kinds of those that were in it."""

    text: str
    kinds: tuple[str, ...]


def without_orders(text: str, patterns: Mapping[str, Sequence[str]]) -> Cut:
    """Every sentence that orders a model about taken out, with the fields right before it, which it speaks of; the rest stays where it is."""
    spans = split_sentences(text)
    kinds = {place: kind for place, span in enumerate(spans) if (kind := kind_of(span.text, patterns))}
    gone = set(kinds)
    for place in kinds:
        before = place - 1
        while before >= 0 and _FIELD.fullmatch(spans[before].text):
            gone.add(before)
            before -= 1
    kept, at = [], 0
    for place in sorted(gone):
        kept.append(text[at : spans[place].start])
        at = spans[place].end
    return Cut("".join([*kept, text[at:]]), tuple(dict.fromkeys(kinds.values())))
