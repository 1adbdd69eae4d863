"""POST /v1/drafts: JSON and server-sent events, scopes, limits."""

import json
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from fastapi.testclient import TestClient

from assistant.adapters.memory.models import ScriptedModel
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage
from assistant.wiring import App
from tests.api.conftest import MakeClient, copying
from tests.summaries import summary, written

pytestmark = pytest.mark.models
ASK = {"messages": [{"author": "customer", "text": "How do I descale the Fernhill Duo?"}]}
GOODWILL = {"messages": [{"author": "customer", "text": "What goodwill refund can agents give without approval?"}]}


@pytest.fixture
def small(app: App) -> Iterator[None]:
    yield
    app.models[Tier.SMALL] = ScriptedModel(copying)


def events(client: TestClient, body: object) -> list[tuple[str, dict[str, object]]]:
    with client.stream("POST", "/v1/drafts", json=body, headers={"Accept": "text/event-stream"}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(response.iter_text()).replace("\r\n", "\n").strip().split("\n\n")
    lines = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    return [(line["event"], json.loads(line["data"])) for line in lines]


def test_a_draft_comes_with_sentences_citations_and_quotes(client: MakeClient) -> None:
    reply = client().post("/v1/drafts", json=ASK).json()
    assert reply["decision"] == "answer"
    assert reply["tier"] == "small"
    assert reply["confidence"] is None
    (sentence,) = reply["draft"]["sentences"]
    assert sentence["citations"][0]["url"].startswith("file://")
    assert sentence["citations"][0]["quote"]
    assert reply["timings_ms"]["total"] > 0


def test_events_come_as_evidence_tokens_decision_done(client: MakeClient) -> None:
    told = events(client(), ASK)
    names = [name for name, _ in told]
    assert names[0] == "evidence"
    assert names[-2:] == ["decision", "done"]
    assert names.count("token") > 3
    assert "".join(str(data["text"]) for name, data in told if name == "token").endswith("[1].")
    assert told[-1][1]["decision"] == "answer"
    assert "similarity" not in json.dumps(told[0][1])


def test_internal_documents_need_the_scope_and_the_wish(client: MakeClient) -> None:
    refused = client().post("/v1/drafts?audience=internal", json=GOODWILL)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:deskhand:error:refused")
    staff = client(*KeyScope)
    public = staff.post("/v1/drafts", json=GOODWILL).text
    internal = staff.post("/v1/drafts?audience=internal", json=GOODWILL).text
    assert "goodwill-refund-limits" not in public
    assert '"audience":"internal"' in internal


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": [{"author": "robot", "text": "hi"}]}, "messages.0.author"),
        ({"messages": [{"author": "customer"}]}, "messages.0.text"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [], "language": "english please"}, "language"),
        ({"messages": [], "colour": "red"}, "colour"),
        ({"messages": [{"author": "customer", "text": "x" * 100_001}]}, "messages.0.text"),
    ],
)
def test_bad_tickets_are_told_which_field_is_wrong(client: MakeClient, body: object, field: str) -> None:
    response = client().post("/v1/drafts", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["errors"][0]["field"] == field
    assert problem["fix"]
    assert "x" * 100 not in response.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"messages": [{"author": "customer", "text": "\\ud800"}]}']
)
def test_bodies_that_are_not_tickets_are_refused_and_not_a_crash(client: MakeClient, body: bytes) -> None:
    response = client().post("/v1/drafts", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.json()["type"] == "urn:deskhand:error:invalid_input"


def test_a_ticket_without_a_question_is_handed_off(client: MakeClient) -> None:
    reply = client().post("/v1/drafts", json={"messages": []}).json()
    assert reply["handoff"]["reason"] == "no_question"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: MakeClient, app: App) -> None:
    response = client().post("/v1/drafts", content=b" " * (app.settings.max_body_bytes + 1))
    assert response.status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000_000

    assert client().post("/v1/drafts", content=chunks()).status_code == 413


@pytest.mark.usefixtures("small")
def test_a_full_queue_refuses_at_once_with_retry_after(client: MakeClient, app: App) -> None:
    release = threading.Event()

    def slow(messages: Sequence[ChatMessage]) -> str:
        release.wait(30)
        return copying(messages)

    app.models[Tier.SMALL] = ScriptedModel(slow)
    caller = client()
    busy = [threading.Thread(target=lambda: caller.post("/v1/drafts", json=ASK)) for _ in range(2)]
    for thread in busy:
        thread.start()
    service = caller.app.state.service  # type: ignore[attr-defined]
    while service.admission.in_flight < 2:
        time.sleep(0.01)
    for accept in ("application/json", "text/event-stream"):
        refused = caller.post("/v1/drafts", json=ASK, headers={"Accept": accept})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["type"] == "urn:deskhand:error:overloaded"
    assert caller.get("/healthz").status_code == 200
    release.set()
    for thread in busy:
        thread.join()
    assert service.admission.in_flight == 0
    assert caller.post("/v1/drafts", json=ASK).status_code == 200


@pytest.mark.usefixtures("small")
def test_a_model_that_is_down_ends_with_a_human(client: MakeClient, app: App) -> None:
    def dead(_: Sequence[ChatMessage]) -> str:
        raise ModelUnavailable("the model process ended with code -9")

    app.models[Tier.SMALL] = ScriptedModel(dead)
    reply = client().post("/v1/drafts", json=ASK).json()
    assert (reply["decision"], reply["handoff"]["reason"]) == ("handoff", "model_unavailable")
    assert events(client(), ASK)[-1][1]["decision"] == "handoff"


@pytest.mark.usefixtures("small")
def test_a_bug_in_the_middle_of_a_stream_is_an_error_event_and_frees_its_place(client: MakeClient, app: App) -> None:
    def broken(_: Sequence[ChatMessage]) -> str:
        raise RuntimeError("secret text of a ticket")

    app.models[Tier.SMALL] = ScriptedModel(broken)
    told = events(client(), ASK)
    assert told[-1][0] == "error"
    assert "secret" not in json.dumps(told)
    response = client().post("/v1/drafts", json=ASK)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert client().app.state.service.admission.in_flight == 0  # type: ignore[attr-defined]


@pytest.mark.usefixtures("small")
def test_a_summary_says_what_the_messages_say(client: MakeClient, app: App) -> None:
    request, invented = "The customer asks how to descale the Duo.", "The agent refunded 40 dollars."
    app.models[Tier.SMALL] = ScriptedModel(lambda _: written(request, answers=[invented]))
    expected = summary(request).model_copy(update={"unsupported": 1})
    assert client().post("/v1/summaries", json=ASK).json() == expected.model_dump(mode="json")
