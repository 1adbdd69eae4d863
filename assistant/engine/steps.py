"""What a request asks of its model: one step at a time, so that requests can take turns between any two of them."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from assistant.engine.slots import TAIL, Logits, Slots
from assistant.engine.states import State

T = TypeVar("T")


class Wanted(Enum):
    """Of which of a step's tokens it is wanted what may follow."""

    NOTHING = "nothing"
    LAST = "last"
    ALL = "all"


@dataclass(frozen=True)
class Step:
    """Tokens to append to the request's text.

    ``guesses`` may come after the one token, each of them right with a chance of ``likely``: the step takes as many
    as pay, and what may follow is then given for the token and for each guess that was taken.
    """

    tokens: Sequence[int]
    wanted: Wanted = Wanted.LAST
    guesses: Sequence[int] = ()
    likely: float = 0.0


Steps = Generator[Step, list[Logits], T]
"""Yields steps, is sent the logits that it wanted, which are good until its next step, and returns a T."""


class Place:
    """Where a request's text stands: a slot, or aside while others need the slot."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.slot: int | None = None
        self._aside: State | None = None

    @property
    def slots(self) -> Slots:
        return self._slots

    @property
    def length(self) -> int:
        """Tokens of the text, while it has a slot."""
        return self._slots.length(self._taken)

    def take(self, slot: int) -> None:
        """Stand in ``slot``, with the text as it was when it was left."""
        self.slot = slot
        self._slots.clear(slot)
        if self._aside is not None:
            self._slots.restore(slot, self._aside)
            self._aside = None

    def leave(self, *, keep: bool) -> int:
        """Give the slot up, and the text with it unless it is to be kept aside. Returns the slot."""
        slot = self._taken
        if keep and self.length:
            self._aside = self._slots.state(slot)
        self._slots.clear(slot)
        self.slot = None
        return slot

    def state(self) -> State:
        return self._slots.state(self._taken)

    def restore(self, state: State) -> None:
        self._slots.restore(self._taken, state)

    def cut(self, length: int) -> None:
        self._slots.cut(self._taken, length)

    @property
    def _taken(self) -> int:
        assert self.slot is not None, "a step is only taken by a request that has a slot"
        return self.slot


def slices(tokens: Sequence[int], place: "Place", wanted: Wanted = Wanted.NOTHING) -> Steps[list[Logits]]:
    """Append ``tokens`` in slices; what is wanted is wanted of the last one. See GRAIN for why the last is not short."""
    at, logits = 0, list[Logits]()
    while at < len(tokens):
        left = len(tokens) - at
        size = place.slots.slice
        count = left if left < size + TAIL else size
        last = at + count == len(tokens)
        logits = yield Step(tokens[at : at + count], wanted if last else Wanted.NOTHING)
        at += count
    return logits
