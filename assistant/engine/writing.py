"""A request → its answer, one step at a time: read the prompt, write the reply; or read a text and score it."""

from collections.abc import Callable, Sequence
from typing import Literal

from assistant.engine.guessing import Guessing, alone
from assistant.engine.protocol import Answer, Finished, Generate, ScoreGiven, Wrote
from assistant.engine.reading import Reading
from assistant.engine.sampler import Sampler, logprob
from assistant.engine.slots import Logits
from assistant.engine.steps import Step, Steps, Wanted
from assistant.engine.text_stream import TextStream
from assistant.engine.vocabulary import ChatTokens, Vocabulary
from assistant.kernel.errors import InputError
from assistant.kernel.generation import Completion, Scored

SCORED_AT_ONCE = 16
"""Tokens of a text scored in one step: what may follow each is 600 KB with a vocabulary of 150,000."""
Tell = Callable[[Answer], None]


def check_fits(prompt_tokens: int, reply_tokens: int, context_length: int) -> None:
    """Raises InputError when prompt and reply do not fit the context."""
    if prompt_tokens + reply_tokens > context_length:
        raise InputError(
            f"{prompt_tokens} prompt tokens and {reply_tokens} reply tokens exceed the context of {context_length}",
            field="messages",
        )


class Writing:
    """One Generate on its way."""

    def __init__(
        self,
        request: Generate,
        prompt: ChatTokens,
        vocabulary: Vocabulary,
        reading: Reading,
        tell: Tell,
        *,
        guess: bool,
    ) -> None:
        self._request, self._prompt, self._vocabulary = request, prompt, vocabulary
        self._reading, self._tell, self._guess = reading, tell, guess
        self._stream = TextStream(request.sampling.stop)
        self._logprobs: list[float] = []

    def run(self) -> Steps[Answer]:
        """Read the prompt and write until the end of turn, a stop string or ``max_tokens``."""
        with Sampler(self._request.sampling, self._vocabulary) as sampler:
            logits = yield from self._reading.run()
            finish = yield from self._write(sampler, logits)
        completion = Completion(
            text=self._stream.text,
            finish=finish,
            prompt_tokens=len(self._prompt.tokens),
            reused_tokens=self._reading.reused,
            completion_tokens=len(self._logprobs),
            logprobs=tuple(self._logprobs),
        )
        return Finished(id=self._request.id, completion=completion)

    def _write(self, sampler: Sampler, logits: Logits) -> Steps[Literal["stop", "length"]]:
        most = self._request.sampling.max_tokens
        guessing = self._guessing(sampler, most)
        for written in range(most):
            token, chance = sampler.choose(logits)
            self._logprobs.append(chance)
            if self._vocabulary.ends(token):
                break
            self._say(self._stream.push(self._vocabulary.piece(token)), chance)
            if self._stream.stopped:
                return "stop"
            if written == 0:
                self._reading.keep()
            if written + 1 < most:
                logits = yield from guessing.after(token) if guessing else alone(token)
        else:
            self._say_rest()
            return "length"
        self._say_rest()
        return "stop"

    def _guessing(self, sampler: Sampler, most: int) -> Guessing | None:
        """None where another kernel's logits would make another reply: only a greedy choice may have a lead."""
        if not (self._guess and sampler.greedy):
            return None
        tokens = self._prompt.tokens
        return Guessing(tokens, self._reading.place, len(tokens) + most, sampler.sure)

    def _say_rest(self) -> None:
        if rest := self._stream.end():
            self._say(rest, None)

    def _say(self, text: str, chance: float | None) -> None:
        self._tell(Wrote(id=self._request.id, text=text, logprob=chance))


def score(number: int, tokens: Sequence[int]) -> Steps[Answer]:
    """How likely each token is after those before it, for request ``number``."""
    chances: list[float] = []
    for at in range(0, len(tokens) - 1, SCORED_AT_ONCE):
        part = tokens[at : min(at + SCORED_AT_ONCE, len(tokens) - 1)]
        after = yield Step(part, Wanted.ALL)
        chances += [logprob(row, tokens[at + ahead + 1]) for ahead, row in enumerate(after)]
    return ScoreGiven(id=number, scored=Scored(tokens=len(tokens), logprobs=tuple(chances)))
