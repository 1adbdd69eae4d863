"""How long a step of so many tokens takes on this machine, learned from the steps themselves.

More texts in a step are not always faster: on two cores a 0.5B model took 13 ms for one, 27 for two, 35 for four and 48
for eight (2026-11-22). So it is measured, and texts are taken together only where that pays.
"""

SIZES = (1, 2, 4, 8, 16, 32)
_TRIES = 3
"""Steps of a size before what was seen of it is believed."""
_AGAIN = 500
"""Choices after which each size is tried once more: what was slow beside a busy neighbour need not stay so."""
_NEWEST = 0.2


class Pace:
    """Seconds a step, by its number of tokens, and tokens a second of prompts."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._seen: dict[int, int] = {}
        self._prompt_rate = 0.0
        self._choices = 0

    def saw(self, tokens: int, seconds: float) -> None:
        """A step of ``tokens`` tokens took ``seconds``."""
        if tokens > SIZES[-1]:
            rate = tokens / max(seconds, 1e-6)
            self._prompt_rate = rate if not self._prompt_rate else (1 - _NEWEST) * self._prompt_rate + _NEWEST * rate
            return
        size = next(size for size in SIZES if tokens <= size)
        before = self._seconds.get(size, seconds)
        # A neighbour that takes the cores for a moment must not count: a shorter time is believed at once.
        self._seconds[size] = seconds if seconds < before else (1 - _NEWEST) * before + _NEWEST * seconds
        self._seen[size] = self._seen.get(size, 0) + 1

    def together(self, texts: int) -> int:
        """How many of ``texts`` texts to give a token each in the next step: the number with the most tokens a second."""
        self._choices += 1
        if self._choices % _AGAIN == 0:
            self._seen = {size: min(seen, _TRIES - 1) for size, seen in self._seen.items()}
        sizes = [size for size in SIZES if size < texts] + [texts]
        for size in sizes:
            if self._seen.get(self._class(size), 0) < _TRIES:
                return size
        return max(sizes, key=lambda size: size / self._seconds[self._class(size)])

    def ahead(self, guesses: int, likely: float) -> int:
        """How many of ``guesses`` guesses to try beside a token, when each is right with a chance of ``likely``."""
        counts = [size - 1 for size in SIZES if size <= guesses] + [guesses]
        for count in counts:
            if self._seen.get(self._class(1 + count), 0) < _TRIES:
                return count
        return max(counts, key=lambda count: _expected(count, likely) / self._seconds[self._class(1 + count)])

    def seconds(self, prompt_tokens: int, reply_tokens: int) -> float:
        """About how long a text takes alone; 0 before anything was seen."""
        reading = prompt_tokens / self._prompt_rate if self._prompt_rate else 0.0
        return reading + reply_tokens * self._seconds.get(1, 0.0)

    @staticmethod
    def _class(tokens: int) -> int:
        return next((size for size in SIZES if tokens <= size), SIZES[-1])


def _expected(guesses: int, likely: float) -> float:
    """Tokens that a step with so many guesses brings: the first, and guesses up to the first wrong one."""
    return sum(likely**number for number in range(guesses + 1))
