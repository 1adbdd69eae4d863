"""What each vendor does in its own way when something is written back."""

from collections.abc import Callable, Iterator

import pytest

from assistant.adapters.helpdesks.chatwoot import ChatwootHelpdesk
from assistant.adapters.helpdesks.freshdesk import FreshdeskHelpdesk
from assistant.adapters.helpdesks.zammad import ZammadHelpdesk
from assistant.adapters.helpdesks.zendesk import ZendeskHelpdesk
from assistant.kernel.errors import HelpdeskUnavailable, InputError
from assistant.kernel.helpdesks import Writing
from tests.helpdesks.desk import HANG, Call, FakeDesk
from tests.helpdesks.server import running
from tests.helpdesks.zammad_desk import ME, SOMEONE

KEY = "dh-0123456789abcdef"
REPLY = "<p>Your invoice is in the portal under Billing.</p>"
WRITING = Writing(key=KEY, note=f"<p>Draft</p>{REPLY}<p>{KEY}</p>", note_text=f"Draft {KEY}", draft=REPLY)

Paths = Callable[[FakeDesk], list[str]]


@pytest.fixture
def zammad() -> Iterator[FakeDesk]:
    with running("zammad") as desk:
        yield desk


@pytest.fixture
def chatwoot() -> Iterator[FakeDesk]:
    with running("chatwoot") as desk:
        yield desk


@pytest.fixture
def zendesk() -> Iterator[FakeDesk]:
    with running("zendesk") as desk:
        yield desk


@pytest.fixture
def freshdesk() -> Iterator[FakeDesk]:
    with running("freshdesk") as desk:
        yield desk


def _writes(desk: FakeDesk) -> list[Call]:
    return [call for call in desk.requests if call.method != "GET"]


def test_zammad_gets_the_reply_as_a_shared_draft_addressed_to_the_customer(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "<p>Where is my invoice?</p>")
    ZammadHelpdesk(zammad.connection()).write(str(ticket.id), WRITING)
    assert ticket.draft is not None
    article = ticket.draft["new_article"]
    assert (article["body"], article["to"], article["type"]) == (REPLY, "ada@customer.example", "email")
    assert [entry.public for entry in ticket.entries] == [True, False], "a draft is not a message"


def test_zammads_order_is_tags_group_draft_note(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    full = WRITING.model_copy(update={"tags": ("deskhand",), "group": "Billing"})
    ZammadHelpdesk(zammad.connection()).write(str(ticket.id), full)
    assert [call.path.removeprefix("/api/v1/") for call in _writes(zammad)] == [
        "tags/add",
        f"tickets/{ticket.id}",
        f"tickets/{ticket.id}/shared_draft",
        "ticket_articles",
    ]


def test_a_zammad_group_without_shared_drafts_still_gets_the_note(zammad: FakeDesk) -> None:
    zammad.groups_without_drafts.add("Users")
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    ZammadHelpdesk(zammad.connection()).write(str(ticket.id), WRITING)
    assert (ticket.draft, len(ticket.notes)) == (None, 1)


def test_an_agents_own_shared_draft_is_left_alone(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    ticket.draft, ticket.drafted_by = {"new_article": {"body": "Half a thought"}}, SOMEONE
    ZammadHelpdesk(zammad.connection()).write(str(ticket.id), WRITING)
    assert ticket.draft == {"new_article": {"body": "Half a thought"}}
    assert len(ticket.notes) == 1


def test_an_older_draft_of_ours_is_replaced(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    ticket.draft, ticket.drafted_by = {"new_article": {"body": "What we thought before"}}, ME
    ZammadHelpdesk(zammad.connection()).write(str(ticket.id), WRITING)
    assert ticket.draft["new_article"]["body"] == REPLY


def test_shared_drafts_can_be_turned_off(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    ZammadHelpdesk(zammad.connection(shared_drafts=False)).write(str(ticket.id), WRITING)
    assert ticket.draft is None
    assert len(zammad.requests) == 1, "the note needs nothing else"


def test_a_zammad_ticket_from_a_chat_is_not_answered_by_mail(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?", channel="chat", customer="visitor-17")
    with pytest.raises(InputError, match="did not come by mail"):
        ZammadHelpdesk(zammad.connection()).write(str(ticket.id), WRITING.model_copy(update={"public_reply": REPLY}))
    assert _writes(zammad) == []


def test_chatwoot_shows_the_plain_note_and_hands_the_conversation_over(chatwoot: FakeDesk) -> None:
    ticket = chatwoot.add_ticket("", "Where is my invoice?", tags=["vip"])
    writing = WRITING.model_copy(update={"tags": ("deskhand",), "group": "billing", "public_reply": REPLY})
    ChatwootHelpdesk(chatwoot.connection()).write(str(ticket.id), writing)
    assert (ticket.tags, ticket.group, ticket.status) == (["vip", "deskhand"], "Billing", "open")
    assert [entry.body for entry in ticket.notes] == [WRITING.note_text]
    assert [entry.body for entry in ticket.replies] == ["Your invoice is in the portal under Billing."]


def test_a_chatwoot_conversation_that_is_not_handed_over_stays_the_bots(chatwoot: FakeDesk) -> None:
    ticket = chatwoot.add_ticket("", "Where is my invoice?")
    ChatwootHelpdesk(chatwoot.connection()).write(str(ticket.id), WRITING)
    assert ticket.status == "pending"


def test_every_zendesk_comment_says_whether_it_is_public(zendesk: FakeDesk) -> None:
    ticket = zendesk.add_ticket("Invoice", "Where is my invoice?")
    ZendeskHelpdesk(zendesk.connection()).write(str(ticket.id), WRITING.model_copy(update={"public_reply": REPLY}))
    comments = [call.body["ticket"]["comment"] for call in _writes(zendesk)]
    assert [comment["public"] for comment in comments] == [True, False]


def test_zendesk_tags_changed_by_someone_else_meanwhile_are_tried_again(zendesk: FakeDesk) -> None:
    ticket = zendesk.add_ticket("Invoice", "Where is my invoice?", tags=["vip"])
    helpdesk = ZendeskHelpdesk(zendesk.connection())
    zendesk.answer_next(409, path_part="/tags")
    tagged = WRITING.model_copy(update={"tags": ("deskhand",)})
    with pytest.raises(HelpdeskUnavailable):
        helpdesk.write(str(ticket.id), tagged)
    assert (ticket.tags, ticket.notes) == (["vip"], [])
    helpdesk.write(str(ticket.id), tagged)
    assert (ticket.tags, len(ticket.notes)) == (["vip", "deskhand"], 1)


def test_zendesks_stamp_is_of_the_ticket_as_it_was_read(zendesk: FakeDesk) -> None:
    ticket = zendesk.add_ticket("Invoice", "Where is my invoice?", tags=["vip"])
    stamp = ticket.updated_at
    ZendeskHelpdesk(zendesk.connection()).write(str(ticket.id), WRITING.model_copy(update={"tags": ("deskhand",)}))
    [tags] = [call.body for call in _writes(zendesk) if call.path.endswith("/tags")]
    assert tags == {"tags": ["deskhand"], "updated_stamp": stamp, "safe_update": "true"}


def test_freshdesk_changes_tags_and_group_in_one_request_and_mails_nobody(freshdesk: FakeDesk) -> None:
    ticket = freshdesk.add_ticket("Invoice", "Where is my invoice?", tags=["vip"])
    writing = WRITING.model_copy(update={"tags": ("deskhand",), "group": "Billing"})
    FreshdeskHelpdesk(freshdesk.connection()).write(str(ticket.id), writing)
    change, note = [call.body for call in _writes(freshdesk)]
    assert change == {"group_id": 3, "tags": ["vip", "deskhand"]}
    assert note == {"body": WRITING.note, "private": True, "notify_emails": []}


def test_a_freshdesk_group_that_may_not_be_looked_at_is_told_by_number(freshdesk: FakeDesk) -> None:
    ticket = freshdesk.add_ticket("Invoice", "Where is my invoice?", group="Billing")
    freshdesk.answer_next(403, path_part="/groups/")
    assert FreshdeskHelpdesk(freshdesk.connection()).read(str(ticket.id)).group == "3"


@pytest.mark.parametrize("status", ["closed", "merged"])
def test_a_closed_zammad_ticket_awaits_nothing(zammad: FakeDesk, status: str) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?", status=status)
    assert not ZammadHelpdesk(zammad.connection()).read(str(ticket.id)).awaits_reply


@pytest.mark.parametrize("status", ["resolved", "snoozed"])
def test_a_resolved_chatwoot_conversation_awaits_nothing(chatwoot: FakeDesk, status: str) -> None:
    ticket = chatwoot.add_ticket("", "Where is my invoice?", status=status)
    assert not ChatwootHelpdesk(chatwoot.connection()).read(str(ticket.id)).awaits_reply


@pytest.mark.parametrize("status", ["solved", "closed"])
def test_a_solved_zendesk_ticket_awaits_nothing(zendesk: FakeDesk, status: str) -> None:
    ticket = zendesk.add_ticket("Invoice", "Where is my invoice?", status=status)
    assert not ZendeskHelpdesk(zendesk.connection()).read(str(ticket.id)).awaits_reply


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_a_resolved_freshdesk_ticket_awaits_nothing(freshdesk: FakeDesk, status: str) -> None:
    ticket = freshdesk.add_ticket("Invoice", "Where is my invoice?", status=status)
    assert not FreshdeskHelpdesk(freshdesk.connection()).read(str(ticket.id)).awaits_reply


def test_a_helpdesk_that_does_not_answer_in_time_may_be_tried_again(zammad: FakeDesk) -> None:
    ticket = zammad.add_ticket("Invoice", "Where is my invoice?")
    zammad.answer_next(HANG)
    with pytest.raises(HelpdeskUnavailable, match="ReadTimeout"):
        ZammadHelpdesk(zammad.connection(), timeout_s=0.2).read(str(ticket.id))


def test_html_is_read_as_the_text_its_author_wrote(zammad: FakeDesk) -> None:
    html = """<style>p{}</style><div>Hello,</div><ul><li>lamp is red</li><li><p>it blinks</p></li></ul>
    <blockquote>On Monday you wrote: please restart</blockquote><script>steal()</script>"""
    ticket = zammad.add_ticket("Router", html)
    [entry] = ZammadHelpdesk(zammad.connection()).read(str(ticket.id)).entries
    assert entry.text == "Hello,\n- lamp is red\n- it blinks"


def test_a_hyphen_at_a_lines_end_stays(freshdesk: FakeDesk) -> None:
    ticket = freshdesk.add_ticket("Router", "<p>the red-</p><p>green lamp</p>")
    [entry] = FreshdeskHelpdesk(freshdesk.connection()).read(str(ticket.id)).entries
    assert entry.text == "the red-\ngreen lamp"


def test_a_plain_note_without_its_key_gets_it(chatwoot: FakeDesk) -> None:
    ticket = chatwoot.add_ticket("", "Where is my invoice?")
    helpdesk = ChatwootHelpdesk(chatwoot.connection())
    helpdesk.write(str(ticket.id), WRITING.model_copy(update={"note_text": "Draft"}))
    assert helpdesk.read(str(ticket.id)).mentions(KEY)
