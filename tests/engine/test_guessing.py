"""Guesses from the prompt: fewer steps, the same reply, and no trace of what was guessed wrongly."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from assistant.engine.guessing import AHEAD, MATCH, Guessing, Lookup, Sure, alone
from assistant.engine.loaded import LoadedModel
from assistant.engine.pace import SIZES, Pace
from assistant.engine.protocol import Answer, Finished, Generate, ModelFile
from assistant.engine.sampler import Sampler
from assistant.engine.scheduler import Scheduler
from assistant.engine.shelf import Shelf
from assistant.engine.slots import GRAIN, Logits, Row, Slots
from assistant.engine.steps import Place, Steps
from assistant.engine.weights import Weights
from assistant.kernel.generation import ChatMessage, Completion, Sampling
from tests.engine.conftest import SMOL, TEXT

REPLY = 40
REPEAT = (ChatMessage(role="user", content=f"Say this again, word for word, and nothing else:\n{TEXT}"),)
pytestmark = pytest.mark.models


class Reader:
    """Takes every step at once with all its guesses, and counts them."""

    def __init__(self, slots: Slots, prompt: Sequence[int]) -> None:
        self.slots, self.place, self.sizes = slots, Place(slots), list[int]()
        self.place.take(0)
        slots.decode([Row(0, token, wanted=at == len(prompt) - 1) for at, token in enumerate(prompt)])
        self.first = int(slots.logits(len(prompt) - 1).argmax())

    def run(self, steps: Steps[Logits]) -> Logits:
        """What the steps return in the end."""
        try:
            step = next(steps)
            while True:
                rows = [Row(0, token, wanted=True) for token in (*step.tokens, *step.guesses)]
                self.slots.decode(rows)
                self.sizes.append(len(rows))
                step = steps.send([self.slots.logits(number) for number in range(len(rows))])
        except StopIteration as end:
            logits: Logits = end.value
            return logits

    def reply(self, prompt: Sequence[int], sure: Sure | None) -> list[int]:
        """Greedy tokens: with guesses where ``sure`` is given, one by one where not."""
        guessing = Guessing(prompt, self.place, len(prompt) + REPLY, sure) if sure else None
        tokens = [self.first]
        while len(tokens) < REPLY:
            steps = guessing.after(tokens[-1]) if guessing else alone(tokens[-1])
            tokens.append(int(self.run(steps).argmax()))
        return tokens


@pytest.fixture
def prompt(weights: Weights) -> list[int]:
    """A text that says the same thing over again, up to the middle of it: what comes is no question."""
    tokens = weights.vocabulary.encode(TEXT * 3)
    return tokens[: len(tokens) * 5 // 6 // GRAIN * GRAIN]


def test_a_reply_that_repeats_its_prompt_takes_fewer_steps_and_stays_the_same(
    slots: Slots, weights: Weights, prompt: list[int]
) -> None:
    plain = Reader(slots, prompt).reply(prompt, None)
    reader = Reader(slots, prompt)
    with Sampler(Sampling(max_tokens=REPLY), weights.vocabulary) as sampler:
        assert reader.reply(prompt, sampler.sure) == plain
    assert len(reader.sizes) < REPLY / 2
    assert max(reader.sizes) == 1 + AHEAD


def test_where_no_choice_is_sure_every_token_is_computed_alone_after_all(slots: Slots, prompt: list[int]) -> None:
    plain = Reader(slots, prompt)
    expected = plain.reply(prompt, None)
    wary = Reader(slots, prompt)
    assert wary.reply(prompt, lambda _: False) == expected
    assert wary.sizes.count(1) == REPLY - 1
    assert max(wary.sizes) > 1, "there were guesses to throw away"


def test_wrong_guesses_leave_the_text_as_it_was(slots: Slots, prompt: list[int]) -> None:
    reader = Reader(slots, prompt)
    guessing = Guessing(prompt, reader.place, len(prompt) + REPLY, lambda _: True)
    begun, other = prompt[: MATCH + 3], prompt[-1]
    for token in begun:
        reader.run(guessing.after(token))
    assert reader.place.length > len(prompt) + len(begun), "it was guessed how the text goes on"
    reader.run(guessing.after(other))
    assert reader.place.length == len(prompt) + len(begun) + 1


def test_no_guess_goes_past_the_longest_reply(slots: Slots, prompt: list[int]) -> None:
    reader = Reader(slots, prompt)
    guessing = Guessing(prompt, reader.place, len(prompt) + MATCH + 2, lambda _: True)
    for token in prompt[: MATCH + 2]:
        reader.run(guessing.after(token))
        assert reader.place.length <= len(prompt) + MATCH + 2


class Steady(Pace):
    """Knows that a step of many tokens takes as long as one of one, and is not to be told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        for size in SIZES * 3:
            super().saw(size, 0.01)

    def saw(self, tokens: int, seconds: float) -> None:
        pass

    def together(self, texts: int) -> int:
        return texts


def written(file: ModelFile, sampling: Sampling, *, interrupted: bool = False) -> tuple[Completion, int]:
    """A reply by the engine's own path and its steps, on a machine where many tokens at once cost as much as one."""
    model, answers = LoadedModel(file, 1, Shelf(0)), dict[int, Answer]()
    model.machine.pace = Steady()
    scheduler = Scheduler({SMOL: model.machine}, lambda answer: answers.update({answer.id: answer}), max_queued=9)

    def ask(number: int, *, bulk: bool) -> None:
        request = Generate(id=number, model=SMOL, messages=REPEAT, sampling=sampling, bulk=bulk)
        scheduler.submit(model.generation(request, lambda _: None))

    ask(1, bulk=True)
    steps = 0
    while scheduler.step():
        steps += 1
        if interrupted and steps == 8:
            ask(2, bulk=False)
    reply = answers[1]
    assert isinstance(reply, Finished)
    return reply.completion, steps


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"stop": ("sachet",)},
        {"repeat_penalty": 1.01},
        {"json_schema": {"type": "object", "properties": {"advice": {"type": "string"}}, "required": ["advice"]}},
    ],
)
def test_a_reply_is_the_same_with_guesses_however_it_is_sampled(
    smol: Callable[..., ModelFile], how: dict[str, object]
) -> None:
    sampling = Sampling.model_validate({"max_tokens": 40} | how)
    (plain, steps), (guessed, fewer) = (
        written(smol(slots=1, prompt_lookup=guess), sampling) for guess in (False, True)
    )
    assert guessed.text == plain.text
    assert (guessed.finish, guessed.completion_tokens) == (plain.finish, plain.completion_tokens)
    assert fewer < steps


def test_a_seeded_reply_is_not_guessed_since_its_choice_has_no_lead(smol: Callable[..., ModelFile]) -> None:
    sampling = Sampling(max_tokens=20, temperature=0.7, seed=3)
    assert written(smol(slots=1), sampling) == written(smol(slots=1, prompt_lookup=True), sampling)


def test_a_reply_that_stood_aside_between_guesses_goes_on_as_if_it_had_not(smol: Callable[..., ModelFile]) -> None:
    file, sampling = smol(slots=1, prompt_lookup=True), Sampling(max_tokens=40)
    (alone_, _), (aside, _) = (written(file, sampling, interrupted=so) for so in (False, True))
    assert (aside.text, aside.logprobs) == (alone_.text, alone_.logprobs)


def test_a_guess_is_what_followed_when_the_last_tokens_stood_there_last() -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 60, 61, 1, 2, 3, 4, 5, 70, 71])
    assert not lookup.guess(), "nothing follows the end of the text"
    for token in (1, 2, 3, 4):
        lookup.push(token)
    assert not lookup.guess(), "four tokens are too few"
    lookup.push(5)
    assert list(lookup.guess()) == [70, 71, 1, 2, 3, 4, 5]
    lookup.push(9)
    assert not lookup.guess()


def test_as_much_is_guessed_as_pays_here() -> None:
    flat, steep = Pace(), Pace()
    for _ in range(3):
        for size in (1, 2, 4, 8, 16):
            flat.saw(size, 0.02)
            steep.saw(size, 0.02 * size)
    assert flat.ahead(15, likely=0.9) == 15
    assert steep.ahead(15, likely=0.9) == 0
    assert flat.ahead(2, likely=0.9) == 2
    assert Pace().ahead(15, likely=0.9) == 0, "a step of one token is looked at before it is compared with others"


@pytest.mark.parametrize("lead", [0.5, 1.5])
def test_a_choice_is_sure_when_it_leads_by_more_than_kernels_differ(weights: Weights, lead: float) -> None:
    with Sampler(Sampling(max_tokens=1), weights.vocabulary) as sampler:
        logits = np.full(weights.vocabulary.size, -5.0, dtype=np.float32)
        logits[[3, 9]] = (2.0, 2.0 + lead)
        assert sampler.sure(logits) is (lead > 1)
