"""An agent drafts a reply: evidence first, then sentence by sentence, each with the source it rests on."""

import pytest
from playwright.sync_api import expect

from tests.sidebar.conftest import ASK, Opened, Site, copying

pytestmark = pytest.mark.models


def test_a_draft_arrives_sentence_by_sentence_with_its_evidence_first(opened: Opened, site: Site) -> None:
    model = site.says(copying, paced=True)
    sidebar = opened()
    sidebar.sign_in()
    sidebar.tell({"type": "deskhand:ticket", "ticket": ASK})
    sidebar.draft()
    frame = sidebar.frame
    expect(frame.get_by_role("heading", name="Found in the knowledge base")).to_be_visible()
    expect(frame.locator(".sentence")).to_have_count(0)
    sidebar.page.screenshot(path="/tmp/w/shots/_a.png")
    model.gate.release()
    expect(frame.locator(".sentence")).to_have_count(1)
    sidebar.page.screenshot(path="/tmp/w/shots/_b.png")
    model.gate.release(2)
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()
    expect(frame.locator(".sentence")).to_have_count(3)
    sidebar.page.screenshot(path="/tmp/w/shots/_c.png")
