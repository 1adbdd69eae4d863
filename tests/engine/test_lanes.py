"""Bulk work stands aside: what interactive and bulk requests write beside each other is what they write alone."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.adapters.memory.models import HashingEmbedder
from assistant.engine.guest import HostedEmbedder, HostedModels, find_host
from assistant.engine.host import ModelHost, socket_path
from assistant.engine.lane import ComputeLane
from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.kernel.errors import Cancelled, ConfigurationError, InputError, ModelUnavailable
from assistant.kernel.generation import ChatMessage, ModelCard, Sampling, Token, run_to_end
from assistant.models.catalogue import CatalogueModel

pytestmark = pytest.mark.models
NAME = "smollm2-135m-instruct-q4_1"
CARD = ModelCard(name=NAME, sha256="", context_length=1024)
LONG = (ChatMessage(role="user", content="Tell a long story about a lighthouse and its keeper."),)
SHORT = (ChatMessage(role="user", content="Which colour has the sky?"),)
GREEDY = Sampling(max_tokens=120)


@pytest.fixture(scope="module")
def process(model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Iterator[ModelProcess]:
    _, path = model_file(NAME)
    file = ModelFile(name=NAME, path=str(path), context_length=1024)
    made = ModelProcess(ChildSettings(models=(file,), threads=2))
    yield made
    made.close()


def text(
    model: LocalModel, messages: tuple[ChatMessage, ...], on_token: Callable[[Token], None] = lambda _: None
) -> str:
    return run_to_end(model.stream(messages, GREEDY, tenant="acme", deadline_s=120), on_token).text


def test_a_bulk_request_in_the_middle_of_writing_lets_others_finish_first(process: ModelProcess) -> None:
    interactive, bulk = LocalModel(CARD, process), LocalModel(CARD, process, bulk=True)
    alone = text(interactive, LONG), text(interactive, SHORT)
    order: list[str] = []
    begun = threading.Event()

    def on_bulk_token(_: Token) -> None:
        order.append("bulk")
        begun.set()

    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(text(bulk, LONG, on_bulk_token)))
    thread.start()
    assert begun.wait(60)
    beside = text(interactive, SHORT, lambda _: order.append("interactive"))
    thread.join()
    assert (told[0], beside) == alone
    first, last = order.index("interactive"), len(order) - 1 - order[::-1].index("interactive")
    between = order[first : last + 1].count("bulk")
    assert between <= 3, "bulk tokens that were on their way may still arrive, no more"
    assert "bulk" in order[last:]


def test_bulk_requests_wait_behind_interactive_ones_that_came_later(process: ModelProcess) -> None:
    interactive, bulk = LocalModel(CARD, process), LocalModel(CARD, process, bulk=True)
    done: list[str] = []
    begun = threading.Event()

    def work(name: str, model: LocalModel, messages: tuple[ChatMessage, ...]) -> None:
        text(model, messages, lambda _: begun.set())
        done.append(name)

    threads = [threading.Thread(target=work, args=(f"bulk {n}", bulk, LONG)) for n in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    work("interactive", interactive, SHORT)
    for thread in threads:
        thread.join()
    assert done[0] == "interactive"


def guest_calls() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "guest-call"]


def until_no_guest_calls() -> None:
    end = time.monotonic() + 30
    while guest_calls():
        assert time.monotonic() < end, "the host still waits for a request whose guest has gone"
        time.sleep(0.02)


@pytest.fixture
def host(process: ModelProcess, tmp_path: Path) -> Iterator[Path]:
    path = socket_path(tmp_path / "data")
    serving = ModelHost(path, process, HashingEmbedder(), ComputeLane())
    serving.start()
    yield path
    serving.close()


def test_a_guest_writes_and_counts_what_the_host_would(process: ModelProcess, host: Path) -> None:
    own, hosted = LocalModel(CARD, process), LocalModel(CARD, HostedModels(host))
    assert text(hosted, LONG) == text(own, LONG)
    assert hosted.count_tokens(LONG) == own.count_tokens(LONG)


def test_a_guest_is_told_of_a_prompt_that_does_not_fit(host: Path) -> None:
    hosted = LocalModel(CARD, HostedModels(host))
    with pytest.raises(InputError, match="exceed"):
        text(hosted, (ChatMessage(role="user", content="lighthouse " * 2_000),))


def test_a_guest_embeds_what_the_host_would(host: Path) -> None:
    own = HashingEmbedder()
    hosted = HostedEmbedder(HostedModels(host), own)
    texts = [f"article {number} about descaling" for number in range(150)]
    assert np.array_equal(hosted.embed(texts), own.embed(texts))
    assert hosted.embed([]).shape == (0, own.identity.dimension)


def test_a_guest_that_leaves_cancels_what_it_asked(process: ModelProcess, host: Path) -> None:
    hosted = LocalModel(CARD, HostedModels(host))
    stream = hosted.stream(LONG, GREEDY, tenant="acme", deadline_s=120)
    next(stream)
    assert guest_calls()
    stream.close()
    until_no_guest_calls()
    assert text(LocalModel(CARD, process), SHORT)


def test_without_a_host_a_guest_is_told_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        text(LocalModel(CARD, HostedModels(tmp_path / "none.sock")), SHORT)


def test_a_guest_connects_again_when_the_host_was_restarted(process: ModelProcess, tmp_path: Path) -> None:
    path = socket_path(tmp_path / "data")
    hosted = LocalModel(CARD, HostedModels(path))
    for _ in range(2):
        serving = ModelHost(path, process, HashingEmbedder(), ComputeLane())
        serving.start()
        assert text(hosted, SHORT)
        serving.close()


def test_a_host_is_used_only_if_it_has_what_is_wanted(process: ModelProcess, host: Path) -> None:
    embedder = HashingEmbedder().identity.sha256
    has = process.settings.models
    assert find_host(host, has, embedder) is not None
    assert find_host(host, has, "another embedder") is None
    assert find_host(host, [has[0].model_copy(update={"context_length": 512})], embedder) is None
    assert find_host(host.with_name("none.sock"), has, embedder) is None


def test_the_socket_is_its_owner_s_alone(host: Path) -> None:
    assert host.stat().st_mode & 0o077 == 0
    assert host.parent.stat().st_mode & 0o077 == 0


def test_a_long_data_folder_gets_a_short_socket_path(tmp_path: Path) -> None:
    assert len(str(socket_path(tmp_path / ("deep/" * 40)))) < 100


def test_a_request_is_cancelled_by_raising_in_its_listener(host: Path) -> None:
    def leave(_: Token) -> None:
        raise Cancelled("the client has gone")

    with pytest.raises(Cancelled):
        text(LocalModel(CARD, HostedModels(host)), LONG, leave)
    until_no_guest_calls()


def test_a_folder_that_others_may_write_is_no_place_for_a_socket(process: ModelProcess, tmp_path: Path) -> None:
    path = socket_path(tmp_path / "data")
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="not this user's alone"):
        ModelHost(path, process, HashingEmbedder(), ComputeLane()).start()
    path.touch()
    assert find_host(path, process.settings.models, HashingEmbedder().identity.sha256) is None
