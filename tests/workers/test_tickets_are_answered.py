"""A webhook's ticket: read, answered, read again, and left one note that a customer never sees."""

from collections.abc import Callable, Sequence

import pytest

from assistant.adapters.memory.helpdesk import MemoryHelpdesk
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable
from assistant.kernel.generation import ChatMessage
from assistant.kernel.helpdesks import Connection, HelpdeskKind, HelpdeskTicket, Writing
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.kernel.outgoing import EventType, LetterState, Receiver
from assistant.pipeline import Desk
from tests.workers.shop import Shop
from workers.tasks import run_job

ACME = Connection(name="acme", kind=HelpdeskKind.ZAMMAD, url="http://x", handoff_group="Second level")
CRM = Receiver(name="crm", url="https://crm.example/hooks", secret="whsec_c2VjcmV0LXNlY3JldA==")
MakeDesk = Callable[..., Desk]
DESCALE = "How do I descale the Fernhill Duo?"


def copying(messages: Sequence[ChatMessage]) -> str:
    passage = messages[-1].content.split(">\n", 1)[1].split("\n</passage>", 1)[0]
    return ". ".join(passage.replace("\n", " ").split(". ")[:2]).rstrip(".") + " [1]."


@pytest.fixture
def helpdesk() -> MemoryHelpdesk:
    return MemoryHelpdesk()


@pytest.fixture
def shop(make_desk: MakeDesk, clock: ManualClock, helpdesk: MemoryHelpdesk) -> Shop:
    return Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(ACME, helpdesk)], receivers=[CRM])


def delivered(shop: Shop, helpdesk: MemoryHelpdesk, ticket_id: str, clock: ManualClock, number: str = "") -> Job | None:
    """What the route does with a webhook about the newest entry."""
    notice = helpdesk.receive(helpdesk.delivery(ticket_id, clock.now()))
    if number:
        notice = notice.model_copy(update={"delivery_id": number})
    inbox_id = shop.letters.receive(ACME.name, notice)
    return shop.jobs.add("default", JobName.ANSWER_TICKET, inbox_id) if inbox_id else None


def work(shop: Shop) -> None:
    """Do everything that is due, until nothing is."""
    while due := shop.jobs.due():
        for item in due:
            run_job(item.id, shop.workshop())


def details(shop: Shop) -> list[str]:
    return [job.detail for job in shop.jobs.find(None, name=JobName.ANSWER_TICKET)]


def test_a_ticket_gets_a_drafted_note_with_citations(shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock) -> None:
    helpdesk.add_ticket("7", "descaling", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    [(ticket_id, writing)] = helpdesk.writings
    note = helpdesk.tickets["7"].entries[-1]
    assert ticket_id == "7"
    assert (note.author, note.public) == ("agent", False)
    assert writing.key in note.text
    assert "[1] " in note.text
    assert "Sources" in note.text
    assert writing.tags == ("deskhand-draft",)
    assert (writing.public_reply, writing.group) == ("", "")
    letter = shop.letters.letter(writing.key)
    assert letter is not None
    assert letter.state is LetterState.SENT
    assert shop.runs.get("default", letter.run_id).ticket_id == "7"


def test_a_handoff_gets_its_reason_and_its_group(shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock) -> None:
    helpdesk.add_ticket("8", "telescope", "Which telescope reveals Saturn's moons?")
    delivered(shop, helpdesk, "8", clock)
    work(shop)
    writing = helpdesk.writings[0][1]
    assert "For a person" in writing.note_text
    assert (writing.group, writing.draft, writing.tags) == ("Second level", "", ("deskhand-handoff",))


def test_the_receivers_of_events_are_told_of_drafts_and_handoffs(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    for number, text in (("7", DESCALE), ("8", "Which telescope reveals Saturn's moons?")):
        helpdesk.add_ticket(number, "", text)
        delivered(shop, helpdesk, number, clock)
    work(shop)
    told = {event.type: event for _, event in shop.sender.sent}
    assert set(told) == {EventType.DRAFT_READY, EventType.HANDOFF_CREATED}
    assert told[EventType.DRAFT_READY].data["ticket_id"] == "7"
    assert told[EventType.DRAFT_READY].data["reply"]["draft"]["sentences"]


def test_a_receiver_of_another_tenant_or_another_event_is_not_told(
    make_desk: MakeDesk, clock: ManualClock, helpdesk: MemoryHelpdesk
) -> None:
    others = [
        CRM.model_copy(update={"tenant": "other"}),
        CRM.model_copy(update={"types": (EventType.BATCH_FINISHED,)}),
    ]
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(ACME, helpdesk)], receivers=others)
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert helpdesk.writings
    assert shop.outbox.events == {}


def test_the_same_webhook_again_leaves_one_note(shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    assert delivered(shop, helpdesk, "7", clock) is not None
    assert delivered(shop, helpdesk, "7", clock) is None
    delivered(shop, helpdesk, "7", clock, number="another delivery of the same message")
    work(shop)
    assert len(helpdesk.writings) == 1
    assert sorted(details(shop)) == ["note written", "this message was dealt with before: sent"]


def test_each_message_of_the_customer_is_answered_once(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    helpdesk.say("7", "customer", "And how do I clean the grinder of the Fernhill Duo?")
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert len({writing.key for _, writing in helpdesk.writings}) == 2


class Meanwhile(MemoryHelpdesk):
    """Something happens at the ticket between the first reading and the second."""

    def __init__(self, happens: Callable[["Meanwhile"], object]) -> None:
        super().__init__()
        self._happens, self._reads = happens, 0

    def read(self, ticket_id: str) -> HelpdeskTicket:
        self._reads += 1
        if self._reads == 2:
            self._happens(self)
        return super().read(ticket_id)


@pytest.mark.parametrize(
    "happens",
    [
        lambda desk: desk.say("7", "agent", "I have called the customer."),
        lambda desk: desk.say("7", "customer", "Never mind, I found it."),
        lambda desk: desk.close("7"),
    ],
)
def test_a_draft_is_dropped_when_someone_was_faster(
    make_desk: MakeDesk, clock: ManualClock, happens: Callable[[Meanwhile], object]
) -> None:
    helpdesk = Meanwhile(happens)
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(ACME, helpdesk)], receivers=[CRM])
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert helpdesk.writings == []
    assert shop.sender.sent == []
    assert details(shop)[0].startswith("dropped")


def test_a_crash_after_the_note_was_written_does_not_write_it_again(make_desk: MakeDesk, clock: ManualClock) -> None:
    class Crashing(MemoryHelpdesk):
        crashes = 1

        def write(self, ticket_id: str, writing: Writing) -> str:
            done = super().write(ticket_id, writing)
            if self.crashes:
                self.crashes -= 1
                raise HelpdeskUnavailable("the connection broke after the note was written")
            return done

    helpdesk = Crashing()
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(ACME, helpdesk)], receivers=[CRM])
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert details(shop) == ["the connection broke after the note was written"]
    clock.advance(600)
    work(shop)
    assert details(shop) == ["the note was there already"]
    assert len(helpdesk.writings) == 1
    assert len(shop.sender.sent) == 1


def test_a_draft_that_could_not_be_left_is_not_written_anew(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    """The helpdesk goes away after the draft: the run that was recorded is the one that is left later."""
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    original = helpdesk.write
    helpdesk.write = lambda *_: (_ for _ in ()).throw(HelpdeskUnavailable("away"))  # type: ignore[method-assign]
    work(shop)
    helpdesk.write = original  # type: ignore[method-assign]
    [run] = shop.runs.kept.values()
    clock.advance(600)
    work(shop)
    assert len(shop.runs.kept) == 1
    assert run.id[:12] in helpdesk.writings[0][1].note_text


def test_a_helpdesk_that_is_away_is_waited_for(shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    job = delivered(shop, helpdesk, "7", clock)
    for _ in range(6):
        helpdesk.fail_next(HelpdeskUnavailable("helpdesk 'acme' cannot be reached", retry_after_s=30))
        work(shop)
        clock.advance(600)
    assert job is not None
    work(shop)
    assert shop.jobs.get("default", job.id).state is JobState.DONE
    assert len(helpdesk.writings) == 1


def test_wrong_credentials_end_the_job_with_the_reason_after_some_tries(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    job = delivered(shop, helpdesk, "7", clock)
    assert job is not None
    for _ in range(10):
        helpdesk.fail_next(ConfigurationError("helpdesk 'acme' answered 401"))
        work(shop)
        clock.advance(600)
    dead = shop.jobs.get("default", job.id)
    assert (dead.state, dead.detail) == (JobState.DEAD, "helpdesk 'acme' answered 401")


def test_what_an_agent_answers_is_feedback_on_the_draft_once(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    helpdesk.say("7", "agent", "Dissolve one sachet in half a litre of water and hold both buttons.")
    delivered(shop, helpdesk, "7", clock)
    helpdesk.say("7", "agent", "P.S. It takes half an hour.")
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    [(given, compared)] = shop.runs.feedback
    assert given.verdict == "sent"
    assert compared is not None
    assert compared.edits > 0
    assert len(helpdesk.writings) == 1


def test_the_prompt_of_a_reopened_ticket_holds_no_earlier_note(make_desk: MakeDesk, clock: ManualClock) -> None:
    seen: list[str] = []

    def noting(messages: Sequence[ChatMessage]) -> str:
        seen.append("\n".join(message.content for message in messages))
        return copying(messages)

    helpdesk = MemoryHelpdesk()
    shop = Shop(clock, MemoryIndex(), make_desk(noting), helpdesks=[(ACME, helpdesk)])
    helpdesk.add_ticket("7", "", "I want to talk to a person about my Fernhill Duo, please.")
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert helpdesk.writings[0][1].tags == ("deskhand-handoff",)
    helpdesk.say("7", "agent", "Hello, this is Ana. What can I do for you?")
    helpdesk.close("7")
    helpdesk.say("7", "customer", DESCALE)
    helpdesk.tickets["7"] = helpdesk.tickets["7"].model_copy(update={"open": True})
    delivered(shop, helpdesk, "7", clock)
    work(shop)
    assert helpdesk.writings[1][1].tags == ("deskhand-draft",)
    assert all("For a person" not in prompt and "dh-" not in prompt for prompt in seen)


def test_our_own_public_reply_is_no_person_s_answer(make_desk: MakeDesk, clock: ManualClock) -> None:
    class BrokenOff(MemoryHelpdesk):
        """Breaks off once between the public reply and the note."""

        breaks = 1

        def write(self, ticket_id: str, writing: Writing) -> str:
            if self.breaks:
                self.breaks -= 1
                self.say(ticket_id, "agent", writing.public_reply.removeprefix("<p>").removesuffix("</p>"))
                raise HelpdeskUnavailable("the connection broke")
            return super().write(ticket_id, writing.model_copy(update={"public_reply": ""}))

    helpdesk = BrokenOff()
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(ACME, helpdesk)], receivers=[CRM])
    helpdesk.add_ticket("7", "", DESCALE)
    job = delivered(shop, helpdesk, "7", clock)
    assert job is not None
    plan = shop.letters.plan
    sent = {"public_reply": "<p>Dissolve one sachet &amp; hold both buttons.</p>"}
    shop.letters.plan = lambda letter: plan(  # type: ignore[method-assign]
        letter.model_copy(update={"writing": letter.writing.model_copy(update=sent)})
    )
    work(shop)
    helpdesk.tickets["7"] = helpdesk.tickets["7"].model_copy(
        update={
            "entries": (
                *helpdesk.tickets["7"].entries[:-1],
                helpdesk.tickets["7"]
                .entries[-1]
                .model_copy(update={"text": "Dissolve one sachet & hold both buttons."}),
            )
        }
    )
    clock.advance(600)
    work(shop)
    assert shop.runs.feedback == []
    assert len(helpdesk.writings) == 1
    assert details(shop) == ["note written after our own reply"]


def test_a_webhook_that_overtakes_its_ticket_is_tried_again(
    shop: Shop, helpdesk: MemoryHelpdesk, clock: ManualClock
) -> None:
    helpdesk.add_ticket("7", "", DESCALE)
    delivered(shop, helpdesk, "7", clock)
    ticket = helpdesk.tickets.pop("7")
    work(shop)
    helpdesk.tickets["7"] = ticket
    clock.advance(60)
    work(shop)
    assert len(helpdesk.writings) == 1
