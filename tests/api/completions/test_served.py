"""Our own adapter against our own chat completions, over real sockets: what goes in at one end comes out at the other."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
import uvicorn

from assistant.adapters.openai import OpenAIModel
from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError, InputError, ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token, run_to_end
from assistant.wiring import App
from tests.api.completions.watched import ENDLESS, WatchedModel

ANSWER = "Hold the Clean button for five seconds – then pour in the descaler."
MESSAGES = (
    ChatMessage(role="system", content="You answer briefly."),
    ChatMessage(role="user", content="How do I descale the Fernhill Duo?"),
)
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
WAIT_S = 30


class Served:
    """A service on a port of its own, and the model behind it, which says what a test wants."""

    def __init__(self, app: App) -> None:
        self.says = ANSWER
        self.model = WatchedModel(lambda _: self.says, name="fernhill-0.5b")
        app.models[Tier.SMALL] = self.model
        self.key = app.keys.create("fernhill", "program", [KeyScope.MODELS], timedelta(hours=1))[1]
        self.api = create_app(app)
        self.server = uvicorn.Server(
            uvicorn.Config(self.api, host="127.0.0.1", port=0, lifespan="off", log_config=None)
        )

    @property
    def port(self) -> int:
        port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return port

    def client(self, name: str = "small", key: str = "") -> OpenAIModel:
        card = ModelCard(name=name, sha256="", context_length=4096)
        return OpenAIModel(card, f"http://127.0.0.1:{self.port}/v1", key or self.key, retry_wait_s=0.01)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ExitStack() as end:
        app = App(Settings(data_dir=tmp_path_factory.mktemp("served"), small_model="", large_model=""))
        end.callback(app.close)
        served = Served(app)
        running = threading.Thread(target=served.server.run, daemon=True)
        running.start()
        while not served.server.started:
            assert running.is_alive(), "the server did not start"
        yield served
        served.server.should_exit = True
        running.join(WAIT_S)


def write(model: OpenAIModel, sampling: Sampling) -> tuple[Completion, list[Token]]:
    tokens: list[Token] = []
    completion = run_to_end(model.stream(MESSAGES, sampling, tenant="acme", deadline_s=WAIT_S), tokens.append)
    return completion, tokens


def test_text_reason_cost_and_probabilities_come_through(served: Served) -> None:
    completion, tokens = write(served.client(), Sampling(max_tokens=100))
    direct = run_to_end(
        served.model.stream(MESSAGES, Sampling(max_tokens=100), tenant="acme", deadline_s=WAIT_S), lambda _: None
    )
    assert completion == direct
    assert completion.reused_tokens == 3
    assert "".join(token.text for token in tokens) == ANSWER
    assert write(served.client(), Sampling(max_tokens=2))[0].finish == "length"


def test_all_of_the_sampling_reaches_the_model(served: Served) -> None:
    sampling = Sampling(
        max_tokens=60, temperature=0.4, top_p=0.9, top_k=25, min_p=0.02, repeat_penalty=1.15, seed=99,
        stop=("\n\n", "–"), json_schema=SCHEMA,
    )  # fmt: skip
    model = served.client()
    for _ in range(2):
        write(model, sampling)
    assert served.model.asked == [(MESSAGES, sampling, "fernhill")] * 2


def test_closing_the_stream_closes_the_one_behind_it(served: Served) -> None:
    served.says = ENDLESS
    stream = served.client().stream(MESSAGES, Sampling(max_tokens=100), tenant="acme", deadline_s=WAIT_S)
    assert next(stream).text == "and "
    assert not served.model.ended.is_set()
    stream.close()
    assert served.model.ended.wait(WAIT_S)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_cancels_what_it_asked_for(served: Served, *, stream: bool) -> None:
    served.says = ENDLESS
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Write on."}], "stream": stream})
    head = f"Authorization: Bearer {served.key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: deskhand\r\n{head}\r\n\r\n{body}".encode())
        assert served.model.begun.wait(WAIT_S)
        assert not served.model.ended.is_set()
    assert served.model.ended.wait(WAIT_S)
    served.says = ANSWER
    assert write(served.client(), Sampling(max_tokens=50))[0].text == ANSWER
    assert served.api.state.service.admission.in_flight == 0


def test_what_goes_wrong_is_the_same_kind_of_error_at_both_ends(served: Served) -> None:
    with pytest.raises(InputError, match="400"):
        write(served.client(), Sampling(max_tokens=5_000))
    with pytest.raises(ConfigurationError, match="404"):
        write(served.client("gpt-9"), Sampling(max_tokens=5))
    with pytest.raises(ConfigurationError, match="401"):
        write(served.client(key="dh_wrong"), Sampling(max_tokens=5))
    for _ in range(served.api.state.app.settings.max_waiting + 1):
        served.api.state.service.admission.enter()
    with pytest.raises(ModelUnavailable, match="503"):
        write(served.client(), Sampling(max_tokens=5))


def test_our_service_offers_no_tokenizer_and_tokens_are_estimated(served: Served) -> None:
    assert served.client().count_tokens(MESSAGES) > 20
