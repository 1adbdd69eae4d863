"""A statement about a conversation, traced to the messages that say it.

A summary says in the third person what was said in the first, and who said it: that "the customer asks" something stands in no message.
Such words carry nothing here; all others are looked for, and whoever is said to say them must be who does.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.kernel.conversation import Author, Message
from assistant.text.ground import tokens
from assistant.text.words import content_stems, links, names, numbers, share, stems

MOST_MESSAGES = 3
"""A statement is tied to no more: what takes more of them to say was said by none."""
_TELLING = """ask want need say said tell told report write wrote mention state claim explain inform describe confirm agree suggest recommend
    advise offer propose request answer reply respond think thought feel felt believe know knew find found wonder express discuss talk speak
    thank apologize try tried decide plan like prefer insist complain accept refuse decline invite remind promise hope wish seem give gave
    given take took make made provide receive send sent get got see saw meet met help assist interest concern conversation customer agent
    client user caller person colleague message ticket issue problem question information"""
_TELLS = frozenset(stems(_TELLING))
_ASKS = re.compile(
    r"^\W*(?:the\s+)?customer\s+(?:asks?|asked|wants?|wanted|needs?|needed|says?|said|would like)\b", re.IGNORECASE
)
_TAKES_UP = re.compile(
    r"^\W*(?:[Tt]he\s+)?\w+\s+(?:(?:has|have|had|will|is|are|was|were|also|then)\s+){0,2}"
    r"(?:agree|accept|confirm|declin|refus|reject|approv|understand|understood|help|assist|receiv|appreciat|promis)\w*\b"
)
"""Done with what the other one said: its words are theirs."""
_WHO = re.compile(
    r"^\W*(?:[Tt]he\s+)?(customer|Customer|agent|Agent|[A-Z]\w+)(?!\w|['’]s)"
    r"(\s+(?:was|were|is|are|has been|have been)\s+\w+(?:ed|old|iven|ent)\b)?"
)
"""Of whom a statement is, and whether they did it or it was done to them."""
_OPENING = """hi hello hey dear oh ok okay well thanks thank you sorry no yes yeah yep morning good right sure great please really wow so and but
    then now however besides anyway actually today tomorrow here look wait what congratulations unfortunately frankly surprise yup uh ah err boy gross chill here there maybe perhaps finally first also still sir madam goodbye bye""".split()
_ADDRESSED = re.compile(
    rf"(?:^|[,.!?]\s+)(?i:(?:(?:{'|'.join(_OPENING)})[\s,]+){{0,3}})(?:(?:Mr|Mrs|Ms|Miss|Dr)\.?\s+)?([A-Z][a-z]+)\s*(?:[,.!?]|$)"
)
_INTRODUCED = re.compile(r"(?i:\b(?:this is|my name is|my name's))\s+([A-Z][a-z]+)|^\W*I(?:'m| am) ([A-Z][a-z]+)\b")
FAR = 0.5
"""By so much more of a statement is said by the other one than by whom it is said to be."""


def only_asks(statement: str) -> bool:
    """Whether it tells of a wish, and not of anything done."""
    return _ASKS.match(statement) is not None


class Heard(NamedTuple):
    """A message, made ready to be compared: its number from 1, and its content words as stems."""

    number: int
    author: Author
    stems: frozenset[str]


class Trace(NamedTuple):
    """Where a statement was found: the ``messages`` that have most of it, in order, and the share of its words they have.

    ``missing`` are numbers, links and names that no message has, ``swapped`` whether somebody else said it.
    """

    messages: tuple[int, ...]
    support: float
    missing: frozenset[str]
    swapped: bool


class Conversation:
    """The messages of a ticket, read in ``language``."""

    def __init__(self, subject: str, messages: Sequence[Message], language: str) -> None:
        self.subject, self._language = subject, language
        self._text = "\n".join([subject, *(message.text for message in messages)])
        self._stems = frozenset(token.stem for token in tokens(self._text, language))
        self._heard = [
            Heard(number, message.author, frozenset(content_stems(message.text, language)))
            for number, message in enumerate(messages, start=1)
        ]
        self._names = _names(messages)
        self._called = frozenset(stem for name in self._names for stem in content_stems(name, language))

    def has(self, text: str) -> bool:
        """Whether ``text`` stands in a message or the subject, however its letters are written."""
        return " ".join(text.split()).casefold() in " ".join(self._text.split()).casefold()

    def share(self, statement: str) -> float:
        """How much of what it says stands anywhere in the conversation; 1 when it says nothing."""
        said = self.said(statement)
        return share(said, frozenset[str]().union(*(one.stems for one in self._heard))) if said else 1.0

    def missing(self, statement: str) -> frozenset[str]:
        """Its numbers, links and names that nobody wrote."""
        unknown = {
            name
            for name in names(statement)
            if not self._stems.issuperset(token.stem for token in tokens(name, self._language))
        }
        return frozenset((numbers(statement) - numbers(self._text)) | (links(statement) - links(self._text)) | unknown)

    def said(self, statement: str) -> list[str]:
        """What a statement says, each word once as a stem: without who tells whom."""
        stems_of = dict.fromkeys(content_stems(statement, self._language))
        return [stem for stem in stems_of if stem not in _TELLS and stem not in self._called]

    def trace(self, statement: str) -> Trace:
        """Who says so, and how much of it."""
        said = self.said(statement)
        chosen = self._closest(said)
        covered = frozenset[str]().union(*(one.stems for one in chosen))
        return Trace(
            messages=tuple(sorted(one.number for one in chosen)),
            support=share(said, covered),
            missing=self.missing(statement),
            swapped=self._swapped(statement, said),
        )

    def _closest(self, said: Sequence[str]) -> list[Heard]:
        """The message that has most of what is ``said``, then those that add most; the earliest where two have as much."""
        chosen: list[Heard] = []
        left = set(said)
        while left and len(chosen) < MOST_MESSAGES:
            best = max(self._heard, key=lambda one: (len(left & one.stems), -one.number), default=None)
            if best is None or not left & best.stems:
                break
            chosen.append(best)
            left -= best.stems
        return chosen

    def _swapped(self, statement: str, said: Sequence[str]) -> bool:
        """Whether it says of one of the two what the other speaks of."""
        who = _WHO.match(statement)
        speaker = self._names.get(who[1].lower()) if who else None
        if who is None or speaker is None or not said:
            return False
        spoke = any(one.author == speaker for one in self._heard)
        if spoke and _TAKES_UP.match(statement):
            return False
        told = who[2] is not None
        other: Author = "agent" if speaker == "customer" else "customer"
        own, others = self._held(said, speaker), self._held(said, other)
        return own - others >= FAR if told else others - own >= FAR

    def _held(self, said: Sequence[str], author: str) -> float:
        return share(said, frozenset[str]().union(*(one.stems for one in self._heard if one.author == author)))


def _names(messages: Sequence[Message]) -> dict[str, Author]:
    """Who is who, in small letters: the customer and the agent, and the names they call each other and themselves by."""
    found: dict[str, Author] = {}
    for message in messages:
        other: Author = "agent" if message.author == "customer" else "customer"
        for match in _ADDRESSED.finditer(message.text):
            if match[1].lower() not in _OPENING:
                found.setdefault(match[1].lower(), other)
        for match in _INTRODUCED.finditer(message.text):
            found[(match[1] or match[2]).lower()] = message.author
    return found | {"customer": "customer", "agent": "agent"}
