"""Webhooks over REST: verified over raw bytes, kept once, answered at once, and worked on by a job."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assistant.adapters.helpdesks.signing import sign
from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.helpdesks import HelpdeskKind
from assistant.kernel.jobs import JobName, JobState
from assistant.wiring import App
from tests.helpdesks.desk import SECRET
from tests.helpdesks.server import running
from tests.helpdesks.webhooks import webhook
from workers.app import create_workshop
from workers.tasks import run_job

pytestmark = pytest.mark.models
GENERIC_SECRET = "whsec_ZGVza2hhbmQgc2VjcmV0IGZvciB0ZXN0cw=="
GENERIC = b"""{"type": "ticket.created", "timestamp": "2026-11-22T09:00:00Z", "data": {"ticket":
  {"id": "T-9", "subject": "Saturn", "messages": [{"author": "customer", "text": "Which telescope shows its moons?"}]}}}"""


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[object]:
    made: list[App] = []

    def make(connections: str) -> tuple[App, TestClient]:
        path = tmp_path / "connections.toml"
        path.write_text(connections)
        app = App(Settings(data_dir=tmp_path, small_model="", large_model="", connections=path))
        made.append(app)
        return app, TestClient(create_app(app), raise_server_exceptions=False)

    yield make
    for app in made:
        app.close()


def toml(kind: str, url: str) -> str:
    return f'[helpdesks.acme]\nkind = "{kind}"\nurl = "{url}"\ntoken = "token"\nuser = "bot@example.com"\naccount = "1"\nsecret = "{SECRET}"\n'


@pytest.mark.parametrize("vendor", ["zammad", "chatwoot", "zendesk", "freshdesk"])
def test_a_signed_webhook_becomes_a_note_at_its_ticket(vendor: str, make_app) -> None:  # type: ignore[no-untyped-def]
    with running(vendor) as desk:
        told = desk.connection()
        lines = [f'kind = "{vendor}"', f'url = "{told.url}"', f'token = "{told.token}"', f'user = "{told.user}"']
        lines += [f'account = "{told.account}"', f'secret = "{told.secret}"']
        app, http = make_app("\n".join(["[helpdesks.acme]", *lines]))
        number = str(desk.add_ticket(subject="Saturn", text="Which telescope shows Saturn's moons?").id)
        headers, body = webhook(desk, number, datetime.now(UTC))
        answered = http.post("/v1/webhooks/acme", content=body, headers=headers)
        assert (answered.status_code, answered.json()["status"]) == (202, "queued")
        assert http.post("/v1/webhooks/acme", content=body, headers=headers).json()["status"] == "known"
        [item] = app.jobs.due()
        run_job(item.id, create_workshop(app))
        [job] = app.jobs.find(None, name=JobName.ANSWER_TICKET)
        assert (job.state, job.detail) == (JobState.DONE, "note written")
        ticket = app.helpdesks["acme"].read(number)
        assert [(entry.author, entry.public) for entry in ticket.entries] == [("customer", True), ("agent", False)]
        assert "For a person" in ticket.entries[-1].text


def test_a_wrong_or_missing_signature_is_refused_and_leaves_nothing(make_app) -> None:  # type: ignore[no-untyped-def]
    with running("zammad") as desk:
        app, http = make_app(toml("zammad", desk.url))
        number = str(desk.add_ticket(subject="", text="Hello?").id)
        headers, body = webhook(desk, number, datetime.now(UTC))
        assert http.post("/v1/webhooks/acme", content=body + b" ", headers=headers).status_code == 401
        assert http.post("/v1/webhooks/acme", content=body).status_code == 401
        assert app.jobs.find(None) == []


def test_an_unknown_helpdesk_is_not_found(make_app) -> None:  # type: ignore[no-untyped-def]
    _, http = make_app("")
    assert http.post("/v1/webhooks/acme", content=b"{}").status_code == 404


def test_any_helpdesk_may_send_a_ticket_signed_by_standard_webhooks(make_app) -> None:  # type: ignore[no-untyped-def]
    app, http = make_app(f'[helpdesks.generic]\nkind = "generic"\nsecret = "{GENERIC_SECRET}"\n')
    assert app.connections.helpdesks["generic"].kind is HelpdeskKind.GENERIC
    headers = sign(GENERIC_SECRET, "msg_1", datetime.now(UTC), GENERIC)
    assert http.post("/v1/webhooks/generic", content=GENERIC, headers=headers).json()["status"] == "queued"
    assert http.post("/v1/webhooks/generic", content=GENERIC, headers=headers).json()["status"] == "known"
    [item] = app.jobs.due()
    run_job(item.id, create_workshop(app))
    [job] = app.jobs.find(None)
    assert job.state is JobState.DONE
    letter = app.letters.latest("default", "generic", "T-9")
    assert letter is not None
    assert app.runs.get("default", letter.run_id).ticket_id == "T-9"


def test_the_secret_of_an_unsigned_helpdesk_comes_from_the_address_only(make_app) -> None:  # type: ignore[no-untyped-def]
    app, http = make_app(toml("django-helpdesk", "http://127.0.0.1:9"))
    body = b'{"ticket": {"id": 7, "queue": 1, "title": "Duo", "status": 1}, "queue_slug": "coffee"}'
    header = {"X-Deskhand-Path-Secret": SECRET, "Content-Type": "application/json"}
    assert http.post("/v1/webhooks/acme", content=body, headers=header).status_code == 401
    assert http.post("/v1/webhooks/acme/guess", content=body).status_code == 401
    assert app.jobs.find(None) == []
    assert http.post(f"/v1/webhooks/acme/{SECRET}", content=body).json()["status"] == "queued"
