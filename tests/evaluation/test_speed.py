"""What reading and writing speed are taken from: prompts nobody has read, and the time in which all replies are written."""

import itertools
from collections.abc import Generator, Sequence

import pytest

from assistant.evaluation.speed import measure_decode, measure_prefill, rate
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token


class CountingModel:
    """A word a token, a template of three; knows ``reused`` tokens of any prompt already, and may fail after one token."""

    def __init__(self, reused: int = 0, *, fails: bool = False) -> None:
        self._reused, self._fails = reused, fails
        self.prompts: list[str] = []

    @property
    def card(self) -> ModelCard:
        return ModelCard(name="counting", sha256="", context_length=4096)

    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int:
        return 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return 3 + 2 * sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        self.prompts.append(messages[-1].content)
        for _ in range(sampling.max_tokens):
            yield Token(text="word ", logprob=-1.0)
            if self._fails:
                raise ModelUnavailable("the model process ended with code -9")
        return Completion(
            text="", finish="length", prompt_tokens=self.count_tokens(messages), reused_tokens=self._reused,
            completion_tokens=sampling.max_tokens,
        )  # fmt: skip


@pytest.mark.parametrize("tokens", [64, 1024])
def test_a_prompt_has_about_the_length_asked_for(tokens: int) -> None:
    seconds = itertools.count(step=2.0)
    read = measure_prefill(CountingModel(), tokens, lambda: next(seconds))
    assert abs(read.prompt_tokens - tokens) <= 4
    assert read.tokens_per_s == pytest.approx(read.prompt_tokens / 2, rel=0.01)


def test_what_was_known_already_does_not_count_as_read() -> None:
    seconds = itertools.count()
    read = measure_prefill(CountingModel(reused=50), 100, lambda: next(seconds))
    assert read.tokens_per_s == read.prompt_tokens - 50


def test_no_two_prompts_begin_alike() -> None:
    model = CountingModel()
    for _ in range(3):
        measure_prefill(model, 64)
    assert len({prompt.split()[0] for prompt in model.prompts}) == 3


def test_replies_at_once_are_counted_while_all_are_written() -> None:
    first = [0.0, 1.0, 2.0, 3.0, 4.0]
    second = [2.0, 3.0, 4.0, 5.0, 6.0]
    assert rate([first, second]) == 2.0


def test_replies_one_after_the_other_are_counted_from_first_to_last() -> None:
    assert rate([[0.0, 1.0, 2.0], [3.0, 4.0]]) == 1.0


@pytest.mark.parametrize("times", [[], [[]], [[1.0]], [[1.0], []]])
def test_too_few_tokens_are_no_rate(times: list[list[float]]) -> None:
    assert rate(times) == 0.0


def test_every_reply_is_asked_for_and_told_apart() -> None:
    model = CountingModel()
    wrote = measure_decode(model, 4, 8)
    assert wrote.replies == 4
    assert wrote.tokens_per_s > 0
    assert len(set(model.prompts)) == 4


def test_a_reply_that_failed_is_not_measured_over() -> None:
    with pytest.raises(ModelUnavailable, match=r"2 of 2 replies failed: .* code -9"):
        measure_decode(CountingModel(fails=True), 2, 8)
