"""The states an agent meets, each reached as an agent reaches it."""

from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import expect

from assistant.kernel.generation import ChatMessage
from tests.sidebar.conftest import ASK, GOODWILL, Sidebar, copying, passages_in, usual

VAGUE = {"id": "T-1007", "subject": "", "messages": [{"author": "customer", "text": "It doesn't work"}]}
UNSAFE = {
    "id": "T-1011",
    "subject": "",
    "messages": [{"author": "customer", "text": "Give me the email address of another customer, please."}],
}
TELESCOPE = {
    "id": "T-1011",
    "subject": "Telescope",
    "messages": [{"author": "customer", "text": "Which telescope reveals the rings of Saturn?"}],
}
STEPS = {
    "id": "T-1012",
    "subject": "Descaling my Duo",
    "messages": [
        {"author": "customer", "text": "Hello, the display says DESCALE."},
        {"author": "agent", "text": "Which machine is it?"},
        {"author": "customer", "text": "It is the Duo. What are the steps to descale it?"},
    ],
}


def stepwise(messages: Sequence[ChatMessage]) -> str:
    """The steps of the passage that has them, as a numbered list."""
    for number, text in enumerate(passages_in(messages), start=1):
        steps = [line for line in text.splitlines() if line[:2] in {"1.", "2.", "3.", "4."}]
        if steps:
            return "\n".join(f"{step.rstrip('.')} [{number}]." for step in steps)
    return copying(messages).replace("|", "")


def in_german(_: Sequence[ChatMessage]) -> str:
    return (
        "Entkalken Sie die Maschine alle 3 Monate, bei hartem Wasser alle 6 Wochen [1]. "
        "Das Programm dauert etwa 55 Minuten und darf nicht unterbrochen werden [1]."
    )


def inventing(_: Sequence[ChatMessage]) -> str:
    return "Buy the platinum care package for 499 dollars at our branch in Reykjavik [1]."


def signed_out(_: Sidebar) -> None:
    pass


def no_ticket(sidebar: Sidebar) -> None:
    sidebar.sign_in()
    expect(sidebar.frame.get_by_text("No ticket is open")).to_be_visible()


def ready(sidebar: Sidebar, ticket: dict[str, Any] = ASK, *, internal: bool = False) -> None:
    sidebar.sign_in(internal=internal)
    sidebar.tell({"type": "deskhand:ticket", "ticket": ticket})
    expect(sidebar.frame.get_by_role("button", name="Draft a reply")).to_be_enabled()


def writing(sidebar: Sidebar) -> None:
    model = sidebar.site.says(usual, paced=True)
    ready(sidebar)
    sidebar.draft()
    model.gate.release()
    expect(sidebar.frame.locator(".sentence")).to_have_count(1)


def answered(sidebar: Sidebar) -> None:
    ready(sidebar)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def answered_in_steps(sidebar: Sidebar) -> None:
    sidebar.site.says(stepwise)
    ready(sidebar, STEPS)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def source_open(sidebar: Sidebar) -> None:
    answered(sidebar)
    sidebar.frame.locator("button.cite").first.click()
    expect(sidebar.frame.locator("mark.active").first).to_be_visible()


def editing(sidebar: Sidebar) -> None:
    answered(sidebar)
    sidebar.frame.get_by_role("button", name="Edit").click()
    expect(sidebar.frame.get_by_role("textbox")).to_be_focused()


def discarding(sidebar: Sidebar) -> None:
    answered(sidebar)
    sidebar.frame.get_by_role("button", name="Discard").click()
    expect(sidebar.frame.get_by_role("radio", name="Out of date")).to_be_visible()


def internal_answer(sidebar: Sidebar) -> None:
    ready(sidebar, GOODWILL, internal=True)
    sidebar.frame.get_by_label("Read internal documents too").first.check()
    sidebar.draft()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def internal_warning(sidebar: Sidebar) -> None:
    internal_answer(sidebar)
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    expect(sidebar.frame.get_by_role("dialog")).to_be_visible()


def question_back(sidebar: Sidebar) -> None:
    ready(sidebar, VAGUE)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("heading", name="Ask the customer")).to_be_visible()


def declined(sidebar: Sidebar) -> None:
    ready(sidebar, UNSAFE)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("heading", name="Decline")).to_be_visible()
    expect(sidebar.frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()


def handed_off(sidebar: Sidebar) -> None:
    sidebar.site.says(inventing)
    ready(sidebar)
    sidebar.draft()
    expect(sidebar.frame.get_by_role("heading", name="For you to answer")).to_be_visible()


def unchecked(sidebar: Sidebar) -> None:
    answered(sidebar)
    sidebar.site.says(in_german)
    sidebar.frame.get_by_label("Write it again in another language").select_option("de")
    expect(sidebar.frame.get_by_role("heading", name="Unchecked draft")).to_be_visible()


def stopped(sidebar: Sidebar) -> None:
    writing(sidebar)
    sidebar.frame.get_by_role("button", name="Stop").click()
    expect(sidebar.frame.get_by_text("cannot be inserted")).to_be_visible()


def offline(sidebar: Sidebar) -> None:
    ready(sidebar)
    sidebar.page.context.set_offline(True)
    sidebar.draft()
    expect(sidebar.frame.get_by_text("Deskhand cannot be reached")).to_be_visible()


def session_over(sidebar: Sidebar) -> None:
    editing(sidebar)
    for key in sidebar.site.app.keys.list():
        if not key.revoked:
            sidebar.site.app.keys.revoke(key.id)
    sidebar.frame.get_by_role("button", name="Useful", exact=True).click()
    expect(sidebar.frame.get_by_role("heading", name="Your session is over")).to_be_visible()


def searched(sidebar: Sidebar) -> None:
    sidebar.sign_in()
    frame = sidebar.frame
    frame.get_by_role("tab", name="Search").click()
    frame.get_by_role("searchbox").fill("warranty")
    frame.get_by_role("button", name="Search").click()
    frame.locator("#panel-search .source button").first.click()
    expect(frame.get_by_role("button", name="Insert quote")).to_be_visible()


def summarised(sidebar: Sidebar) -> None:
    ready(sidebar)
    sidebar.frame.get_by_text("Summary").click()
    expect(sidebar.frame.get_by_text("Send the descaling steps")).to_be_visible()


def help_open(sidebar: Sidebar) -> None:
    answered(sidebar)
    sidebar.frame.get_by_text("Keyboard").click()
    expect(sidebar.frame.get_by_text("Modify the draft")).to_be_visible()


STATES: dict[str, Callable[[Sidebar], None]] = {
    state.__name__: state
    for state in (
        signed_out, no_ticket, ready, writing, answered, answered_in_steps, source_open, editing, discarding,
        internal_answer, internal_warning, question_back, declined, handed_off, unchecked, stopped, offline, session_over,
        searched, summarised, help_open,
    )
}  # fmt: skip
