"""The sidebar over HTTP: its page and files, signing in, drafts with HTML, and what is kept of an agent's edits."""

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from assistant.adapters.memory.models import ScriptedModel
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import FeedbackRow
from assistant.api.app import create_app
from assistant.config import Settings, load_settings
from assistant.kernel.access import AGENT_SCOPES, USUAL_SCOPES, AgentSession, KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.generation import ChatMessage
from assistant.prompts import load_prompt
from assistant.wiring import App
from tests.api.conftest import MakeClient, copying
from tests.api.test_drafts import ASK, events

pytestmark = pytest.mark.models
MINUTES_15 = timedelta(minutes=15)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code_for(app: App, agent: str = "Ines", *more: KeyScope, tenant: str = "default") -> str:
    return app.keys.create(tenant, AgentSession(agent=agent).key_name, {KeyScope.SIDEBAR_CODE, *more}, MINUTES_15)[1]


def test_a_session_is_a_short_lived_key_with_an_agent_s_scopes_and_no_more(client: MakeClient, app: App) -> None:
    caller = client(KeyScope.SIDEBAR)
    made = caller.post("/v1/sidebar/sessions", json={"agent": "Ines", "connection": "zendesk", "minutes": 30})
    assert made.status_code == 201
    key = app.keys.find(made.json()["token"])
    assert key is not None
    assert key.name == "sidebar zendesk/Ines"
    assert key.scopes == AGENT_SCOPES
    assert made.json()["url"].endswith("/sidebar?connection=zendesk")
    assert made.json()["token"] not in made.json()["url"]
    session = caller.get("/v1/sidebar/session", headers=bearer(made.json()["token"])).json()
    assert (session["agent"], session["connection"], session["internal"]) == ("Ines", "zendesk", False)
    app.keys.revoke(key.id)
    assert caller.get("/v1/sidebar/session", headers=bearer(made.json()["token"])).status_code == 401


def test_signing_out_ends_the_token_and_no_other_key(client: MakeClient) -> None:
    caller = client(KeyScope.SIDEBAR, KeyScope.DRAFTS)
    token = caller.post("/v1/sidebar/sessions", json={"agent": "Ines"}).json()["token"]
    assert caller.delete("/v1/sidebar/session", headers=bearer(token)).status_code == 204
    assert caller.get("/v1/sidebar/session", headers=bearer(token)).status_code == 401
    assert caller.delete("/v1/sidebar/session").status_code == 422
    assert caller.get("/v1/sidebar/session").status_code == 200


def test_internal_documents_come_only_from_a_key_that_may_read_them(client: MakeClient, app: App) -> None:
    made = client(KeyScope.SIDEBAR, KeyScope.INTERNAL).post("/v1/sidebar/sessions", json={"agent": "Ines"}).json()
    key = app.keys.find(made["token"])
    assert key is not None
    assert key.scopes == AGENT_SCOPES | {KeyScope.INTERNAL}


def test_a_session_cannot_make_sessions_or_read_runs(client: MakeClient) -> None:
    caller = client(KeyScope.SIDEBAR)
    token = caller.post("/v1/sidebar/sessions", json={"agent": "Ines"}).json()["token"]
    for method, path in (("POST", "/v1/sidebar/sessions"), ("GET", "/v1/runs/x"), ("GET", "/v1/documents")):
        refused = caller.request(method, path, headers=bearer(token), json={"agent": "x"} if method == "POST" else None)
        assert refused.status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"agent": ""}, {"agent": "a/b"}, {"agent": "x" * 51}, {"agent": "a\nb"}, {"agent": "a", "minutes": 721},
        {"agent": "a", "minutes": 0}, {"agent": "a", "connection": "A B"}, {"agent": "a", "scopes": ["runs"]},
    ],
)  # fmt: skip
def test_odd_sessions_are_refused(client: MakeClient, wrong: dict[str, Any]) -> None:
    assert client(KeyScope.SIDEBAR).post("/v1/sidebar/sessions", json=wrong).status_code == 422


def test_a_code_is_exchanged_once_for_a_token_of_its_agent(client: MakeClient, app: App) -> None:
    caller, code = client(keyless=True), code_for(app, "Ines", KeyScope.INTERNAL)
    made = caller.post("/v1/sidebar/tokens", json={"code": f"  {code}\n"})
    assert made.status_code == 201
    session = caller.get("/v1/sidebar/session", headers=bearer(made.json()["token"])).json()
    assert (session["agent"], session["internal"]) == ("Ines", True)
    again = caller.post("/v1/sidebar/tokens", json={"code": code})
    assert again.status_code == 401
    assert code not in again.text


def test_a_code_opens_nothing_by_itself(client: MakeClient, app: App) -> None:
    caller, code = client(keyless=True), code_for(app)
    for path in ("/v1/sidebar/session", "/v1/search?q=x", "/v1/runs/x"):
        assert caller.get(path, headers=bearer(code)).status_code == 403


def test_of_many_who_try_one_code_at_once_one_gets_in(app: App) -> None:
    code = code_for(app)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: app.keys.redeem(code, KeyScope.SIDEBAR_CODE), range(8)))
    assert sum(key is not None for key in taken) == 1


def test_other_keys_are_no_codes_and_stay_as_they_are(client: MakeClient, app: App) -> None:
    _, secret = app.keys.create("default", "helpdesk", USUAL_SCOPES, None)
    assert client(keyless=True).post("/v1/sidebar/tokens", json={"code": secret}).status_code == 401
    assert app.keys.find(secret) is not None


def test_an_address_that_tries_many_codes_has_to_wait(app: App) -> None:
    with TestClient(create_app(app)) as caller:
        statuses = [caller.post("/v1/sidebar/tokens", json={"code": f"guess {n}"}).status_code for n in range(12)]
        refused = caller.post("/v1/sidebar/tokens", json={"code": code_for(app)})
    assert statuses == [401] * 10 + [429] * 2
    assert int(refused.headers["Retry-After"]) >= 1


def test_the_page_forbids_everything_it_does_not_need(client: MakeClient) -> None:
    page = client(keyless=True).get("/sidebar")
    policy = page.headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert policy.endswith("frame-ancestors 'self'")
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"https?://|<style|<script>|\son\w+=|\sstyle=", page.text)


def test_configured_origins_may_frame_the_page_and_are_told_to_it(tmp_path: Path) -> None:
    app = App(Settings(data_dir=tmp_path, sidebar_origins="https://desk.example, https://x.apps.example:8443"))
    with TestClient(create_app(app)) as caller:
        page = caller.get("/sidebar")
    app.close()
    assert page.headers["content-security-policy"].endswith("'self' https://desk.example https://x.apps.example:8443")
    assert 'content="https://desk.example https://x.apps.example:8443"' in page.text


@pytest.mark.parametrize("wrong", ["*", "desk.example", "https://desk.example/path", "https://a.example; script-src *"])
def test_what_is_no_origin_stops_the_start(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="DESKHAND_SIDEBAR_ORIGINS"):
        load_settings(sidebar_origins=wrong)


def test_files_named_by_their_hash_are_kept_for_ever_and_others_are_asked_for_again(client: MakeClient) -> None:
    caller = client(keyless=True)
    names = re.findall(r'(?:src|href)="(sidebar/[^"]+)"', caller.get("/sidebar").text)
    assert len(names) == 2
    for name in names:
        kept = caller.get(f"/{name}")
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert kept.headers["content-type"].startswith(("text/javascript", "text/css"))
        assert kept.headers["x-content-type-options"] == "nosniff"
    plain = caller.get("/sidebar/deskhand-sidebar.js")
    assert plain.headers["cache-control"] == "no-cache"
    same = caller.get("/sidebar/deskhand-sidebar.js", headers={"If-None-Match": plain.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    for name in ("deskhand-sidebar.0000000000000000.js", "package.json", "..%2Fapp.py", "demo.js"):
        assert caller.get(f"/sidebar/{name}").status_code == 404


def test_the_demo_is_off_unless_set_and_for_this_machine_only(client: MakeClient, tmp_path: Path) -> None:
    off = client(keyless=True)
    for path in ("/sidebar/demo", "/sidebar/demo/tickets"):
        assert off.get(path).status_code == 404
    assert off.post("/sidebar/demo/session").status_code == 404
    app = App(Settings(data_dir=tmp_path, sidebar_demo=tmp_path))
    with TestClient(create_app(app), base_url="http://127.0.0.1:8030", client=("127.0.0.1", 5)) as here:
        assert here.get("/sidebar/demo").status_code == 200
        assert here.get("/sidebar/demo/tickets").json() == []
        token = here.post("/sidebar/demo/session").json()["token"]
        assert here.get("/v1/sidebar/session", headers=bearer(token)).json()["agent"] == "Demo agent"
        assert here.post("/sidebar/demo/session", headers={"Host": "evil.example:8030"}).status_code == 401
    with TestClient(create_app(app), base_url="http://127.0.0.1:8030", client=("10.0.0.9", 5)) as elsewhere:
        assert elsewhere.post("/sidebar/demo/session").status_code == 401
    app.close()


def test_sentence_events_carry_html_and_add_up_to_the_draft(client: MakeClient) -> None:
    told = events(client(), ASK)
    sentences = [data for name, data in told if name == "sentence"]
    done = dict(told)["done"]
    assert [sentence["index"] for sentence in sentences] == list(range(len(sentences)))
    assert [sentence["text"] for sentence in sentences] == [item["text"] for item in done["draft"]["sentences"]]  # type: ignore[index]
    assert sentences[0]["html"]
    assert sentences[0]["tier"] == "small"
    assert sentences[0]["citations"][0]["n"] == 1  # type: ignore[index]
    assert "support" not in json.dumps(sentences)


def test_html_is_given_to_those_who_ask(client: MakeClient) -> None:
    caller = client()
    assert "html" not in caller.post("/v1/drafts", json=ASK).json()["draft"]["sentences"][0]
    assert caller.post("/v1/drafts?html=true", json=ASK).json()["draft"]["sentences"][0]["html"]
    assert "html" not in caller.get("/v1/search?q=descale").json()["passages"][0]
    assert caller.get("/v1/search?q=descale&html=true").json()["passages"][0]["html"].startswith("<")


def test_a_draft_in_another_language_is_a_handoff_with_the_draft_beside_it(client: MakeClient, app: App) -> None:
    def german(_: Sequence[ChatMessage]) -> str:
        return "Entkalken Sie die Maschine alle 3 Monate mit zwei Beuteln [1]."

    app.models[Tier.SMALL] = ScriptedModel(german)
    try:
        reply = client().post("/v1/drafts?language=de&html=true", json=ASK).json()
    finally:
        app.models[Tier.SMALL] = ScriptedModel(copying)
    assert (reply["decision"], reply["draft"], reply["language"]) == ("handoff", None, "de")
    assert reply["handoff"]["draft"]["sentences"][0]["checked"] is False
    assert "unchecked_language" in [reason["code"] for reason in reply["reasons"]]


@pytest.mark.parametrize("query", ["language=xx", "language=deutsch", "language=DE", "tone=rude"])
def test_wishes_that_cannot_come_true_are_refused(client: MakeClient, query: str) -> None:
    assert client().post(f"/v1/drafts?{query}", json=ASK).status_code == 422


def test_a_tone_is_refused_when_the_prompt_in_use_knows_none(client: MakeClient, app: App) -> None:
    mine, app.prompts["draft"] = app.prompts["draft"], load_prompt("draft/1")
    try:
        refused = client().post("/v1/drafts?tone=shorter", json=ASK)
    finally:
        app.prompts["draft"] = mine
    assert refused.status_code == 503
    assert "DESKHAND_DRAFT_PROMPT" in refused.json()["fix"]


def test_what_is_sent_is_compared_with_the_draft_and_kept_with_who_sent_it(client: MakeClient, app: App) -> None:
    caller = client(KeyScope.SIDEBAR)
    token = caller.post("/v1/sidebar/sessions", json={"agent": "Ines"}).json()["token"]
    run = caller.post("/v1/drafts", json=ASK, headers=bearer(token)).json()
    sent = f"Hello,\n{run['draft']['sentences'][0]['text']}"
    said = {"run_id": run["run_id"], "verdict": "edited", "sent_text": sent, "agent": "somebody else"}
    kept = caller.post("/v1/feedback", json=said, headers=bearer(token))
    assert kept.status_code == 201
    with Sessions(app.engine).read() as session:
        row = session.scalar(select(FeedbackRow).where(FeedbackRow.id == kept.json()["id"]))
        assert row is not None
        assert (row.agent, row.edits, row.cited, row.kept) == ("Ines", 1, 1, [0])
        assert row.similarity is not None
        assert 0.5 < row.similarity < 1


def test_a_discarded_draft_keeps_its_reason(client: MakeClient, app: App) -> None:
    caller = client()
    run_id = caller.post("/v1/drafts", json=ASK).json()["run_id"]
    said = {"run_id": run_id, "verdict": "discarded", "reason": "outdated", "agent": "Tomas"}
    kept = caller.post("/v1/feedback", json=said).json()
    with Sessions(app.engine).read() as session:
        row = session.scalar(select(FeedbackRow).where(FeedbackRow.id == kept["id"]))
        assert row is not None
        assert (row.reason, row.agent, row.similarity) == ("outdated", "Tomas", None)
    assert caller.post("/v1/feedback", json=said | {"reason": "boring"}).status_code == 422
    assert caller.post("/v1/feedback", json=said | {"similarity": 1.0}).status_code == 422
