"""OpenAIModel with servers that refuse fields, fail, or count tokens: what is left out, asked again, and said."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from assistant.adapters.openai import OpenAIModel
from assistant.kernel.errors import (
    ConfigurationError,
    DeadlineExceeded,
    InputError,
    ModelAway,
    ModelUnavailable,
    RetryLater,
)
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, run_to_end
from tests.model_servers import LLAMA_TEMPLATE_TOKENS, Habits, running_model_server

CARD = ModelCard(name="remote", sha256="", context_length=512)
MESSAGES = (
    ChatMessage(role="system", content="You answer briefly."),
    ChatMessage(role="user", content="How do I descale the Fernhill Duo?"),
)
WORDS = sum(len(message.content.split()) for message in MESSAGES)
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
Serve = Callable[[Habits], OpenAIModel]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server with the given habits, and gives a model that asks it."""
    with ExitStack() as servers:

        def start(habits: Habits) -> OpenAIModel:
            return OpenAIModel(CARD, servers.enter_context(running_model_server(habits)), retry_wait_s=0.01)

        yield start


def write(model: OpenAIModel, sampling: Sampling | None = None, deadline_s: float = 30) -> Completion:
    stream = model.stream(MESSAGES, sampling or Sampling(max_tokens=5), tenant="acme", deadline_s=deadline_s)
    return run_to_end(stream, lambda _: None)


def test_everything_that_is_asked_for_is_sent_and_nothing_else(serve: Serve) -> None:
    habits = Habits()
    model = serve(habits)
    write(model)
    plain = habits.asked[-1]
    assert not {"top_k", "min_p", "repeat_penalty", "repetition_penalty", "stop", "response_format"} & plain.keys()
    sampling = Sampling(
        max_tokens=9, temperature=0.5, top_p=0.9, top_k=30, min_p=0.1, repeat_penalty=1.2, seed=7, stop=("\n",), json_schema=SCHEMA
    )  # fmt: skip
    write(model, sampling)
    asked = habits.asked[-1]
    wanted = {
        "model": "remote", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 30, "min_p": 0.1, "seed": 7,
        "repeat_penalty": 1.2, "repetition_penalty": 1.2, "stop": ["\n"], "user": "acme", "logprobs": True,
    }  # fmt: skip
    assert {name: asked[name] for name in wanted} == wanted
    assert asked["response_format"]["json_schema"]["schema"] == SCHEMA


def test_tokens_that_the_server_did_not_read_again_are_told(serve: Serve) -> None:
    assert write(serve(Habits(cached_tokens=17))).reused_tokens == 17
    assert write(serve(Habits())).reused_tokens == 0


@pytest.mark.parametrize("form", ["param", "message", "pydantic"])
@pytest.mark.parametrize("field", ["logprobs", "stream_options", "user"])
def test_a_dispensable_field_that_is_refused_is_left_out_from_then_on(serve: Serve, field: str, form: str) -> None:
    habits = Habits(refuses=frozenset({field}), error_form=form)  # type: ignore[arg-type]
    model = serve(habits)
    assert write(model).text == "word0 word1 word2 word3 word4 "
    assert write(model).completion_tokens == 5
    assert [field in asked for asked in habits.asked] == [True, False, False]


def test_several_refused_fields_are_left_out_one_after_the_other(serve: Serve) -> None:
    habits = Habits(refuses=frozenset({"logprobs", "stream_options", "user"}))
    completion = write(serve(habits))
    assert (completion.completion_tokens, completion.logprobs, completion.finish) == (5, (), "length")
    assert completion.prompt_tokens > WORDS
    assert len(habits.asked) == 4


def test_a_schema_that_is_refused_is_an_error_and_never_an_unbound_reply(serve: Serve) -> None:
    habits = Habits(refuses=frozenset({"response_format"}), error_form="message")
    model = serve(habits)
    with pytest.raises(ConfigurationError, match="response_format") as caught:
        write(model, Sampling(max_tokens=5, json_schema=SCHEMA))
    assert "structured outputs" in caught.value.fix
    assert all("response_format" in asked for asked in habits.asked)
    assert write(model).text


def test_the_repeat_penalty_is_sent_under_the_name_that_the_server_takes(serve: Serve) -> None:
    habits = Habits(refuses=frozenset({"repetition_penalty"}))
    write(serve(habits), Sampling(max_tokens=5, repeat_penalty=1.1))
    assert habits.asked[-1]["repeat_penalty"] == 1.1
    assert "repetition_penalty" not in habits.asked[-1]


@pytest.mark.parametrize(
    ("sampling", "refused"),
    [
        (Sampling(max_tokens=5, top_k=3), ["top_k"]),
        (Sampling(max_tokens=5, repeat_penalty=1.1), ["repetition_penalty", "repeat_penalty"]),
        (Sampling(max_tokens=5), ["temperature"]),
    ],
)
def test_a_field_that_changes_the_text_is_never_left_out(serve: Serve, sampling: Sampling, refused: list[str]) -> None:
    with pytest.raises(InputError, match=refused[0]):
        write(serve(Habits(refuses=frozenset(refused))), sampling)


def test_an_error_that_only_happens_to_say_a_field_s_name_teaches_nothing(serve: Serve) -> None:
    habits = Habits(failures=[403, 403])
    model = serve(habits)
    with pytest.raises(ConfigurationError, match="403"):
        write(model)
    write(model)
    assert {"user", "logprobs", "stream_options"} <= habits.asked[-1].keys()


@pytest.mark.parametrize("failure", [500, 502, 503, "broken"])
def test_a_server_that_fails_before_the_first_token_is_asked_once_more(serve: Serve, failure: int | str) -> None:
    habits = Habits(failures=[failure])
    assert write(serve(habits)).completion_tokens == 5
    assert len(habits.asked) == 2
    twice = Habits(failures=[failure, failure])
    with pytest.raises(ModelUnavailable):
        write(serve(twice))
    assert len(twice.asked) == 2


def test_a_server_that_breaks_off_later_is_not_asked_again(serve: Serve) -> None:
    habits = Habits(failures=["broken later"])
    with pytest.raises(ModelUnavailable, match="middle"):
        write(serve(habits))
    assert len(habits.asked) == 1


def test_there_is_no_second_try_when_the_server_or_the_deadline_has_no_time_for_it(serve: Serve) -> None:
    busy = Habits(failures=[429], headers={"Retry-After": "3"})
    with pytest.raises(RetryLater) as caught:
        write(serve(busy))
    assert caught.value.retry_after_s == 3
    down = Habits(failures=[503], headers={"Retry-After": "40"})
    with pytest.raises(ModelUnavailable) as away:
        write(serve(down))
    assert away.value.retry_after_s == 40
    assert (len(busy.asked), len(down.asked)) == (1, 1)
    with pytest.raises(DeadlineExceeded):
        write(serve(Habits()), deadline_s=0)


def test_a_server_that_cannot_be_reached_twice_is_away() -> None:
    with pytest.raises(ModelAway, match="cannot be reached"):
        write(OpenAIModel(CARD, "http://127.0.0.1:9/v1", retry_wait_s=0.01))


def test_tokens_are_counted_by_the_server_s_own_tokenizer(serve: Serve) -> None:
    assert serve(Habits(tokenizer="vllm")).count_tokens(MESSAGES) == WORDS + 2 * LLAMA_TEMPLATE_TOKENS
    counted = serve(Habits(tokenizer="llama-server")).count_tokens(MESSAGES)
    assert WORDS < counted < WORDS + 40


def test_a_server_without_a_tokenizer_is_asked_for_it_once(serve: Serve) -> None:
    habits = Habits()
    model = serve(habits)
    assert model.count_tokens(MESSAGES) == model.count_tokens(MESSAGES) > WORDS
    assert habits.paths == ["/tokenize"]


def test_tokens_are_estimated_while_the_server_is_away() -> None:
    assert OpenAIModel(CARD, "http://127.0.0.1:9/v1").count_tokens(MESSAGES) > WORDS
