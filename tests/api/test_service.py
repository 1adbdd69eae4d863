"""Runs, feedback, health, metrics, documentation, and the schema against the service itself."""

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from assistant.api.app import create_app
from assistant.api.metrics import Metrics
from assistant.config import Settings
from assistant.wiring import App
from tests.api.conftest import MakeClient

pytestmark = pytest.mark.models
ASK = {
    "id": "T-7",
    "messages": [{"author": "customer", "text": "Mail me at a.b@example.com: how do I descale the Duo?"}],
}


def test_a_run_can_be_read_with_what_it_was_made_of_and_without_personal_data(client: MakeClient) -> None:
    caller = client()
    reply = caller.post("/v1/drafts", json=ASK).json()
    run = caller.get(f"/v1/runs/{reply['run_id']}").json()
    assert run["ticket_id"] == "T-7"
    assert run["reply"] == reply
    assert run["manifest"]["prompt"] == "draft/5"
    assert run["manifest"]["calibration"] == "none"
    assert "a.b@example.com" not in str(run)
    assert "[email]" in run["question"]


def test_feedback_is_kept_for_a_run_that_exists(client: MakeClient) -> None:
    caller = client()
    run_id = caller.post("/v1/drafts", json=ASK).json()["run_id"]
    kept = caller.post("/v1/feedback", json={"run_id": run_id, "verdict": "edited", "sent_text": "Hold Clean."})
    assert kept.status_code == 201
    assert caller.post("/v1/feedback", json={"run_id": run_id, "verdict": "meh"}).status_code == 422
    assert caller.post("/v1/feedback", json={"run_id": "none", "verdict": "up"}).status_code == 404


def test_health_is_open_and_readiness_says_what_is_missing(client: MakeClient) -> None:
    caller = client(keyless=True)
    assert caller.get("/healthz").json()["status"] == "ok"
    ready = caller.get("/readyz")
    assert ready.status_code in (200, 503)
    assert ready.json()["ready"] is (ready.status_code == 200)


def test_metrics_count_requests_and_drafts_without_naming_anyone(client: MakeClient) -> None:
    caller = client()
    caller.post("/v1/drafts", json=ASK)
    text = caller.get("/metrics").text
    assert re.search(r'deskhand_drafts_total\{decision="\w+",tier="\w+"\} 1\.0', text)
    assert 'route="/v1/drafts"' in text
    for private in ("default", "T-7", "descale"):
        assert private not in text


def test_every_metric_is_named_by_the_field_s_rules() -> None:
    names = set(re.findall(r"^# TYPE (\S+)", Metrics().text().decode(), re.MULTILINE))
    assert all(name.startswith("deskhand_") for name in names)


def test_the_documentation_page_loads_nothing_from_elsewhere(client: MakeClient) -> None:
    caller = client(keyless=True)
    page = caller.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"(?:src|href)=[\"']https?://", page.text)
    for path in re.findall(r"(?:src|href)=[\"'](/[^\"']+)", page.text):
        assert caller.get(path).status_code == 200


def test_documentation_can_be_turned_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = App(Settings(data_dir=tmp_path_factory.mktemp("nodocs"), small_model="", large_model="", docs_enabled=False))
    assert not [route for route in create_app(app).routes if getattr(route, "path", "") in ("/docs", "/openapi.json")]
    app.close()


def test_unknown_paths_and_methods_are_problems_too(client: MakeClient) -> None:
    for response in (client().get("/v2/drafts"), client().put("/v1/drafts")):
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


def test_responses_may_not_be_sniffed_or_cached(client: MakeClient) -> None:
    headers = client().get("/v1/search?q=descale").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def usable(operation: Any) -> Any:
    """The operation, whose schema must be valid."""
    return operation.ok()


def test_generated_requests_never_break_the_service(app: App, client: MakeClient) -> None:
    """Schemathesis makes requests from the schema, good and bad: none may end in a server error."""
    authorization = str(client().headers["Authorization"])
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(app))
    for operation in schema.get_all_operations():

        @given(case=usable(operation).as_strategy())
        @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def call(case: Any) -> None:
            response = case.call(headers={"Authorization": authorization})
            assert response.status_code < 500 or response.status_code == 503, case.as_curl_command()

        call()


@pytest.mark.parametrize("path", ["/v1/jobs/%00", "/v1/runs/a%00b", "/v1/search?q=a%00b", "/v1/documents?after=%00"])
def test_null_bytes_in_an_address_are_refused(client: MakeClient, path: str) -> None:
    assert client().get(path).status_code == 422


def test_null_bytes_in_a_ticket_are_dropped(client: MakeClient) -> None:
    caller = client()
    reply = caller.post(
        "/v1/drafts", json={"messages": [{"author": "customer", "text": "How do I des\0cale the Duo?"}]}
    )
    assert caller.get(f"/v1/runs/{reply.json()['run_id']}").json()["question"] == "How do I descale the Duo?"
