"""Orders to a model in text that is only to be read: by what they say, whoever says it, so that no model sees them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.text.patterns import any_of
from assistant.text.sentences import split_sentences

LONGEST = 1_000
"""Characters of a sentence that are looked at: what gives orders does so early on."""


class Cut(NamedTuple):
    """``text`` without its orders, and the kinds of those that were in it."""

    text: str
    kinds: tuple[str, ...]


def ordered(sentence: str, patterns: Mapping[str, Sequence[str]]) -> str:
    """The kind of the order in ``sentence``, or nothing. ``patterns`` are regular expressions by kind."""
    said = " ".join(sentence[:LONGEST].split())
    return next((kind for kind, some in patterns.items() if any_of(tuple(some)).search(said)), "")


def without_orders(text: str, patterns: Mapping[str, Sequence[str]]) -> Cut:
    """Every sentence that orders a model about taken out; the rest stays where it is."""
    kept, kinds, at = [], [], 0
    for span in split_sentences(text):
        if kind := ordered(span.text, patterns):
            kept.append(text[at : span.start])
            kinds.append(kind)
            at = span.end
    return Cut("".join([*kept, text[at:]]), tuple(dict.fromkeys(kinds)))
