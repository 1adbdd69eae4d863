"""Chat completions that are refused: by name, in OpenAI's form, and before they cost anything."""

import json
from typing import Any

import pytest

from assistant.kernel.access import AGENT_SCOPES, USUAL_SCOPES, KeyScope
from assistant.wiring import App
from tests.api.completions.conftest import ASK, QUESTION, MakeCaller, refused


def test_a_model_that_is_not_here_is_not_found(call: MakeCaller) -> None:
    response = call().post("/v1/chat/completions", json=ASK | {"model": "gpt-9"})
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "fernhill-0.5b" in error["message"]


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
        {"type": "string", "pattern": "^(a{0,500}){0,500}$"},
        {"type": "string", "pattern": "^((a|b)(c|d)){0,500}$"},
        {"type": "string", "pattern": "^(x[*+]?(a+))*$"},
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
        "properties": {
            "pattern": {"$ref": "#/$defs/day"},
            "maxItems": {"type": "integer"},
            "year": {"const": 2026},
            "words": {"type": "string", "pattern": "^(?:[a-z+]( |, ))?([a-z] ){0,20}(ja|nein)?$"},
        },
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
