"""Learning over REST: training rows streamed, gaps looked for, proposed articles approved into the index."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Ticket
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.runs import Feedback
from assistant.pipeline import answer
from assistant.wiring import App
from tests.api.conftest import MakeClient
from tests.learning.tickets import ENGRAVING, GIFT_CARDS, Written, keep
from workers.tasks import Workshop, run_job

pytestmark = pytest.mark.models
numbers: Iterator[int] = iter(range(1_000))


@pytest.fixture
def tenant(app: App) -> str:
    """A tenant of its own for each test, with tickets that nothing answers."""
    name = f"shop-{next(numbers)}"
    keep((*GIFT_CARDS, *ENGRAVING), app.desk, Scope(tenant=name), app.runs)
    return name


def look(caller: TestClient) -> dict[str, dict[str, object]]:
    """Looks for gaps; the proposals by a word of their title."""
    found = caller.post("/v1/gaps")
    assert found.status_code == 200, found.text
    titles = {"gift": "gift", "engrav": "engraving"}
    return {
        name: proposal
        for proposal in found.json()["proposals"]
        for word, name in titles.items()
        if word in proposal["article"]["title"].lower()
    }


def test_an_approved_article_is_ingested_and_answers_the_question(
    app: App, client: MakeClient, shop: Workshop, tenant: str
) -> None:
    caller = client(tenant=tenant)
    proposal = look(caller)["gift"]
    assert caller.get(f"/v1/gaps/{proposal['id']}").json() == proposal
    approved = caller.post(f"/v1/gaps/{proposal['id']}/approve", json={"audience": "public", "title": "Gift cards"})
    assert approved.status_code == 202, approved.text
    assert run_job(approved.json()["job"]["id"], shop)
    (first, *_) = caller.get("/v1/search?q=How long is a gift card valid?").json()["passages"]
    assert first["title"] == "Gift cards"
    assert "three years" in first["text"]
    again = caller.post(f"/v1/gaps/{proposal['id']}/approve", json={"audience": "public"})
    assert again.status_code == 422
    states = {item["id"]: item["state"] for item in caller.get("/v1/gaps").json()["proposals"]}
    assert states[proposal["id"]] == "approved"


def test_an_article_is_internal_unless_one_says_otherwise_and_then_needs_that_scope(
    client: MakeClient, shop: Workshop, tenant: str
) -> None:
    plain = client(KeyScope.DOCUMENTS, tenant=tenant)
    proposal = look(plain)["gift"]
    refused = plain.post(f"/v1/gaps/{proposal['id']}/approve", json={})
    assert refused.status_code == 403
    inside = client(KeyScope.DOCUMENTS, KeyScope.INTERNAL, tenant=tenant)
    done = inside.post(f"/v1/gaps/{proposal['id']}/approve", json={})
    assert done.status_code == 202, done.text
    assert run_job(done.json()["job"]["id"], shop)
    seen = client(KeyScope.SEARCH, tenant=tenant).get("/v1/search?q=gift card").json()["passages"]
    assert seen == []


def test_a_gap_without_answers_needs_a_person_s_text(client: MakeClient, tenant: str) -> None:
    caller = client(tenant=tenant)
    proposal = look(caller)["engraving"]
    empty = caller.post(f"/v1/gaps/{proposal['id']}/approve", json={"audience": "public"})
    assert empty.status_code == 422
    assert "no text" in empty.text
    text = {"audience": "public", "text": "We do not engrave."}
    assert caller.post(f"/v1/gaps/{proposal['id']}/approve", json=text).status_code == 202


def test_a_rejected_gap_says_why_and_is_found_by_its_state(client: MakeClient, tenant: str) -> None:
    caller = client(tenant=tenant)
    proposal = look(caller)["engraving"]
    assert caller.post(f"/v1/gaps/{proposal['id']}/reject", json={"why": ""}).status_code == 422
    done = caller.post(f"/v1/gaps/{proposal['id']}/reject", json={"why": "We stopped."})
    assert (done.json()["state"], done.json()["why"]) == ("rejected", "We stopped.")
    assert look(caller)["engraving"]["state"] == "rejected"
    (found,) = caller.get("/v1/gaps?state=rejected").json()["proposals"]
    assert found["id"] == proposal["id"]


def test_gaps_are_their_tenant_s_and_need_the_scope_documents(client: MakeClient, tenant: str) -> None:
    proposal = look(client(tenant=tenant))["gift"]
    stranger = client(tenant="somebody-else")
    assert stranger.get("/v1/gaps").json() == {"proposals": []}
    for method, path in (("GET", ""), ("POST", "/approve"), ("POST", "/reject")):
        body = {"why": "x"} if path == "/reject" else {"audience": "public"} if path else None
        assert stranger.request(method, f"/v1/gaps/{proposal['id']}{path}", json=body).status_code == 404
    assert client(KeyScope.SEARCH, tenant=tenant).get("/v1/gaps").status_code == 403
    assert client(keyless=True).post("/v1/gaps").status_code == 401


def test_the_nearest_internal_document_is_not_told_to_a_key_that_may_not_read_it(app: App, client: MakeClient) -> None:
    asked = ["What is the limit for a goodwill refund?", "How high is the goodwill refund limit for agents?"]
    keep([Written(text) for text in asked], app.desk, Scope(tenant="default"), app.runs)
    client(KeyScope.DOCUMENTS).post("/v1/gaps")
    hidden = client(KeyScope.DOCUMENTS).get("/v1/gaps").json()["proposals"]
    shown = client(KeyScope.DOCUMENTS, KeyScope.INTERNAL).get("/v1/gaps").json()["proposals"]
    assert any(item["gap"]["nearest"] and item["gap"]["nearest"]["audience"] == "internal" for item in shown)
    assert not any(item["gap"]["nearest"] and item["gap"]["nearest"]["audience"] == "internal" for item in hidden)


def test_training_rows_are_streamed_and_internal_ones_only_with_that_scope(app: App, client: MakeClient) -> None:
    public = Scope(tenant="default")
    for text, scope in (
        ("How do I descale the Fernhill Duo with hard water?", public),
        (
            "What are the limits for a goodwill refund per customer?",
            public.model_copy(update={"audiences": frozenset(Audience)}),
        ),
    ):
        run = answer(Ticket.from_text(text), scope, app.desk)
        assert run.attempts, run.decision
        app.runs.record(run)
        app.runs.add_feedback("default", Feedback(run_id=run.id, verdict="sent", sent_text="Mail tom@example.org."))
    sent = client().get("/v1/feedback/export?format=chat&verdict=sent")
    assert sent.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in sent.text.splitlines()]
    assert {row["messages"][-1]["content"] for row in rows} == {"Mail [email]."}
    inside = client(*KeyScope).get("/v1/feedback/export?audience=internal").text.splitlines()
    assert len(inside) > len(rows)
    assert client(tenant="somebody-else").get("/v1/feedback/export").text == ""


@pytest.mark.parametrize(
    ("scopes", "query", "status"),
    [
        ((KeyScope.FEEDBACK,), "", 403),
        ((KeyScope.RUNS,), "", 403),
        ((KeyScope.RUNS, KeyScope.FEEDBACK), "", 200),
        ((KeyScope.RUNS, KeyScope.FEEDBACK), "?audience=internal", 403),
        ((KeyScope.RUNS, KeyScope.FEEDBACK), "?verdict=liked", 422),
        ((KeyScope.RUNS, KeyScope.FEEDBACK), "?since=yesterday", 422),
    ],
)
def test_the_export_needs_both_scopes(
    client: MakeClient, scopes: tuple[KeyScope, ...], query: str, status: int
) -> None:
    assert client(*scopes).get(f"/v1/feedback/export{query}").status_code == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("approve", '{"title": "\\ud800"}'),
        ("approve", '{"text": "\\ud800"}'),
        ("approve", '{"audience": "everyone"}'),
        ("approve", '{"title": 3}'),
        ("approve", '{"note": "x"}'),
        ("reject", "{}"),
        ("reject", '{"why": "\\ud800"}'),
        ("reject", "["),
    ],
)
def test_odd_decisions_are_refused_and_change_nothing(client: MakeClient, tenant: str, path: str, body: str) -> None:
    caller = client(*KeyScope, tenant=tenant)
    proposal = look(caller)["gift"]
    sent = caller.post(f"/v1/gaps/{proposal['id']}/{path}", content=body, headers={"Content-Type": "application/json"})
    assert sent.status_code in {400, 422}, sent.text
    assert caller.get(f"/v1/gaps/{proposal['id']}").json()["state"] == "proposed"
