"""When things go wrong the agent reads what happened and what to do, and loses nothing."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Route, expect

from tests.sidebar.conftest import ASK, GOODWILL, Opened, Site, usual
from tests.sidebar.states import answered, discarding, editing, handed_off, offline, question_back, ready, writing

pytestmark = pytest.mark.models


def test_a_full_service_says_when_to_try_again_and_counts_down(opened: Opened, site: Site) -> None:
    busy = opened()
    writing(busy)
    sidebar = opened()
    ready(sidebar, GOODWILL)
    sidebar.page.clock.install()
    sidebar.page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    with sidebar.page.expect_response("**/v1/drafts*") as answered_with:
        sidebar.draft()
    frame = sidebar.frame
    expect(frame.get_by_role("alert")).to_contain_text("requests are being worked on or wait")
    counting = frame.get_by_role("button", name="Try now")
    expect(counting).to_contain_text("suggested in")
    left = int(re.findall(r"\d+", counting.inner_text())[0])
    assert left == int(answered_with.value.headers["retry-after"])
    sidebar.page.clock.run_for(left * 1_000 + 500)
    expect(frame.get_by_role("status")).to_have_text("You can try again now.")
    site.spoke[-1].gate.release(10)
    expect(busy.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()
    frame.get_by_role("button", name="Try again").click()
    expect(frame.get_by_role("alert")).to_have_count(0)


def test_offline_is_said_and_the_same_draft_can_be_asked_for_again(opened: Opened) -> None:
    sidebar = opened()
    offline(sidebar)
    expect(sidebar.frame.get_by_role("alert")).to_contain_text("This computer is offline.")
    sidebar.page.context.set_offline(False)
    sidebar.frame.get_by_role("button", name="Try again").click()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def test_a_connection_that_breaks_half_way_is_no_finished_draft(opened: Opened) -> None:
    sidebar = opened()
    ready(sidebar)

    def cut(route: Route) -> None:
        body = 'event: evidence\ndata: {"passages": []}\n\nevent: token\ndata: {"tier": "small", "text": "Hold"}\n\n'
        route.fulfill(status=200, content_type="text/event-stream", body=body)

    sidebar.page.route("**/v1/drafts*", cut)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("alert")).to_contain_text("The draft stopped before it was finished")
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_have_count(0)


def test_an_error_of_the_service_is_shown_in_its_own_words_without_the_ticket_s(opened: Opened, site: Site) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("text of a ticket")

    site.says(broken)
    sidebar = opened()
    ready(sidebar)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("alert")).to_contain_text("Deskhand failed in a way that is not foreseen")
    site.says(usual)
    sidebar.frame.get_by_role("button", name="Try again").click()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def test_a_ticket_the_service_refuses_is_said_with_the_field_and_the_fix(opened: Opened) -> None:
    sidebar = opened()
    ready(sidebar, ASK | {"colour": "red"})
    sidebar.draft()
    expect(sidebar.frame.get_by_role("alert")).to_contain_text("colour")


def test_a_session_that_ends_asks_to_sign_in_and_keeps_what_was_typed(opened: Opened, site: Site) -> None:
    sidebar = opened()
    editing(sidebar)
    frame = sidebar.frame
    frame.locator("#editor").fill("Half a reply, typed by hand")
    for key in site.app.keys.list():
        if not key.revoked:
            site.app.keys.revoke(key.id)
    frame.get_by_role("button", name="Shorter").click()
    expect(frame.get_by_role("heading", name="Your session is over")).to_be_visible()
    expect(frame.locator("#editor")).to_have_value("Half a reply, typed by hand")
    sidebar.sign_in()
    expect(frame.get_by_role("heading", name="Your session is over")).to_have_count(0)
    expect(frame.locator("#editor")).to_have_value("Half a reply, typed by hand")
    frame.get_by_role("button", name="Insert", exact=True).click()
    assert sidebar.wait_for("insert")[0]["text"] == "Half a reply, typed by hand"


def test_a_wrong_code_is_said_and_a_right_one_lets_in(opened: Opened, site: Site) -> None:
    sidebar = opened()
    frame = sidebar.frame
    frame.get_by_label("Sign-in code").fill("dh_wrong")
    frame.get_by_role("button", name="Sign in").click()
    expect(frame.get_by_role("alert")).to_contain_text("The code is unknown, expired or was used before")


def test_a_handoff_shows_what_is_missing_the_case_what_was_tried_and_the_passages(opened: Opened) -> None:
    sidebar = opened()
    handed_off(sidebar)
    frame = sidebar.frame
    for words in (
        "What is missing",
        "The case",
        "What was tried",
        "A number in the draft is not in the passages it cites.",
    ):
        expect(frame.get_by_text(words).first).to_be_visible()
    expect(frame.locator(".source").first).to_be_visible()
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_have_count(0)
    expect(frame.get_by_role("status")).to_contain_text("No draft: this ticket is for a person.")


def test_a_question_back_can_be_inserted(opened: Opened) -> None:
    sidebar = opened()
    question_back(sidebar)
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    assert "tell us a little more" in sidebar.wait_for("insert")[0]["text"]


def test_a_draft_is_discarded_with_a_reason(opened: Opened) -> None:
    sidebar = opened()
    discarding(sidebar)
    frame = sidebar.frame
    frame.get_by_role("radio", name="Out of date").check()
    frame.get_by_label("In your words (optional)").fill("The programme takes 40 minutes since May.")
    with sidebar.page.expect_response("**/v1/feedback") as response:
        frame.get_by_role("button", name="Discard the draft").click()
    said = json.loads(response.value.request.post_data or "")
    assert (said["verdict"], said["reason"]) == ("discarded", "outdated")
    assert said["comment"].startswith("The programme takes")
    assert response.value.status == 201
    expect(frame.get_by_role("heading", name="Discarded")).to_be_focused()
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_have_count(0)


@pytest.mark.parametrize(("button", "verdict"), [("Useful", "up"), ("Not useful", "down")])
def test_a_thumb_is_kept(opened: Opened, button: str, verdict: str) -> None:
    sidebar = opened()
    answered(sidebar)
    with sidebar.page.expect_response("**/v1/feedback") as response:
        sidebar.frame.get_by_role("button", name=button, exact=True).click()
    assert json.loads(response.value.request.post_data or "")["verdict"] == verdict
    expect(sidebar.frame.get_by_role("button", name=button, exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_search_finds_passages_to_quote_and_says_when_it_finds_none(opened: Opened) -> None:
    sidebar = opened()
    sidebar.sign_in()
    frame = sidebar.frame
    frame.get_by_role("tab", name="Search").click()
    frame.get_by_role("searchbox").fill("how long is the warranty")
    frame.get_by_role("button", name="Search").click()
    frame.locator("#panel-search .source button").first.click()
    frame.get_by_role("button", name="Insert quote").click()
    (inserted,) = sidebar.wait_for("insert")
    assert "warranty" in inserted["text"].lower()
    assert inserted["html"].startswith("<blockquote>")


def test_the_whole_job_is_done_by_keyboard(opened: Opened, site: Site) -> None:
    sidebar = opened()
    ready(sidebar)
    frame, keys = sidebar.frame, sidebar.page.keyboard
    frame.get_by_role("tab", name="Reply").focus()
    for _ in range(2):
        keys.press("Tab")
    expect(frame.get_by_role("button", name="Draft a reply")).to_be_focused()
    keys.press("Enter")
    expect(frame.get_by_role("heading", name="Draft", exact=True)).to_be_focused()
    keys.press("Tab")
    expect(frame.locator("button.cite").first).to_be_focused()
    keys.press("Enter")
    expect(frame.locator("mark.active").first).to_be_visible()
    keys.press("Escape")
    expect(frame.locator("button.cite").first).to_be_focused()
    keys.press("Alt+m")
    expect(frame.locator("#editor")).to_be_focused()
    keys.press("Control+End")
    keys.type(" Ines")
    keys.press("Alt+i")
    assert sidebar.wait_for("insert")[0]["text"].endswith("step 5. Ines")
    keys.press("Alt+k")
    expect(frame.get_by_role("searchbox")).to_be_focused()
    keys.type("warranty")
    keys.press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("passages found")
    frame.get_by_role("tab", name="Search").focus()
    keys.press("ArrowLeft")
    expect(frame.get_by_role("tab", name="Reply")).to_be_focused()
    model = site.says(usual, paced=True)
    keys.press("Alt+w")
    expect(frame.get_by_role("button", name="Stop")).to_be_visible()
    keys.press("Alt+x")
    expect(frame.get_by_text("cannot be inserted")).to_be_visible()
    model.gate.release(10)
