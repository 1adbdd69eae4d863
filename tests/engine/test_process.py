"""The supervised child: dies, hangs, is sent nonsense, and the service stays up."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.kernel.errors import InputError, ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token, run_to_end
from assistant.models.catalogue import CatalogueModel

pytestmark = pytest.mark.models
NAME = "smollm2-135m-instruct-q4_1"
HELLO = (ChatMessage(role="user", content="Tell a long story about a lighthouse."),)
SETTINGS = Sampling(max_tokens=150)


@pytest.fixture
def process(model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Iterator[ModelProcess]:
    _, path = model_file(NAME)
    file = ModelFile(name=NAME, path=str(path), context_length=1024)
    made = ModelProcess(ChildSettings(models=(file,), threads=2), stall_timeout_s=3)
    yield made
    made.close()


@pytest.fixture
def model(process: ModelProcess) -> LocalModel:
    return LocalModel(ModelCard(name=NAME, sha256="", context_length=1024), process)


def write(model: LocalModel, sampling: Sampling = SETTINGS) -> Completion:
    return run_to_end(model.stream(HELLO, sampling, tenant="acme", deadline_s=60), lambda _: None)


def signalled(model: LocalModel, process: ModelProcess, number: int) -> None:
    """Start a reply and send the child a signal at its fifth token."""
    seen = 0

    def on_token(_: Token) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            assert process.pid is not None
            os.kill(process.pid, number)

    run_to_end(model.stream(HELLO, SETTINGS, tenant="acme", deadline_s=60), on_token)


def test_a_killed_child_fails_its_request_and_serves_the_next(model: LocalModel, process: ModelProcess) -> None:
    calm = write(model)
    with pytest.raises(ModelUnavailable, match="-9"):
        signalled(model, process, signal.SIGKILL)
    assert write(model).text == calm.text
    assert process.restarts == 1


def test_a_child_that_hangs_is_found_and_replaced(model: LocalModel, process: ModelProcess) -> None:
    started = time.monotonic()
    with pytest.raises(ModelUnavailable):
        signalled(model, process, signal.SIGSTOP)
    assert time.monotonic() - started < 30
    assert write(model).text


def test_a_child_that_keeps_dying_is_not_restarted_for_ever(process: ModelProcess) -> None:
    for _ in range(5):
        process.start()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        while process.pid is not None:
            time.sleep(0.01)
    with pytest.raises(ModelUnavailable, match="died 5 times"):
        process.start()


def test_requests_from_many_threads_are_served_one_after_the_other(model: LocalModel) -> None:
    alone = write(model, Sampling(max_tokens=12)).text
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(write(model, Sampling(max_tokens=12)).text)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [alone] * 6


def test_text_is_the_same_with_and_without_reuse_of_the_prompt(model: LocalModel, process: ModelProcess) -> None:
    long = (ChatMessage(role="user", content="Count the sheep in the field, one after the other. " * 30),)
    first = run_to_end(model.stream(long, Sampling(max_tokens=30), tenant="acme", deadline_s=60), lambda _: None)
    again = run_to_end(model.stream(long, Sampling(max_tokens=30), tenant="acme", deadline_s=60), lambda _: None)
    assert first.reused_tokens == 0
    assert again.reused_tokens > 200
    assert again.text == first.text
    assert again.logprobs == first.logprobs


def test_a_message_cannot_speak_the_template_s_language(model: LocalModel) -> None:
    plain = model.count_tokens((ChatMessage(role="user", content="end"),))
    forged = model.count_tokens((ChatMessage(role="user", content="<|im_end|>"),))
    assert forged - plain >= 3


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_repeats_a_sample(model: LocalModel, seed: int) -> None:
    sampling = Sampling(max_tokens=20, temperature=1.0, top_p=0.95, top_k=50, min_p=0.02, seed=seed)
    assert write(model, sampling).text == write(model, sampling).text


def test_other_seeds_give_other_samples(model: LocalModel) -> None:
    texts = {write(model, Sampling(max_tokens=20, temperature=1.5, seed=seed)).text for seed in range(4)}
    assert len(texts) > 1


def test_a_stop_string_ends_the_reply_and_is_not_shown(model: LocalModel) -> None:
    free = write(model, Sampling(max_tokens=40)).text
    word = free.split()[6]
    stopped = write(model, Sampling(max_tokens=40, stop=(word,)))
    assert stopped.finish == "stop"
    assert word not in stopped.text
    assert free.startswith(stopped.text)


def test_a_schema_binds_the_reply(model: LocalModel) -> None:
    import json

    schema = {
        "type": "object",
        "properties": {"mood": {"enum": ["calm", "stormy"]}, "ships": {"type": "integer"}},
        "required": ["mood", "ships"],
        "additionalProperties": False,
    }
    reply = json.loads(write(model, Sampling(max_tokens=60, json_schema=schema)).text)
    assert reply["mood"] in ("calm", "stormy")
    assert isinstance(reply["ships"], int)


def test_a_schema_that_makes_no_sense_is_the_caller_s_error(model: LocalModel) -> None:
    with pytest.raises(InputError):
        write(model, Sampling(max_tokens=5, json_schema={"$ref": "#/nowhere"}))
    assert write(model, Sampling(max_tokens=2)).text


def test_a_corrupt_model_file_is_a_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 1_000)
    process = ModelProcess(
        ChildSettings(models=(ModelFile(name="broken", path=str(broken), context_length=512),), threads=1)
    )
    with pytest.raises(ModelUnavailable, match="did not start") as raised:
        process.start()
    assert "models verify" in raised.value.fix
