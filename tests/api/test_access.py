"""Keys: what is refused, with which status, and that a tenant stays alone."""

import pytest

from assistant.kernel.access import KeyScope
from assistant.wiring import App
from tests.api.conftest import MakeClient

pytestmark = pytest.mark.models
ASK = {"messages": [{"author": "customer", "text": "How do I descale the Fernhill Duo?"}]}
CALLS = [
    ("POST", "/v1/drafts", KeyScope.DRAFTS),
    ("POST", "/v1/summaries", KeyScope.SUMMARIES),
    ("GET", "/v1/search?q=descale", KeyScope.SEARCH),
    ("GET", "/v1/documents", KeyScope.DOCUMENTS),
    ("DELETE", "/v1/documents/x", KeyScope.DOCUMENTS),
    ("GET", "/v1/jobs/x", KeyScope.JOBS),
    ("POST", "/v1/summaries/batches", KeyScope.BATCHES),
    ("GET", "/v1/summaries/batches/x", KeyScope.BATCHES),
    ("GET", "/v1/summaries/batches/x/results", KeyScope.BATCHES),
    ("GET", "/v1/jobs", KeyScope.JOBS),
    ("POST", "/v1/jobs/x/retry", KeyScope.JOBS),
    ("DELETE", "/v1/jobs", KeyScope.JOBS),
    ("POST", "/v1/feedback", KeyScope.FEEDBACK),
    ("GET", "/v1/runs/x", KeyScope.RUNS),
]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_without_a_key_or_its_scope_nothing_is_served(
    client: MakeClient, method: str, path: str, scope: KeyScope
) -> None:
    keyless = client(keyless=True).request(method, path, json=ASK)
    assert keyless.status_code == 401
    assert keyless.headers["WWW-Authenticate"] == "Bearer"
    unfit = KeyScope.FEEDBACK if scope is not KeyScope.FEEDBACK else KeyScope.RUNS
    other = client(unfit).request(method, path, json=ASK)
    assert other.status_code == 403
    assert scope.value in other.json()["detail"]


@pytest.mark.parametrize("value", ["Bearer dh_wrong", "Bearer ", "Basic abc", "dh_x", "Bearer " + "x" * 5_000])
def test_a_wrong_key_is_refused_and_never_echoed(client: MakeClient, value: str) -> None:
    response = client(keyless=True).get("/v1/search?q=x", headers={"Authorization": value})
    assert response.status_code == 401
    assert "dh_wrong" not in response.text


def test_a_revoked_key_is_refused_from_the_next_request(client: MakeClient, app: App) -> None:
    caller = client()
    assert caller.get("/v1/search?q=descale").status_code == 200
    secret = str(caller.headers["Authorization"]).removeprefix("Bearer ")
    key = app.keys.find(secret)
    assert key is not None
    app.keys.revoke(key.id)
    assert caller.get("/v1/search?q=descale").status_code == 401


def test_another_tenant_finds_no_passage_document_or_run_of_ours(client: MakeClient) -> None:
    run_id = client().post("/v1/drafts", json=ASK).json()["run_id"]
    document_id = client().get("/v1/documents").json()["documents"][0]["id"]
    stranger = client(tenant="stranger")
    assert stranger.get("/v1/search?q=descale").json() == {"passages": []}
    assert stranger.get("/v1/documents").json()["documents"] == []
    assert stranger.get(f"/v1/runs/{run_id}").status_code == 404
    assert stranger.delete(f"/v1/documents/{document_id}").status_code == 404
    assert stranger.post("/v1/feedback", json={"run_id": run_id, "verdict": "up"}).status_code == 404


def test_internal_documents_are_not_searched_without_the_scope(client: MakeClient) -> None:
    assert client().get("/v1/search?q=goodwill&audience=internal").status_code == 403
    found = client(*KeyScope).get("/v1/search?q=goodwill refund&audience=internal").json()["passages"]
    assert "internal" in {passage["audience"] for passage in found}


def test_a_run_that_read_internal_documents_is_not_shown_without_the_scope(client: MakeClient) -> None:
    asked = {"messages": [{"author": "customer", "text": "What goodwill refund can agents give without approval?"}]}
    run_id = client(*KeyScope).post("/v1/drafts?audience=internal", json=asked).json()["run_id"]
    refused = client().get(f"/v1/runs/{run_id}")
    assert refused.status_code == 403
    assert "goodwill" not in refused.text.lower()
    assert client(*KeyScope).get(f"/v1/runs/{run_id}").status_code == 200


def test_the_beginning_of_an_id_tells_nothing_over_rest(client: MakeClient) -> None:
    caller = client()
    run_id = caller.post("/v1/drafts", json=ASK).json()["run_id"]
    assert caller.get(f"/v1/runs/{run_id[:6]}").status_code == 404


def test_internal_documents_are_neither_listed_nor_deleted_nor_added_without_the_scope(client: MakeClient) -> None:
    staff = client(*KeyScope).get("/v1/documents?limit=500").json()["documents"]
    internal = [item for item in staff if item["audience"] == "internal"]
    assert internal
    caller = client()
    assert not [
        item for item in caller.get("/v1/documents?limit=500").json()["documents"] if item["audience"] == "internal"
    ]
    assert caller.delete(f"/v1/documents/{internal[0]['id']}").status_code == 404
    sent = caller.post("/v1/documents", files={"file": ("x.md", b"# X\n\nText.")}, data={"audience": "internal"})
    assert sent.status_code == 403
