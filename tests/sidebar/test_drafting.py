"""An agent drafts a reply: evidence first, then sentence by sentence, each with the source it rests on."""

import re
from collections.abc import Sequence

import pytest
from playwright.sync_api import expect

from assistant.kernel.conversation import Tier
from assistant.kernel.generation import ChatMessage
from tests.sidebar.conftest import ASK, GOODWILL, Opened, Site, copying
from tests.sidebar.states import (
    STEPS,
    answered,
    answered_in_steps,
    in_german,
    internal_answer,
    inventing,
    ready,
    source_open,
    writing,
)

pytestmark = pytest.mark.models


def test_a_draft_arrives_sentence_by_sentence_with_its_evidence_first(opened: Opened, site: Site) -> None:
    model = site.says(copying, paced=True)
    sidebar = opened()
    ready(sidebar)
    sidebar.draft()
    frame = sidebar.frame
    expect(frame.get_by_role("heading", name="Found in the knowledge base")).to_be_visible()
    expect(frame.locator(".source").first).to_contain_text("Descaling the Fernhill Duo")
    expect(frame.locator(".sentence")).to_have_count(0)
    expect(frame.locator("section[aria-busy=true]")).to_have_count(1)
    for count in (1, 2):
        model.gate.release()
        expect(frame.locator(".sentence")).to_have_count(count)
        expect(frame.get_by_role("button", name="Insert", exact=True)).to_have_count(0)
    model.gate.release()
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()
    expect(frame.locator(".sentence")).to_have_count(3)
    expect(frame.locator("section[aria-busy=true]")).to_have_count(0)
    expect(frame.get_by_role("status")).to_have_text("Draft ready: 3 sentences, 2 sources.")
    expect(frame.get_by_text("Not calibrated: check each sentence")).to_be_visible()


def test_what_the_small_model_wrote_goes_when_the_large_one_begins(opened: Opened, site: Site) -> None:
    site.says(lambda messages: f"{copying(messages).split('.|')[0]}. {inventing(messages)} {inventing(messages)[4:]}")
    site.says(copying, tier=Tier.LARGE)
    sidebar = opened()
    ready(sidebar)
    sidebar.draft()
    expect(sidebar.frame.get_by_text("The large model writes now")).to_be_visible()
    expect(sidebar.frame.locator(".sentence")).to_have_count(3)
    expect(sidebar.frame.get_by_text("Large model", exact=True)).to_be_visible()


def test_a_citation_opens_its_source_with_the_quoted_words_marked(opened: Opened) -> None:
    sidebar = opened()
    source_open(sidebar)
    frame = sidebar.frame
    quoted = frame.locator("mark.active").all_inner_texts()
    sentence = frame.locator(".sentence.active").inner_text().rstrip(".")
    assert sentence in " ".join(quoted)
    focused = frame.get_by_role("button", name="Source 1 Descaling the Fernhill Duo")
    expect(focused).to_be_focused()
    expect(focused).to_have_attribute("aria-expanded", "true")
    sidebar.page.keyboard.press("Escape")
    expect(frame.locator("mark.active")).to_have_count(0)
    expect(frame.locator("button.cite").first).to_be_focused()


def test_steps_are_shown_and_inserted_as_a_list(opened: Opened) -> None:
    sidebar = opened()
    answered_in_steps(sidebar)
    expect(sidebar.frame.locator(".draft ol > li")).to_have_count(4)
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    assert inserted["text"].startswith(
        "1. Switch the machine off and let it cool for 30 minutes.\n2. Take the water filter"
    )
    assert inserted["html"].startswith("<ol><li>Switch the machine off")
    assert "[1]" not in inserted["text"] + inserted["html"]


def test_inserting_gives_the_host_the_draft_without_marks_and_the_run_it_is_of(opened: Opened, site: Site) -> None:
    sidebar = opened()
    answered(sidebar)
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    run = site.app.runs.get("default", inserted["run_id"])
    assert run.decision.kind == "answer"
    assert inserted["text"] == "".join(s.lead + s.text for s in run.decision.draft.sentences)
    assert inserted["html"].startswith("<p>Limescale")
    expect(sidebar.frame.get_by_role("status")).to_have_text("Inserted into the reply.")


def test_an_edited_draft_is_inserted_as_edited_and_survives_looking_at_another_ticket(opened: Opened) -> None:
    sidebar = opened()
    answered(sidebar)
    frame = sidebar.frame
    frame.get_by_role("button", name="Edit").click()
    frame.locator("#editor").fill("Dear Maureen,\n\n<b>use 2 sachets</b> & wait.")
    sidebar.tell({"type": "deskhand:ticket", "ticket": STEPS})
    expect(frame.get_by_role("button", name="Draft a reply")).to_be_visible()
    sidebar.tell({"type": "deskhand:ticket", "ticket": ASK})
    expect(frame.locator("#editor")).to_have_value("Dear Maureen,\n\n<b>use 2 sachets</b> & wait.")
    frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    assert inserted["text"] == "Dear Maureen,\n\n<b>use 2 sachets</b> & wait."
    assert inserted["html"] == "<p>Dear Maureen,</p><p>&lt;b&gt;use 2 sachets&lt;/b&gt; &amp; wait.</p>"


def test_internal_sources_are_named_and_nothing_resting_on_them_leaves_before_a_yes(opened: Opened) -> None:
    sidebar = opened()
    internal_answer(sidebar)
    frame = sidebar.frame
    expect(frame.locator(".source.internal").first).to_contain_text("Internal")
    expect(frame.locator("button.cite.internal").first).to_have_attribute(
        "aria-label", re.compile(r"Source \d, internal: Goodwill refunds: limits for agents")
    )
    frame.get_by_role("button", name="Insert", exact=True).click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text("Goodwill refunds: limits for agents")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    frame.get_by_role("button", name="Insert", exact=True).click()
    sidebar.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert sidebar.received("insert") == []
    frame.get_by_role("button", name="Insert", exact=True).click()
    dialog.get_by_role("button", name="Insert anyway").click()
    assert len(sidebar.wait_for("insert")) == 1


def test_without_leave_for_internal_documents_there_is_no_such_choice(opened: Opened) -> None:
    sidebar = opened()
    ready(sidebar, GOODWILL)
    expect(sidebar.frame.get_by_label("Read internal documents too")).to_have_count(0)


@pytest.mark.parametrize(("button", "wanted"), [("Shorter", "one or two short"), ("Warmer", "Sound warm")])
def test_writing_it_again_asks_the_model_in_another_tone(opened: Opened, site: Site, button: str, wanted: str) -> None:
    sidebar = opened()
    answered(sidebar)
    asked: list[str] = []

    def listening(messages: Sequence[ChatMessage]) -> str:
        asked.append(messages[0].content)
        return copying(messages).split("|")[0]

    site.says(listening)
    sidebar.frame.get_by_role("button", name=button).click()
    expect(sidebar.frame.locator(".sentence")).to_have_count(1)
    assert wanted in asked[0]
    sidebar.frame.get_by_role("button", name="Back to the draft before").click()
    expect(sidebar.frame.locator(".sentence")).to_have_count(3)


def test_a_draft_in_another_language_says_that_it_was_not_checked(opened: Opened, site: Site) -> None:
    sidebar = opened()
    answered(sidebar)
    site.says(in_german)
    frame = sidebar.frame
    frame.get_by_label("Write it again in another language").select_option(label="German")
    expect(frame.get_by_role("heading", name="Unchecked draft")).to_be_visible()
    expect(frame.get_by_text("For you to check against the sources")).to_be_visible()
    expect(frame.locator(".sentence.unchecked")).to_have_count(2)
    expect(frame.get_by_role("status")).to_contain_text("Unchecked draft ready")
    expect(frame.locator(".draft")).to_have_attribute("lang", "de")


def test_stopping_ends_the_model_s_work_and_leaves_nothing_to_insert(opened: Opened, site: Site) -> None:
    sidebar = opened()
    writing(sidebar)
    sidebar.frame.get_by_role("button", name="Stop").click()
    expect(sidebar.frame.get_by_text("cannot be inserted")).to_be_visible()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_have_count(0)
    site.spoke[-1].gate.release(10)
    service = site.api.state.service
    while service.admission.in_flight:
        sidebar.page.wait_for_timeout(10)
    site.says(copying)
    sidebar.frame.get_by_role("button", name="Write again").click()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def test_a_message_that_came_after_the_draft_is_pointed_out(opened: Opened) -> None:
    sidebar = opened()
    answered(sidebar)
    later = ASK | {"messages": [*ASK["messages"], {"author": "customer", "text": "Forget it, I found the booklet."}]}
    sidebar.tell({"type": "deskhand:ticket", "ticket": later})
    expect(sidebar.frame.get_by_text("The ticket has changed since.")).to_be_visible()
    expect(sidebar.frame.get_by_role("button", name="Write again")).to_be_visible()


def test_with_auto_a_draft_begins_when_the_ticket_opens(opened: Opened) -> None:
    sidebar = opened(query="?auto=1")
    sidebar.sign_in()
    sidebar.tell({"type": "deskhand:ticket", "ticket": ASK})
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def test_a_summary_is_made_on_demand_and_never_before_the_draft(opened: Opened, site: Site) -> None:
    sidebar = opened()
    writing(sidebar)
    frame = sidebar.frame
    frame.get_by_text("Summary").click()
    expect(frame.get_by_text("It is made when the draft is done.")).to_be_visible()
    site.spoke[-1].gate.release(10)
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()
    expect(frame.get_by_text("Send the descaling steps")).to_be_visible()
