"""The helpdesks that exist for tests are strict, and serve other processes."""

import subprocess
import sys
from typing import Any

import httpx2
import pytest

from assistant.adapters.helpdesks.catalogue import create_helpdesk
from assistant.kernel.helpdesks import Writing
from tests.conftest import PROJECT
from tests.helpdesks.desk import FakeDesk
from tests.helpdesks.server import VENDORS, running

WRITING = Writing(key="dh-0123456789abcdef", note="<p>dh-0123456789abcdef</p>", note_text="dh-0123456789abcdef")


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_process_serves_a_helpdesk_and_tells_its_state(vendor: str) -> None:
    command = [sys.executable, "-m", "tests.helpdesks.server", vendor]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            asked: dict[str, Any] = {"subject": "Invoice", "text": "Where is my invoice?", "tags": ["vip"]}
            ticket_id = httpx2.post(f"{url}/_tickets", json=asked).json()["id"]
            more = {"author": "customer", "text": "I need it today."}
            assert httpx2.post(f"{url}/_tickets/{ticket_id}/entries", json=more).status_code == 201
            helpdesk = create_helpdesk(FakeDesk(vendor, url=url).connection())
            assert helpdesk.read(ticket_id).awaits_reply
            helpdesk.write(ticket_id, WRITING)
            ticket = httpx2.get(f"{url}/_state").json()["tickets"][ticket_id]
            assert (ticket["notes"], ticket["replies"], ticket["tags"]) == (1, 0, ["vip"])
            assert WRITING.key in ticket["entries"][-1]["body"]
        finally:
            process.terminate()


@pytest.mark.parametrize("vendor", VENDORS)
def test_faults_can_be_ordered_over_http(vendor: str) -> None:
    with running(vendor) as desk:
        ordered = {"status": 429, "times": 2, "retry_after": 3}
        assert httpx2.post(f"{desk.url}/_faults", json=ordered).status_code == 201
        answers = [httpx2.get(f"{desk.url}/api/anything") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 401]
    assert answers[0].headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("vendor", "path", "body"),
    [
        ("zammad", "/api/v1/ticket_articles", {"ticket_id": 1, "body": "hello", "private": True}),
        ("chatwoot", "/api/v1/accounts/3/conversations/1/messages", {"content": "hello", "message_type": "incoming"}),
        ("zendesk", "/api/v2/tickets/1/comments.json", {"body": "hello"}),
        ("freshdesk", "/api/v2/tickets/1/notes", {"body": "hello", "public": False}),
    ],
)
def test_a_body_or_path_the_vendor_does_not_know_is_refused(vendor: str, path: str, body: dict[str, Any]) -> None:
    headers = {
        "zammad": {"Authorization": "Token token=tkn-5c2e"},
        "chatwoot": {"api_access_token": "tkn-5c2e"},
    }.get(vendor, {})
    auth = {"zendesk": ("assistant@support.example/token", "tkn-5c2e"), "freshdesk": ("tkn-5c2e", "X")}.get(vendor)
    with running(vendor) as desk:
        known = httpx2.post(f"{desk.url}{path}", json=body, headers=headers, auth=auth)
        unknown = httpx2.post(f"{desk.url}{path}", json=body)
    assert known.status_code in {404, 422}
    assert unknown.status_code == 401
