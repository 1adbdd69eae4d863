"""Every LanguageModel: streams what it completes, keeps to its limits, stops when told, and counts its tokens."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.adapters.memory.models import ScriptedModel
from assistant.adapters.openai import OpenAIModel
from assistant.engine.local import LocalModel, usable_cores
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.kernel.errors import DeadlineExceeded, DeskhandError, InputError
from assistant.kernel.generation import ChatMessage, ModelCard, Sampling, run_to_end
from assistant.models.catalogue import CatalogueModel
from assistant.ports import LanguageModel
from tests.model_servers import Habits, running_model_server

CONTEXT = 512
MESSAGES = (
    ChatMessage(role="system", content="You answer briefly."),
    ChatMessage(role="user", content="Count from one to twenty in words."),
)


SERVERS = {
    "openai": Habits(context=CONTEXT),
    "llama-server": Habits(context=CONTEXT, tokenizer="llama-server", cached_tokens=7),
    "vllm": Habits(context=CONTEXT, tokenizer="vllm"),
    "an old gateway": Habits(context=CONTEXT, refuses=frozenset({"stream_options", "user"}), error_form="message"),
}


@pytest.fixture(params=["scripted", *SERVERS, pytest.param("local", marks=pytest.mark.models)], scope="module")
def model(
    request: pytest.FixtureRequest, model_file: Callable[[str], tuple[CatalogueModel, Path]]
) -> Iterator[LanguageModel]:
    if request.param == "scripted":
        yield ScriptedModel(lambda _: " ".join(f"word{number}" for number in range(40)), context=CONTEXT)
    elif request.param in SERVERS:
        with running_model_server(SERVERS[request.param]) as url:
            yield OpenAIModel(ModelCard(name="remote", sha256="", context_length=CONTEXT), url, "key")
    else:
        entry, path = model_file("smollm2-135m-instruct-q4_1")
        file = ModelFile(name=entry.name, path=str(path), context_length=CONTEXT)
        process = ModelProcess(ChildSettings(models=(file,), threads=usable_cores()))
        yield LocalModel(ModelCard(name=entry.name, sha256=entry.sha256, context_length=CONTEXT), process)
        process.close()


def test_tokens_make_up_the_completion(model: LanguageModel) -> None:
    pieces: list[str] = []
    stream = model.stream(MESSAGES, Sampling(max_tokens=24), tenant="acme", deadline_s=60)
    completion = run_to_end(stream, lambda token: pieces.append(token.text))
    assert "".join(pieces) == completion.text != ""
    assert len(pieces) > 3
    assert completion.prompt_tokens > 0
    assert 0 < completion.completion_tokens <= 24


def test_a_reply_that_reaches_max_tokens_says_it_was_cut(model: LanguageModel) -> None:
    completion = run_to_end(
        model.stream(MESSAGES, Sampling(max_tokens=4), tenant="acme", deadline_s=60), lambda _: None
    )
    assert completion.finish == "length"
    assert completion.completion_tokens == 4


def test_every_token_has_a_log_probability(model: LanguageModel) -> None:
    completion = run_to_end(
        model.stream(MESSAGES, Sampling(max_tokens=6), tenant="acme", deadline_s=60), lambda _: None
    )
    assert len(completion.logprobs) == completion.completion_tokens
    assert all(logprob <= 1e-6 for logprob in completion.logprobs)


def test_greedy_text_repeats(model: LanguageModel) -> None:
    texts = {
        run_to_end(model.stream(MESSAGES, Sampling(max_tokens=20), tenant="acme", deadline_s=60), lambda _: None).text
        for _ in range(3)
    }
    assert len(texts) == 1


def test_closing_the_stream_cancels_and_the_next_request_is_served(model: LanguageModel) -> None:
    stream = model.stream(MESSAGES, Sampling(max_tokens=200), tenant="acme", deadline_s=60)
    next(stream)
    stream.close()
    assert run_to_end(model.stream(MESSAGES, Sampling(max_tokens=3), tenant="acme", deadline_s=60), lambda _: None).text


def test_no_time_left_is_said_at_once(model: LanguageModel) -> None:
    with pytest.raises(DeadlineExceeded):
        run_to_end(model.stream(MESSAGES, Sampling(max_tokens=200), tenant="acme", deadline_s=0.0), lambda _: None)


def test_counting_grows_with_the_text(model: LanguageModel) -> None:
    short = model.count_tokens(MESSAGES)
    long = model.count_tokens((*MESSAGES, ChatMessage(role="assistant", content="one two three four five " * 20)))
    assert 8 <= short < long
    assert long - short >= 100


def test_a_prompt_that_does_not_fit_is_refused(model: LanguageModel) -> None:
    huge = (ChatMessage(role="user", content="many words " * 2_000),)
    assert model.count_tokens(huge) > CONTEXT
    with pytest.raises(InputError):
        run_to_end(model.stream(huge, Sampling(max_tokens=8), tenant="acme", deadline_s=60), lambda _: None)


def test_a_server_that_is_not_there_is_a_clear_error() -> None:
    card = ModelCard(name="remote", sha256="", context_length=CONTEXT)
    nobody = OpenAIModel(card, "http://127.0.0.1:9/v1")
    with pytest.raises(DeskhandError, match="cannot be reached"):
        run_to_end(nobody.stream(MESSAGES, Sampling(max_tokens=8), tenant="acme", deadline_s=5), lambda _: None)
