"""What a reply says next, guessed from what its prompt says: a reply that quotes a passage goes on as the passage does.

Prompt lookup (Saxena, "Prompt Lookup Decoding", 2023): when the last tokens stand earlier in the text, those after
them there are tried in one step, which costs less than a step for each. The reply stays the greedy one but for near
ties: ggml computes the attention of several tokens of a text with another kernel than that of one (tinyBLAS from two
rows on; with flash attention, one row's keys are shared out to the threads from 512 on), so logits differ a little, and
so do the keys and values of guesses that were right. All else is the same to the bit for 1 to 16 rows (Q4_0, AVX-512).
Where the lead of the best token in such a step is small, the token is computed once more on its own; what comes later
may still turn where two tokens are all but equal.
"""

from collections.abc import Callable, Sequence

from assistant.engine.slots import Logits
from assistant.engine.steps import Place, Step, Steps

MATCH = 5
"""Tokens that must be the same before it is guessed how they go on."""
AHEAD = 15
"""Most tokens guessed at once."""
_RIGHT, _GUESSED = 4.0, 5.0
"""Four of five guesses are taken to be right before any was made."""
Sure = Callable[[Logits], bool]


class Lookup:
    """Finds what came after the last tokens when they stood earlier in a text."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self._found: int | None = None
        for token in tokens:
            self.push(token)

    def push(self, token: int) -> None:
        """The text goes on with ``token``."""
        self._tokens.append(token)
        last = tuple(self._tokens[-MATCH:])
        self._found = self._after.get(last)
        self._after[last] = len(self._tokens)

    def guess(self) -> Sequence[int]:
        """AHEAD tokens at most; none when the last MATCH tokens are new."""
        return () if self._found is None else self._tokens[self._found : self._found + AHEAD]


def alone(token: int) -> Steps[Logits]:
    """What may follow ``token``, without any guess."""
    (logits,) = yield Step((token,))
    return logits


class Guessing:
    """Steps of a reply that try guesses along with each token.

    ``tokens`` is the text that stands in ``place``; it grows to ``longest`` tokens at most.
    """

    def __init__(self, tokens: Sequence[int], place: Place, longest: int, sure: Sure) -> None:
        self._lookup, self._place, self._sure = Lookup(tokens), place, sure
        self._length, self._longest = len(tokens), longest
        self._guessed: list[int] = []
        self._rows: list[Logits] = []
        self._right, self._tried = _RIGHT, _GUESSED

    def after(self, token: int) -> Steps[Logits]:
        """What may follow ``token``, which is next in the text. In turn for each token written."""
        self._lookup.push(token)
        row = self._known(token)
        if row is None or not self._sure(row):
            row = yield from self._computed(token, () if row is not None else self._lookup.guess())
        self._length += 1
        return row

    def _known(self, token: int) -> Logits | None:
        """From the last step, if ``token`` was guessed there."""
        if not self._rows:
            return None
        right = self._guessed[0] == token
        self._right += right
        self._tried += 1
        if not right:
            self._rows = []
            return None
        del self._guessed[0]
        return self._rows.pop(0)

    def _computed(self, token: int, guesses: Sequence[int]) -> Steps[Logits]:
        self._place.cut(self._length)
        guesses = guesses[: self._longest - self._length - 1]
        first, *self._rows = yield Step((token,), guesses=guesses, likely=self._right / self._tried)
        self._guessed = list(guesses[: len(self._rows)])
        if self._rows and not self._sure(first):
            self._rows = []
            self._place.cut(self._length)
            first = yield from alone(token)
        return first
