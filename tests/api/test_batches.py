"""Batches over REST: created once, worked on by a job, fetched as lines, cancelled."""

import json

import pytest

from assistant.adapters.memory.models import ScriptedModel
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.helpdesks import Connection, HelpdeskKind
from assistant.wiring import App
from tests.api.conftest import MakeClient
from tests.summaries import summary, written
from workers.tasks import Workshop, run_job

pytestmark = pytest.mark.models
REQUEST = "The customer wants the Duo descaled."
GOOD = summary(REQUEST).model_dump(mode="json")
LINES = [
    json.dumps({"id": f"T-{n}", "messages": [{"author": "customer", "text": f"Duo {n} wants descaling."}]})
    for n in range(1, 4)
]
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def summarising(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.bulk_desk.models, Tier.SMALL, ScriptedModel(lambda _: written(REQUEST)))


def work(app: App, shop: Workshop) -> None:
    for item in app.jobs.due():
        run_job(item.id, shop)


def test_lines_in_lines_out(app: App, shop: Workshop, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    made = http.post("/v1/summaries/batches", content="\n".join([LINES[0], "not JSON", *LINES[1:]]), headers=NDJSON)
    assert made.status_code == 202
    batch = made.json()
    assert (batch["state"], batch["total"]) == ("queued", 4)
    work(app, shop)
    assert http.get(f"/v1/summaries/batches/{batch['id']}").json()["state"] == "done"
    results = http.get(f"/v1/summaries/batches/{batch['id']}/results")
    assert results.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in results.text.splitlines()]
    assert [(row["line"], row["id"], row["summary"] == GOOD) for row in rows] == [
        (1, "T-1", True), (2, None, False), (3, "T-2", True), (4, "T-3", True),
    ]  # fmt: skip


def test_a_list_of_tickets_is_a_batch_too(app: App, shop: Workshop, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    made = http.post("/v1/summaries/batches", json={"tickets": [json.loads(line) for line in LINES]})
    work(app, shop)
    assert http.get(f"/v1/summaries/batches/{made.json()['id']}").json()["done"] == 3


def test_a_file_may_be_sent_as_a_form(app: App, shop: Workshop, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    made = http.post("/v1/summaries/batches", files={"file": ("tickets.jsonl", "\n".join(LINES))})
    assert (made.status_code, made.json()["total"]) == (202, 3)
    assert http.post("/v1/summaries/batches", files={"other": ("x", "y")}).status_code == 422
    work(app, shop)


def test_a_repeated_request_with_its_key_gives_the_same_batch(app: App, shop: Workshop, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    headers = NDJSON | {"Idempotency-Key": "nightly-2026-11-22"}
    first, again = (http.post("/v1/summaries/batches", content=LINES[0], headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    other = http.post("/v1/summaries/batches", content=LINES[1], headers=headers)
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    work(app, shop)


def test_a_cancelled_batch_keeps_what_it_has(app: App, shop: Workshop, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    batch = http.post("/v1/summaries/batches", content="\n".join(LINES), headers=NDJSON).json()["id"]
    assert http.post(f"/v1/summaries/batches/{batch}/cancel").json()["state"] == "cancelled"
    work(app, shop)
    assert http.get(f"/v1/summaries/batches/{batch}").json() | {"created_at": "", "finished_at": ""} == {
        "id": batch, "state": "cancelled", "total": 3, "done": 0, "failed": 0, "rows_per_minute": None,
        "seconds_left": None, "created_at": "", "finished_at": "", "detail": "",
    }  # fmt: skip


def test_a_batch_whose_job_was_given_up_says_so(app: App, client: MakeClient) -> None:
    http = client(KeyScope.BATCHES)
    batch = http.post("/v1/summaries/batches", content=LINES[0], headers=NDJSON).json()["id"]
    [job] = app.jobs.find("default", subject=batch)
    held = app.jobs.claim(job.id)
    assert held is not None
    app.jobs.fail(held, "the models cannot be loaded", retry=False)
    told = http.get(f"/v1/summaries/batches/{batch}").json()
    assert (told["state"], told["detail"]) == ("failed", "the models cannot be loaded")


def test_a_ticket_of_another_tenant_s_helpdesk_is_an_error_row(
    app: App, shop: Workshop, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Connection(name="theirs", kind=HelpdeskKind.ZAMMAD, tenant="other", url="http://127.0.0.1:9")
    monkeypatch.setitem(app.connections.helpdesks, "theirs", theirs)
    http = client(KeyScope.BATCHES)
    batch = http.post("/v1/summaries/batches", json={"ticket_ids": ["7"], "connection": "theirs"}).json()["id"]
    work(app, shop)
    row = json.loads(http.get(f"/v1/summaries/batches/{batch}/results").text)
    assert row["summary"] is None
    assert "there is no helpdesk 'theirs'" in row["error"]["message"]


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"", NDJSON, "no lines"),
        (b"\n \n", NDJSON, "no lines"),
        (b"{}", {"Content-Type": "application/json"}, "no lines"),
        (b"[]", {"Content-Type": "application/json"}, "not a batch"),
        (b"\xff\xfe", NDJSON, "UTF-8"),
        (b'{"ticket_ids": ["7"]}', {"Content-Type": "application/json"}, "connection"),
    ],
)
def test_a_batch_that_is_none_is_refused_with_a_reason(
    client: MakeClient, body: bytes, headers: dict[str, str], says: str
) -> None:
    refused = client(KeyScope.BATCHES).post("/v1/summaries/batches", content=body, headers=headers)
    assert refused.status_code == 422
    assert says in refused.json()["detail"]


def test_another_tenant_s_batch_is_not_found(client: MakeClient) -> None:
    batch = client(KeyScope.BATCHES).post("/v1/summaries/batches", content=LINES[0], headers=NDJSON).json()["id"]
    stranger = client(KeyScope.BATCHES, tenant="other")
    for path in ("", "/results"):
        assert stranger.get(f"/v1/summaries/batches/{batch}{path}").status_code == 404
