"""The page and its host: only the framing window of an allowed origin is listened to, and every helpdesk's own ways."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from tests.conftest import PROJECT
from tests.sidebar.conftest import ASK, WAIT_MS, Opened, Site, serving_folder
from tests.sidebar.states import answered, ready, stepwise

pytestmark = pytest.mark.models
APPS = PROJECT / "deploy" / "helpdesks"
CONVERSATION = {
    "event": "appContext",
    "data": {
        "conversation": {
            "id": 42,
            "additional_attributes": {"mail_subject": "Descaling"},
            "messages": [
                {"content": "It is the Duo.", "message_type": 0, "created_at": 1767225800, "private": False},
                {"content": "Which machine is it?", "message_type": 1, "created_at": 1767225700, "private": False},
                {"content": "Careful, angry last week", "message_type": 1, "created_at": 1767225650, "private": True},
                {"content": "How do I descale my machine?", "message_type": 0, "created_at": 1767225600},
                {"content": "Conversation was assigned", "message_type": 2, "created_at": 1767225605},
            ],
        },
        "currentAgent": {"id": 1, "name": "Ines", "email": "ines@desk.example"},
    },
}


def test_a_page_of_another_origin_cannot_frame_the_sidebar(browser: Browser, site: Site) -> None:
    with serving_folder(PROJECT) as stranger:
        context = browser.new_context()
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(f"{stranger}/tests/sidebar/host.html")
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.evaluate("url => window.show(url)", f"{site.address}/sidebar")
        assert page.evaluate("() => window.received") == []
        context.close()


def test_messages_of_another_window_or_origin_are_ignored(opened: Opened, site: Site) -> None:
    sidebar = opened()
    sidebar.sign_in()
    token = site.token(agent="Mallory")
    forged = [{"type": "deskhand:ticket", "ticket": ASK}, {"type": "deskhand:token", "token": token}]
    for origin, source in (("https://evil.example", "parent"), (site.host, "self")):
        sidebar.frame.evaluate(
            """([messages, origin, source]) => messages.forEach((data) => window.dispatchEvent(
                 new MessageEvent('message', {data, origin, source: source === 'parent' ? window.parent : window})))""",
            [forged, origin, source],
        )
    sidebar.tell({"type": "unrelated", "ticket": ASK})
    expect(sidebar.frame.get_by_text("No ticket is open")).to_be_visible()
    expect(sidebar.frame.get_by_text("Signed in as Ines")).to_be_visible()
    sidebar.tell({"type": "deskhand:ticket", "ticket": ASK})
    expect(sidebar.frame.get_by_role("button", name="Draft a reply")).to_be_visible()


def test_the_host_is_asked_for_another_token_when_one_is_over(opened: Opened, site: Site) -> None:
    sidebar = opened()
    ready(sidebar)
    for key in site.app.keys.list():
        if not key.revoked:
            site.app.keys.revoke(key.id)
    sidebar.draft()
    sidebar.wait_for("token-needed")
    expect(sidebar.frame.get_by_role("heading", name="Your session is over")).to_be_visible()
    sidebar.sign_in()
    sidebar.draft()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def test_the_token_is_kept_for_this_tab_and_is_gone_after_signing_out(opened: Opened, site: Site) -> None:
    sidebar = opened()
    sidebar.sign_in()
    kept = "() => JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])"
    assert "dh_" in sidebar.frame.evaluate(kept)
    assert site.address in sidebar.frame.url
    assert "dh_" not in sidebar.page.evaluate(kept)
    sidebar.frame.get_by_role("button", name="Sign out").click()
    expect(sidebar.frame.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "dh_" not in sidebar.frame.evaluate(kept)


def chatwoot_says(sidebar: Any, said: object) -> None:
    sidebar.page.evaluate("said => frame.contentWindow.postMessage(JSON.stringify(said), '*')", said)


def test_chatwoot_gives_the_conversation_and_gets_a_copy(opened: Opened, site: Site) -> None:
    sidebar = opened(query="?bridge=chatwoot", permissions=["clipboard-read", "clipboard-write"])
    assert sidebar.page.evaluate("() => window.received[0].data") == "chatwoot-dashboard-app:fetch-info"
    chatwoot_says(sidebar, CONVERSATION)
    frame = sidebar.frame
    code = site.app.keys.create("default", "sidebar chatwoot/Ines", [KeyScope.SIDEBAR_CODE], None)[1]
    frame.get_by_label("Sign-in code").fill(code)
    frame.get_by_role("button", name="Sign in").click()
    expect(frame.get_by_text("Signed in as Ines")).to_be_visible()
    expect(frame.get_by_text("42 · 3 messages")).to_be_visible()
    sidebar.draft()
    frame.get_by_role("button", name="Copy to reply").click()
    expect(frame.get_by_role("status")).to_have_text("Copied. Paste it into the reply box.")
    first = frame.locator(".sentence").first.inner_text()
    assert sidebar.page.evaluate("() => navigator.clipboard.readText()").startswith(first)


FAKE_ZENDESK = """
window.did = [];
const listeners = {};
window.happens = (name) => listeners[name]();
const fields = {
  'ticket.id': 35, 'ticket.subject': 'Descaling', 'ticket.requester': {id: 7},
  'ticket.comments': [{author: {id: 7}, value: '<p>How do I <b>descale</b> the Fernhill Duo?</p>'}],
  'ticket.comment': {type: 'publicReply', text: '<p>Hello,</p><p>Descale it every 3 months.</p>'},
  currentUser: {name: 'Ines', email: 'ines@desk.example'},
};
window.ZAFClient = {init: () => ({
  metadata: async () => ({settings: {deskhand_url: 'SERVICE/'}}),
  get: async (names) => Object.fromEntries([].concat(names).map((name) => [name, fields[name]])),
  request: async (asked) => { window.did.push(['request', asked]); return {token: 'TOKEN'}; },
  invoke: async (...what) => { window.did.push(['invoke', ...what]); },
  on: (name, listener) => { listeners[name] = listener; },
})};
"""
FAKE_FRESHWORKS = """
window.did = [];
window.app = {initialized: async () => ({
  iparams: {get: async () => ({deskhand_host: 'SERVICE'})},
  data: {get: async (name) => ({
    ticket: {ticket: {id: 35, subject: 'Descaling', description_text: 'How do I descale the Fernhill Duo?'}},
    loggedInUser: {loggedInUser: {contact: {name: 'Ines'}}},
  })[name]},
  request: {invokeTemplate: async (name, asked) => {
    window.did.push([name, asked]);
    const said = name === 'createSession' ? {token: 'TOKEN'} : [{private: true, body_text: 'Angry', incoming: false}];
    return {response: JSON.stringify(said)};
  }},
  interface: {trigger: async (...what) => { window.did.push(['trigger', ...what]); }},
  events: {on: () => {}},
})};
"""


def vendor_page(browser: Browser, site: Site, path: str, sdk: str, fake: str) -> Page:
    """A vendor's app with a stand-in for the vendor's own script."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    script = fake.replace("SERVICE", site.address).replace("TOKEN", site.token())

    def answer(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript")

    page.route(sdk, answer)
    page.goto(f"{site.host}/deploy/helpdesks/{path}")
    return page


@pytest.mark.parametrize(
    ("path", "sdk", "fake"),
    [
        ("zendesk-app/assets/iframe.html", "https://static.zdassets.com/**", FAKE_ZENDESK),
        ("freshworks-app/app/index.html", "**/{{{appclient}}}", FAKE_FRESHWORKS),
    ],
    ids=["zendesk", "freshworks"],
)
def test_a_vendor_s_app_signs_in_passes_the_ticket_on_and_inserts(
    browser: Browser, site: Site, path: str, sdk: str, fake: str
) -> None:
    if "appclient" in sdk:
        sdk = "**/*appclient*"
    page = vendor_page(browser, site, path, sdk, fake)
    frame = page.frame_locator("#sidebar")
    expect(frame.get_by_text("Signed in as Ines")).to_be_visible(timeout=WAIT_MS)
    expect(frame.get_by_text("35 · 1 message")).to_be_visible()
    frame.get_by_role("button", name="Draft a reply").click()
    frame.get_by_role("button", name="Insert", exact=True).click()
    page.wait_for_function("() => window.did.some((deed) => JSON.stringify(deed).includes('Limescale'))")
    did = page.evaluate("() => window.did")
    asked = json.dumps(did)
    assert site.app.keys.find("dh_") is None
    if "zendesk" in path:
        request = next(deed[1] for deed in did if deed[0] == "request")
        assert request["secure"] is True
        assert request["headers"]["Authorization"] == "Bearer {{setting.api_key}}"
        assert json.loads(request["data"]) == {"agent": "Ines", "minutes": 60}
        assert "ticket.comment.appendText" in asked
        with page.expect_response(f"{site.address}/v1/feedback") as response:
            page.evaluate("() => window.happens('ticket.save')")
        assert response.value.status == 201
    else:
        assert ["trigger", "click", {"id": "reply"}] in did
        assert next(deed for deed in did if deed[1] == "setValue")[2]["id"] == "editor"
    page.context.close()


@pytest.mark.parametrize("path", sorted(APPS.rglob("*.json")), ids=lambda path: str(path.relative_to(APPS)))
def test_the_apps_manifests_are_json_and_hold_no_key(path: Path) -> None:
    text = path.read_text()
    json.loads(text)
    assert "dh_" not in text


def test_the_demo_plays_the_helpdesk(browser: Browser, site: Site) -> None:
    site.says(stepwise, tier=Tier.LARGE)
    page = browser.new_page(viewport={"width": 1360, "height": 860})
    page.goto(f"{site.address}/sidebar/demo")
    frame = page.frame_locator("#sidebar")
    page.get_by_role("button", name="descaling").click()
    expect(frame.get_by_text("Signed in as Demo agent")).to_be_visible(timeout=WAIT_MS)
    frame.get_by_role("button", name="Draft a reply").click()
    frame.get_by_role("button", name="Insert", exact=True).click()
    expect(page.get_by_label("Reply to the customer")).not_to_have_value("")
    with page.expect_response("**/v1/feedback") as response:
        page.get_by_role("button", name="Send").click()
    assert response.value.status == 201
    page.context.close()


def test_the_element_works_without_a_frame_on_a_page_of_the_service(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}/sidebar")
    page.evaluate(
        """([token, ticket]) => {
             document.querySelector('deskhand-sidebar').remove();
             const panel = document.createElement('deskhand-sidebar');
             panel.addEventListener('deskhand-insert', (event) => { window.inserted = event.detail; });
             Object.assign(panel, {token, ticket});
             document.body.append(panel);
           }""",
        [site.token(), ASK],
    )
    page.get_by_role("button", name="Draft a reply").click()
    page.get_by_role("button", name="Insert", exact=True).click()
    page.wait_for_function("() => window.inserted")
    assert page.evaluate("() => window.inserted.text").startswith("Limescale")
    assert page.evaluate("() => sessionStorage.length") == 0
    page.context.close()


def test_what_the_host_says_was_sent_is_kept_as_feedback(opened: Opened, site: Site) -> None:
    sidebar = opened()
    answered(sidebar)
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    with sidebar.page.expect_response("**/v1/feedback") as response:
        sidebar.tell({"type": "deskhand:sent", "text": f"Hello,\n{inserted['text']}", "run_id": inserted["run_id"]})
    said = json.loads(response.value.request.post_data or "")
    assert said["verdict"] == "edited"
    assert response.value.status == 201
