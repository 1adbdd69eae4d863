"""A prompt → its state in a slot, with as little of it read as possible.

Two ways. The exact one takes up the longest beginning that was read before, of any prompt of the same tenant, and
reads the rest. The other one, for models that pass the quality gate, also takes up passages that were read on their
own: each is read once, right after the prompt's fixed beginning, and put where it is wanted by turning its keys;
its first tokens are read again where it stands (Hu et al., "EPIC", 2024). A passage's state then never depends on
the passages beside it, so a draft is the same whether states were at hand or not.
"""

from collections.abc import Sequence

from assistant.engine.shelf import Prefixes
from assistant.engine.slots import GRAIN, TAIL, Logits
from assistant.engine.states import State, joined
from assistant.engine.steps import Place, Steps, Wanted, slices
from assistant.engine.vocabulary import ChatTokens

READ_AGAIN = 32
"""Tokens at the beginning of a passage that are read again where it stands; its number, before it, always is.

With 8 in place of 32, sentences found in the passages fell by 2.5 points instead of .9 (150 questions, 0.5B, 2026-11-22).
"""


class Reading:
    """Reads one prompt into one place. ``reused`` counts the tokens that were not read."""

    def __init__(self, prompt: ChatTokens, place: Place, prefixes: Prefixes | None, *, join: bool) -> None:
        self._prompt, self.place, self._prefixes = prompt, place, prefixes
        self._joins = join and prefixes is not None and bool(prompt.passages) and place.slots.rotation is not None
        self.reused = 0
        self._read = 0

    def run(self) -> Steps[Logits]:
        """Read it, and return what may follow its last token."""
        if self._joins and self._prefixes is not None:
            logits = yield from self._joined(self._prefixes)
        else:
            logits = yield from self._exact(self._prompt.tokens, Wanted.LAST)
        self.reused = max(0, len(self._prompt.tokens) - self._read)
        return logits[0]

    def keep(self) -> None:
        """Keep the state of what others may share, once the first token is out: up to the end of the last passage."""
        if self._prefixes is None or self._joins:
            return
        end = self._prompt.passages[-1][1] if self._prompt.passages else len(self._prompt.tokens)
        tokens = self._prompt.tokens[:end]
        if not self._prefixes.has(tokens):
            self._prefixes.keep(tokens, self.place.state())

    def _exact(self, tokens: Sequence[int], wanted: Wanted) -> Steps[list[Logits]]:
        whole = max(0, len(tokens) - TAIL) // GRAIN * GRAIN
        known = self._prefixes.longest(tokens[:whole]) if self._prefixes else []
        if known:
            self.place.restore(joined(known))
        else:
            self.place.cut(0)
        rest = tokens[self.place.length :]
        self._read += len(rest)
        return (yield from slices(rest, self.place, wanted))

    def _joined(self, prefixes: Prefixes) -> Steps[list[Logits]]:
        tokens, passages = self._prompt.tokens, self._prompt.passages
        before = tokens[: passages[0][0]]
        beginning = yield from self._piece(prefixes, (), before, None)
        bodies = []
        for start, end in passages:
            bodies.append((yield from self._piece(prefixes, before, tokens[start:end], beginning)))
        self.place.restore(joined([beginning, bodies[0]]))
        for (_, last_end), (start, end), body in zip(passages, passages[1:], bodies[1:], strict=False):
            again = min(READ_AGAIN, end - start)
            yield from self._slices(tokens[last_end : start + again])
            if again < body.tokens:
                self._append(body.part(again, body.tokens))
        return (yield from self._slices(tokens[passages[-1][1] :], Wanted.LAST))

    def _append(self, state: State) -> None:
        rotation = self.place.slots.rotation
        assert rotation is not None
        now = self.place.state()
        self.place.restore(joined([now, rotation.moved(state, now.tokens)]))

    def _piece(
        self, prefixes: Prefixes, before: Sequence[int], piece: Sequence[int], beginning: State | None
    ) -> Steps[State]:
        """The state of ``piece`` right after ``before``, whose state is ``beginning``; read now unless it is kept."""
        known = prefixes.piece(before, piece)
        if known is not None:
            return known
        if beginning is None:
            self.place.cut(0)
        else:
            self.place.restore(beginning)
        yield from self._slices(piece)
        state = self.place.state().part(len(before), len(before) + len(piece))
        prefixes.keep_piece(before, piece, state)
        return state

    def _slices(self, tokens: Sequence[int], wanted: Wanted = Wanted.NOTHING) -> Steps[list[Logits]]:
        self._read += len(tokens)
        return (yield from slices(tokens, self.place, wanted))
