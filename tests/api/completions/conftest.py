"""A service whose models remember what they were asked; it needs no model and no documents."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.wiring import App
from tests.api.completions.watched import WatchedModel

ANSWER = "Hold the Clean button for five seconds, then pour in the descaler."
QUESTION = {"role": "user", "content": "How do I descale the Fernhill Duo?"}
ASK: dict[str, Any] = {"model": "small", "messages": [QUESTION]}
MakeCaller = Callable[..., TestClient]


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("completions")
    app = App(Settings(data_dir=folder, small_model="", large_model="", max_waiting=1, max_body_bytes=2_000_000))
    app.models[Tier.SMALL] = WatchedModel(lambda _: ANSWER, name="fernhill-0.5b")
    app.models[Tier.LARGE] = WatchedModel(lambda _: "From the large one.", name="fernhill-1.5b")
    yield app
    app.close()


@pytest.fixture
def small(app: App) -> WatchedModel:
    model = app.models[Tier.SMALL]
    assert isinstance(model, WatchedModel)
    return model


@pytest.fixture
def call(app: App) -> MakeCaller:
    """Makes callers whose key has the given scopes."""

    def make(*scopes: KeyScope, tenant: str = "default") -> TestClient:
        _, secret = app.keys.create(tenant, "program", scopes or [KeyScope.MODELS], timedelta(hours=1))
        client = TestClient(create_app(app), raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    return make


def chunks(client: TestClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream; the last must say that it is done, and is left out."""
    response = client.post("/v1/chat/completions", json=body | {"stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, last = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert last == "[DONE]"
    return [json.loads(event) for event in events]


def refused(client: TestClient, body: object) -> dict[str, Any]:
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return error
