"""Chat completions as OpenAI's clients ask for them: what reaches the model, and what comes back."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from assistant.adapters.memory.models import ScriptedModel
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, Token
from assistant.wiring import App
from tests.api.completions.conftest import ANSWER, ASK, QUESTION, MakeCaller, chunks
from tests.api.completions.watched import WatchedModel


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
