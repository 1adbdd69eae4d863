"""What in a text may belong to one customer only: identifiers, personal links, names. No list of names is used.

A word that other customers or the documents use too belongs to nobody. What this cannot see: a name written in
small letters, a name that is also a common word, and one that opens a sentence and stands nowhere else. A customer
with two tickets counts as two customers.
"""

import re
from collections.abc import Iterable

from assistant.text.words import links, names, words

_TOKEN = re.compile(r"[^\W_]+(?:[-./_#][^\W_]+)*", re.UNICODE)
_MANY_DIGITS = 5
_CODE_DIGITS = 3
_DECIMAL = re.compile(r"\d{1,4}\.\d{1,3}")
PLACEHOLDER = re.compile(r"\[(?:email|phone|card|iban|secret)\]")
"""What masking leaves behind."""
_CAPITALISING = frozenset({"de"})
"""Languages that write every noun like a name: there a capital tells nothing."""
_LABEL = re.compile(r"[\"“„«][^\"“”»\n]{1,60}[\"“”»]|\w+(?: \w+)?(?:\s+[>›→]\s+\w+(?: \w+)?)+")
"""What stands in quotes or in a path such as Account > Gift cards is on a screen, and no name."""
_CALENDAR = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december christmas easter""".split()
)


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """All words, identifiers and links of ``texts``, lower-cased."""
    found: set[str] = set()
    for text in texts:
        found.update(token.lower() for token in _TOKEN.findall(text))
        found.update(word.lower().removesuffix("'s").removesuffix("’s") for word in words(text))
        found.update(links(text))
    return frozenset(found)


def particulars(text: str, shared: frozenset[str], *, said: str = "", language: str = "en") -> set[str]:
    """Words of ``text``, as lower-cased, that are not in ``shared`` and look like one customer's own.

    ``said`` is what that customer wrote: a number or capitalised word that only echoes it counts too.
    """
    found = {token.lower() for token in _TOKEN.findall(text) if _is_identifier(token)} | _deep_links(text)
    if language not in _CAPITALISING:
        found |= names(_LABEL.sub(" ", text)) - _CALENDAR
    if said:
        found |= {token.lower() for token in _marked(text)} & {token.lower() for token in _marked(said)} - _small(said)
    return {word for word in found if word not in shared}


def without_particulars(text: str, shared: frozenset[str], language: str = "en") -> str:
    """``text`` with what may belong to one customer replaced by ``[…]``."""
    found = sorted(particulars(text, shared, language=language), key=len, reverse=True)
    if not found:
        return text
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, found))})(?![^\W_])", re.IGNORECASE)
    return pattern.sub("[…]", text)


def _is_identifier(token: str) -> bool:
    """An order, customer or parcel number: many digits, or letters joined with several. Not a price."""
    if _DECIMAL.fullmatch(token):
        return False
    digits = sum(ch.isdigit() for ch in token)
    letters = sum(ch.isalpha() for ch in token)
    return digits >= _MANY_DIGITS or (digits >= _CODE_DIGITS and letters > 0)


def _deep_links(text: str) -> set[str]:
    """Addresses with a query or a long last part: a tracking page, a reset link."""
    return {link for link in links(text) if "@" in link or "?" in link or _is_identifier(link.rsplit("/", 1)[-1])}


def _marked(text: str) -> list[str]:
    """Words with a capital or a digit in them."""
    return [token for token in _TOKEN.findall(text) if any(ch.isupper() or ch.isdigit() for ch in token)]


def _small(text: str) -> set[str]:
    """Words that stand in small letters somewhere: they are no names."""
    return {token for token in _TOKEN.findall(text) if token.islower() and token.isalpha()}
