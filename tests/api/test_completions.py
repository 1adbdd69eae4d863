"""POST /v1/chat/completions and GET /v1/models: what OpenAI's clients may ask, and what they are told."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assistant.adapters.memory.models import ScriptedModel
from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.access import AGENT_SCOPES, USUAL_SCOPES, KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, Token
from assistant.wiring import App
from tests.api.watched import WatchedModel

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


def test_a_completion_has_text_reason_and_cost(call: MakeCaller) -> None:
    reply = call().post("/v1/chat/completions", json=ASK).json()
    assert (reply["object"], reply["model"]) == ("chat.completion", "fernhill-0.5b")
    (choice,) = reply["choices"]
    assert choice["message"]["content"] == ANSWER
    assert (choice["finish_reason"], choice["logprobs"]) == ("stop", None)
    usage = reply["usage"]
    assert usage["completion_tokens"] == len(ANSWER.split())
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 3}


def test_a_stream_is_the_same_in_chunks(call: MakeCaller) -> None:
    told = chunks(call(), ASK)
    assert {chunk["object"] for chunk in told} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in told}) == 1
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in told) == ANSWER
    assert [chunk["choices"][0]["finish_reason"] for chunk in told][-2:] == [None, "stop"]
    assert not any("usage" in chunk for chunk in told)


def test_a_stream_tells_its_cost_when_asked(call: MakeCaller) -> None:
    told = chunks(call(), ASK | {"stream_options": {"include_usage": True}})
    assert told[-1]["choices"] == []
    assert told[-1]["usage"]["completion_tokens"] == len(ANSWER.split())
    assert {chunk["usage"] for chunk in told[:-1]} == {None}


def test_log_probabilities_come_when_asked(call: MakeCaller) -> None:
    body = ASK | {"logprobs": True}
    whole = call().post("/v1/chat/completions", json=body).json()["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in whole) == ANSWER
    assert {token["logprob"] for token in whole} == {0.0}
    assert bytes(whole[0]["bytes"]).decode() == whole[0]["token"]
    parts = [chunk["choices"][0]["logprobs"] for chunk in chunks(call(), body)]
    assert [token for part in parts if part for token in part["content"]] == whole


def test_tokens_without_text_of_their_own_count_with_the_next(call: MakeCaller, app: App) -> None:
    class Umlauts(ScriptedModel):
        def stream(self, *args: Any, **kwargs: Any) -> Any:
            yield Token(text="", logprob=-1.0)
            yield Token(text="ü", logprob=-0.5)
            yield Token(text="", logprob=0.0)
            return Completion(text="ü", finish="stop", prompt_tokens=9, completion_tokens=2, logprobs=(-1.0, -0.5))

    app.models[Tier.SMALL] = Umlauts(lambda _: "")
    told = chunks(call(), ASK | {"logprobs": True})
    assert [chunk["choices"][0]["delta"].get("content") for chunk in told] == ["", "ü", None]
    (token,) = told[1]["choices"][0]["logprobs"]["content"]
    assert (token["token"], token["logprob"], token["bytes"]) == ("ü", -1.5, [195, 188])


@pytest.mark.parametrize("name", ["large", "fernhill-1.5b"])
def test_a_model_is_named_by_its_tier_or_its_own_name(call: MakeCaller, name: str) -> None:
    reply = call().post("/v1/chat/completions", json=ASK | {"model": name}).json()
    assert reply["choices"][0]["message"]["content"] == "From the large one."


def test_the_models_are_listed_by_every_name_they_answer_to(call: MakeCaller) -> None:
    listed = call().get("/v1/models").json()
    assert listed["object"] == "list"
    assert {entry["id"]: entry["root"] for entry in listed["data"]} == {
        "small": "fernhill-0.5b", "large": "fernhill-1.5b",
        "fernhill-0.5b": "fernhill-0.5b", "fernhill-1.5b": "fernhill-1.5b",
    }  # fmt: skip
    assert {entry["object"] for entry in listed["data"]} == {"model"}


def test_a_model_that_is_not_here_is_not_found(call: MakeCaller) -> None:
    response = call().post("/v1/chat/completions", json=ASK | {"model": "gpt-9"})
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "fernhill-0.5b" in error["message"]


def test_what_is_asked_reaches_the_model(call: MakeCaller, small: WatchedModel) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string", "maxLength": 80}}}
    body = {
        "model": "small", "max_tokens": 50, "temperature": 0.3, "top_p": 0.8, "top_k": 20, "min_p": 0.05, "seed": 11,
        "repeat_penalty": 1.1, "stop": ["\n\n", "Regards"], "user": "ines",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}},
        "messages": [{"role": "developer", "content": "Be brief."}, QUESTION],
    }  # fmt: skip
    assert call(tenant="fernhill").post("/v1/chat/completions", json=body).status_code == 200
    messages, sampling, tenant = small.asked[-1]
    assert tenant == "fernhill"
    assert [(message.role, message.content) for message in messages] == [
        ("system", "Be brief."), ("user", QUESTION["content"])
    ]  # fmt: skip
    assert sampling.json_schema == schema
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p, sampling.seed) == (50, 0.3, 0.8, 11)
    assert (sampling.top_k, sampling.min_p, sampling.repeat_penalty) == (20, 0.05, 1.1)
    assert sampling.stop == ("\n\n", "Regards")


def test_what_is_not_asked_is_as_openai_has_it(call: MakeCaller, small: WatchedModel) -> None:
    for _ in range(2):
        call().post("/v1/chat/completions", json=ASK)
    first, second = (sampling for _, sampling, _ in small.asked)
    assert (first.temperature, first.top_p, first.stop, first.json_schema) == (1.0, 1.0, (), None)
    assert first.seed != second.seed
    assert first.max_tokens == small.card.context_length - small.count_tokens(small.asked[0][0])


@pytest.mark.parametrize(
    ("given", "kept"), [({"max_completion_tokens": 3}, 3), ({"stop": "pour"}, ("pour",)), ({"top_k": -1}, 0)]
)
def test_other_ways_to_say_the_same(call: MakeCaller, small: WatchedModel, given: dict[str, Any], kept: object) -> None:
    assert call().post("/v1/chat/completions", json=ASK | given).status_code == 200
    (name,) = given
    assert getattr(small.asked[-1][1], name.replace("completion_", "")) == kept


def test_any_json_object_may_be_asked_for(call: MakeCaller, small: WatchedModel) -> None:
    call().post("/v1/chat/completions", json=ASK | {"response_format": {"type": "json_object"}})
    assert small.asked[-1][1].json_schema == {"type": "object"}


def test_a_reply_that_reaches_its_limit_says_so(call: MakeCaller) -> None:
    reply = call().post("/v1/chat/completions", json=ASK | {"max_tokens": 3}).json()
    assert reply["choices"][0]["finish_reason"] == "length"


def test_text_parts_are_joined_and_earlier_answers_taken_back_as_they_came(
    call: MakeCaller, small: WatchedModel
) -> None:
    parts = [{"type": "text", "text": "How do I "}, {"type": "text", "text": "descale it?"}]
    earlier: dict[str, Any] = {
        "role": "assistant",
        "content": "Hello.",
        "refusal": None,
        "tool_calls": None,
        "annotations": [],
    }
    body = ASK | {"messages": [{"role": "user", "content": parts, "name": "Ines"}, earlier, QUESTION]}
    assert call().post("/v1/chat/completions", json=body).status_code == 200
    assert [message.content for message in small.asked[-1][0]][:2] == ["How do I descale it?", "Hello."]


@pytest.mark.parametrize(
    "harmless",
    [
        {"n": 1}, {"tools": []}, {"tools": None}, {"tool_choice": "none"}, {"frequency_penalty": 0.0}, {"logit_bias": {}},
        {"metadata": {"a": "b"}}, {"store": True}, {"service_tier": "auto"}, {"temperature": None}, {"stop": None},
    ],
)  # fmt: skip
def test_fields_that_ask_for_nothing_are_ignored(call: MakeCaller, harmless: dict[str, Any]) -> None:
    assert call().post("/v1/chat/completions", json=ASK | harmless).status_code == 200


@pytest.mark.parametrize(
    "field",
    [
        {"n": 2}, {"tools": [{"type": "function"}]}, {"functions": [{"name": "f"}]}, {"audio": {"voice": "alloy"}},
        {"modalities": ["audio"]}, {"frequency_penalty": 0.5}, {"top_logprobs": 3}, {"logit_bias": {"1": 2}},
        {"reasoning_effort": "high"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_the_models_cannot_do_is_refused_by_name(call: MakeCaller, field: dict[str, Any]) -> None:
    error = refused(call(), ASK | field)
    assert [error["param"]] == list(field)
    assert error["code"] == "unsupported_parameter"
    assert "repeat_penalty" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "small"}, "messages"),
        ({"messages": [QUESTION]}, "model"),
        (ASK | {"messages": []}, "messages"),
        (ASK | {"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        (ASK | {"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        (ASK | {"messages": [{"role": "user", "content": "\ud800"}]}, "messages.0.content"),
        (ASK | {"messages": [QUESTION, QUESTION | {"tool_calls": [{"id": "1"}]}]}, "messages.1.tool_calls"),
        (ASK | {"temperature": 3}, "temperature"),
        (ASK | {"top_p": 0}, "top_p"),
        (ASK | {"max_tokens": 0}, "max_tokens"),
        (ASK | {"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        (ASK | {"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        (ASK | {"stop": [""]}, "stop.0"),
        (ASK | {"stream_options": {"include_usage": True}}, "stream_options"),
        (ASK | {"response_format": {"type": "xml"}}, "response_format.type"),
        (ASK | {"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (ASK | {"messages": [QUESTION | {"content": "word " * 150_000}] * 2}, "messages"),
        (ASK | {"stop": "\ud800"}, "stop.0"),
    ],
)
def test_what_is_wrong_is_named_in_openai_s_form(call: MakeCaller, body: dict[str, Any], param: str) -> None:
    client = call()
    response = client.post(
        "/v1/chat/completions", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert "word word" not in response.text


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_bodies_that_are_no_requests_are_refused_in_openai_s_form(call: MakeCaller, body: bytes) -> None:
    response = call().post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_a_part_that_is_not_text_is_named(call: MakeCaller) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "What is this?"}, image]
    error = refused(call(), ASK | {"messages": [{"role": "user", "content": parts}]})
    assert error["param"] == "messages.0.content.1"
    assert "image_url" in error["message"]
    assert "base64" not in error["message"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "maxItems": 1_000_000_000},
        {"type": "string", "pattern": "^a{2,90000}$"},
        {"properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"enum": ["x" * 60_000]},
        {"enum": ["\ud800"]},
        json.loads('{"items":' * 40 + "{}" + "}" * 40),
    ],
)
def test_a_schema_that_would_fill_the_memory_is_refused(call: MakeCaller, schema: dict[str, Any]) -> None:
    body = ASK | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
    response = call().post(
        "/v1/chat/completions", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format.json_schema.schema"


def test_usual_schemas_are_not_refused(call: MakeCaller) -> None:
    schema = {
        "type": "object",
        "$defs": {"day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}},
        "properties": {"pattern": {"$ref": "#/$defs/day"}, "maxItems": {"type": "integer"}, "year": {"const": 2026}},
    }
    body = ASK | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
    assert call().post("/v1/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_does_not_fit_is_refused_before_a_stream_begins(call: MakeCaller, *, stream: bool) -> None:
    body = ASK | {"messages": [QUESTION | {"content": "many words " * 4_000}], "stream": stream}
    error = refused(call(), body)
    assert (error["param"], error["code"]) == ("messages", "context_length_exceeded")


def test_a_body_that_is_too_large_is_refused_in_openai_s_form(call: MakeCaller, app: App) -> None:
    response = call().post("/v1/chat/completions", content=b" " * (app.settings.max_body_bytes + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models")])
def test_without_a_key_or_its_scope_no_model_is_served(call: MakeCaller, method: str, path: str) -> None:
    unfit = call(*(set(KeyScope) - {KeyScope.MODELS}))
    response = unfit.request(method, path, json=ASK)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "missing_scope"
    unfit.headers.pop("Authorization")
    response = unfit.request(method, path, json=ASK)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["error"]["code"] == "invalid_api_key"


def test_an_agent_s_sidebar_may_not_use_the_models() -> None:
    assert KeyScope.MODELS not in AGENT_SCOPES
    assert KeyScope.MODELS in USUAL_SCOPES


def test_an_error_in_the_middle_of_a_stream_is_its_last_event(call: MakeCaller, app: App) -> None:
    class Breaking(ScriptedModel):
        def stream(self, *args: Any, **kwargs: Any) -> Any:
            yield next(super().stream(*args, **kwargs))
            raise ModelUnavailable("the model process ended with code -9")

    app.models[Tier.SMALL] = Breaking(lambda _: ANSWER)
    client = call()
    lines = client.post("/v1/chat/completions", json=ASK | {"stream": True}).text.splitlines()
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert told[1]["choices"][0]["delta"]["content"] == "Hold"
    assert told[-1]["error"]["code"] == "model_unavailable"
    assert client.post("/v1/chat/completions", json=ASK).status_code == 503
    assert client.app.state.service.admission.in_flight == 0  # type: ignore[attr-defined]


def test_a_bug_tells_nothing_of_the_text_and_frees_its_place(call: MakeCaller, app: App) -> None:
    def broken(_: Sequence[ChatMessage]) -> str:
        raise RuntimeError("secret text of a prompt")

    app.models[Tier.SMALL] = ScriptedModel(broken)
    client = call()
    for stream in (False, True):
        response = client.post("/v1/chat/completions", json=ASK | {"stream": stream})
        assert response.status_code == 500
        assert response.json()["error"]["type"] == "server_error"
        assert "secret" not in response.text
    assert client.app.state.service.admission.in_flight == 0  # type: ignore[attr-defined]


def test_completions_wait_in_the_same_queue_as_drafts(call: MakeCaller, app: App) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def slow(_: Sequence[ChatMessage]) -> str:
        begun.release()
        assert release.wait(30)
        return ANSWER

    app.models[Tier.SMALL] = ScriptedModel(slow)
    client = call(KeyScope.MODELS, KeyScope.DRAFTS)
    busy = [threading.Thread(target=lambda: client.post("/v1/chat/completions", json=ASK)) for _ in range(2)]
    for thread in busy:
        thread.start()
        assert begun.acquire(timeout=30)
    full = client.post("/v1/chat/completions", json=ASK)
    assert (full.status_code, full.json()["error"]["code"]) == (503, "overloaded")
    assert int(full.headers["Retry-After"]) >= 1
    draft = client.post("/v1/drafts", json={"messages": [{"author": "customer", "text": "How do I descale it?"}]})
    assert draft.json()["type"] == "urn:deskhand:error:overloaded"
    release.set()
    for thread in busy:
        thread.join()
    assert client.post("/v1/chat/completions", json=ASK).status_code == 200
