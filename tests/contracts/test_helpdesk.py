"""Every Helpdesk: tells who said what, leaves a note and never twice a tag, says nothing to customers unasked."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from assistant.adapters.helpdesks.catalogue import create_helpdesk
from assistant.adapters.memory.helpdesk import MemoryHelpdesk
from assistant.kernel.conversation import Author
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable, InputError, NotFound
from assistant.kernel.helpdesks import Writing, writing_key
from assistant.ports import Helpdesk
from tests.helpdesks.desk import DROP, FakeDesk
from tests.helpdesks.server import VENDORS, running

KEY = writing_key("our-desk", "4711", "9")
NOTE = f"<p>Draft for the customer:</p><p>Press reset &amp; hold for ten seconds.</p><p>{KEY}</p>"
WRITING = Writing(key=KEY, note=NOTE, note_text=f"Draft:\nPress reset & hold for ten seconds.\n{KEY}")
REPLY = "<p>Press reset &amp; hold for ten seconds.</p>"


@dataclass
class Bench:
    """A helpdesk and the hands of those who use it beside us."""

    helpdesk: Helpdesk
    desk: FakeDesk | MemoryHelpdesk
    added: list[str] = field(default_factory=list)

    def add(self, subject: str = "Router offline", text: str = "My router is offline.") -> str:
        if isinstance(self.desk, FakeDesk):
            return str(self.desk.add_ticket(subject, text).id)
        self.added.append(f"{4000 + len(self.added)}")
        return self.desk.add_ticket(self.added[-1], subject, text).id

    def say(
        self, ticket_id: str, author: Author, text: str, *, public: bool = True, attachments: tuple[str, ...] = ()
    ) -> None:
        self.desk.say(ticket_id, author, text, public=public, attachments=attachments)


@pytest.fixture(scope="module")
def desks() -> Iterator[dict[str, FakeDesk]]:
    """A server for each vendor, for this file."""
    with ExitStack() as servers:
        yield {vendor: servers.enter_context(running(vendor)) for vendor in VENDORS}


@pytest.fixture(params=[*VENDORS, "memory"])
def bench(request: pytest.FixtureRequest, desks: dict[str, FakeDesk]) -> Bench:
    if request.param == "memory":
        twin = MemoryHelpdesk()
        return Bench(twin, twin)
    desk = desks[request.param]
    return Bench(create_helpdesk(desk.connection()), desk)


@pytest.fixture(params=VENDORS)
def desk(request: pytest.FixtureRequest, desks: dict[str, FakeDesk]) -> Iterator[FakeDesk]:
    """A vendor's server that can be told to fail."""
    desk = desks[request.param]
    yield desk
    assert not desk.faults, "a fault was not used up"


def test_a_ticket_tells_who_said_what_oldest_first(bench: Bench) -> None:
    ticket_id = bench.add("Router offline", "My router is offline since Monday.")
    bench.say(ticket_id, "agent", "Which lamp is lit?")
    bench.say(ticket_id, "agent", "Looks like a broken cable.", public=False)
    bench.say(ticket_id, "customer", "The red one.", attachments=("lamp photo.jpg",))
    ticket = bench.helpdesk.read(ticket_id)
    assert (ticket.id, ticket.subject, ticket.open) == (ticket_id, "Router offline", True)
    assert [(entry.author, entry.public, entry.text) for entry in ticket.entries] == [
        ("customer", True, "My router is offline since Monday."),
        ("agent", True, "Which lamp is lit?"),
        ("agent", False, "Looks like a broken cable."),
        ("customer", True, "The red one."),
    ]
    assert ticket.entries[-1].attachments == ("lamp photo.jpg",)
    assert ticket.awaits_reply


def test_an_agents_answer_ends_the_wait(bench: Bench) -> None:
    ticket_id = bench.add()
    bench.say(ticket_id, "agent", "We sent you a new one today.")
    assert not bench.helpdesk.read(ticket_id).awaits_reply


def test_a_note_carries_its_key_and_no_customer_sees_it(bench: Bench) -> None:
    ticket_id = bench.add()
    assert not bench.helpdesk.read(ticket_id).mentions(KEY)
    written = bench.helpdesk.write(ticket_id, WRITING)
    ticket = bench.helpdesk.read(ticket_id)
    assert ticket.mentions(KEY)
    assert written == ticket.entries[-1].id
    assert "Press reset & hold for ten seconds." in ticket.entries[-1].text
    assert [entry.public for entry in ticket.entries] == [True, False]
    assert ticket.awaits_reply, "the customer still waits for a person"


def test_a_customer_cannot_make_a_note_seem_written(bench: Bench) -> None:
    ticket_id = bench.add(text=f"Please look at {KEY}, thank you.")
    assert not bench.helpdesk.read(ticket_id).mentions(KEY)


def test_tags_join_those_that_are_there_and_repeating_adds_none(bench: Bench) -> None:
    ticket_id = bench.add()
    bench.helpdesk.write(ticket_id, WRITING.model_copy(update={"tags": ("vip",)}))
    for _ in range(2):
        bench.helpdesk.write(ticket_id, WRITING.model_copy(update={"tags": ("deskhand", "vip")}))
    assert sorted(bench.helpdesk.read(ticket_id).tags) == ["deskhand", "vip"]


def test_a_group_is_assigned_by_its_name_and_kept_when_none_is_named(bench: Bench) -> None:
    ticket_id = bench.add()
    bench.helpdesk.write(ticket_id, WRITING.model_copy(update={"group": "Second level"}))
    assert bench.helpdesk.read(ticket_id).group == "Second level"
    bench.helpdesk.write(ticket_id, WRITING)
    assert bench.helpdesk.read(ticket_id).group == "Second level"


def test_a_public_reply_is_sent_only_when_there_is_one(bench: Bench) -> None:
    ticket_id = bench.add()
    bench.helpdesk.write(ticket_id, WRITING.model_copy(update={"draft": REPLY, "tags": ("deskhand",)}))
    assert [entry.author for entry in bench.helpdesk.read(ticket_id).entries if entry.public] == ["customer"]
    bench.helpdesk.write(ticket_id, WRITING.model_copy(update={"public_reply": REPLY}))
    ticket = bench.helpdesk.read(ticket_id)
    newest = ticket.newest
    assert newest is not None
    assert newest.author == "agent"
    assert "Press reset" in newest.text
    assert not ticket.awaits_reply
    assert ticket.entries[-1].public is False, "the note comes last"


def test_a_ticket_that_is_not_there_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.helpdesk.read("999999")
    with pytest.raises(NotFound):
        bench.helpdesk.write("999999", WRITING.model_copy(update={"tags": ("deskhand",), "draft": REPLY}))


@pytest.mark.parametrize("status", [429, 503])
def test_a_helpdesk_that_asks_to_wait_says_how_long(desk: FakeDesk, status: int) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    helpdesk = create_helpdesk(desk.connection())
    for act in (lambda: helpdesk.read(ticket_id), lambda: helpdesk.write(ticket_id, WRITING)):
        desk.answer_next(status, {"Retry-After": "17"})
        with pytest.raises(HelpdeskUnavailable) as caught:
            act()
        assert caught.value.retry_after_s == 17.0
    assert desk.tickets[ticket_id].notes == []


@pytest.mark.parametrize("retry_after", ["Fri, 31 Dec 2027 23:59:59 GMT", "", "-3", "²"])
def test_a_time_to_wait_that_is_no_number_is_not_taken_for_one(desk: FakeDesk, retry_after: str) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    desk.answer_next(500, {"Retry-After": retry_after})
    with pytest.raises(HelpdeskUnavailable) as caught:
        create_helpdesk(desk.connection()).read(ticket_id)
    assert caught.value.retry_after_s == 10.0


def test_a_wrong_token_is_a_fault_of_the_configuration(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    helpdesk = create_helpdesk(desk.connection(token="tkn-revoked"))
    with pytest.raises(ConfigurationError) as caught:
        helpdesk.read(ticket_id)
    assert "401" in str(caught.value)
    with pytest.raises(ConfigurationError):
        helpdesk.write(ticket_id, WRITING)
    assert "tkn-revoked" not in str(caught.value) + caught.value.fix


@pytest.mark.parametrize("change", [{"token": ""}, {"token": "line\nbreak"}, {"url": ""}, {"url": "http://[::1"}])
def test_a_connection_that_cannot_work_is_a_fault_of_the_configuration(desk: FakeDesk, change: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        create_helpdesk(desk.connection(**change)).read("4001")


def test_a_helpdesk_that_cannot_be_reached_may_be_tried_again(desk: FakeDesk) -> None:
    helpdesk = create_helpdesk(desk.connection(url="http://127.0.0.1:9"))
    with pytest.raises(HelpdeskUnavailable, match="cannot be reached"):
        helpdesk.read("4001")
    with pytest.raises(HelpdeskUnavailable):
        helpdesk.write("4001", WRITING)


def test_a_note_whose_answer_was_lost_is_found_before_it_is_written_again(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    helpdesk = create_helpdesk(desk.connection())
    desk.answer_next(DROP)
    with pytest.raises(HelpdeskUnavailable):
        helpdesk.write(ticket_id, WRITING)
    assert helpdesk.read(ticket_id).mentions(KEY)
    assert len(desk.tickets[ticket_id].notes) == 1


def test_a_reply_is_sent_once_though_its_note_failed_at_first(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    helpdesk = create_helpdesk(desk.connection())
    both = WRITING.model_copy(update={"public_reply": REPLY})
    helpdesk.write(ticket_id, both)
    desk.tickets[ticket_id].entries.pop()  # The note is lost, the reply is not.
    helpdesk.write(ticket_id, both)
    assert (len(desk.tickets[ticket_id].replies), len(desk.tickets[ticket_id].notes)) == (1, 1)


def test_a_group_that_does_not_exist_is_named_before_anything_is_said(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    wrong = WRITING.model_copy(update={"group": "Night shift", "public_reply": REPLY})
    with pytest.raises(ConfigurationError, match="Night shift"):
        create_helpdesk(desk.connection()).write(ticket_id, wrong)
    assert len(desk.tickets[ticket_id].entries) == 1


def test_a_group_may_be_given_by_its_number(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    create_helpdesk(desk.connection()).write(ticket_id, WRITING.model_copy(update={"group": "3"}))
    assert desk.tickets[ticket_id].group == "Billing"


@pytest.mark.parametrize("ticket_id", ["", "../users/1", "12/../13", "１２", "1?x=2", "9" * 30, "-1", "12\n"])
def test_what_is_no_ticket_number_reaches_no_address(desk: FakeDesk, ticket_id: str) -> None:
    before = len(desk.requests)
    helpdesk = create_helpdesk(desk.connection())
    with pytest.raises(InputError):
        helpdesk.read(ticket_id)
    with pytest.raises(InputError):
        helpdesk.write(ticket_id, WRITING)
    assert len(desk.requests) == before


def test_of_a_long_ticket_the_newest_entries_are_read(desk: FakeDesk) -> None:
    ticket_id = str(desk.add_ticket("Long story", "It began in March.").id)
    for number in range(620):
        desk.say(ticket_id, "agent" if number % 2 else "customer", f"Message {number}.")
    entries = create_helpdesk(desk.connection()).read(ticket_id).entries
    assert [entry.text for entry in entries] == [f"Message {number}." for number in range(120, 620)]


def test_only_what_is_posted_as_a_note_or_reply_carries_the_key(desk: FakeDesk) -> None:
    """The key of two different requests must differ: a helpdesk that knows such keys would drop the second."""
    ticket_id = str(desk.add_ticket("Invoice", "Where is my invoice?").id)
    full = WRITING.model_copy(update={"tags": ("a", "b"), "group": "Billing", "public_reply": REPLY, "draft": REPLY})
    before = len(desk.requests)
    create_helpdesk(desk.connection()).write(ticket_id, full)
    keys = [call.headers["idempotency-key"] for call in desk.requests[before:] if "idempotency-key" in call.headers]
    assert keys == ([] if desk.vendor == "zendesk" else [f"{KEY}-reply", KEY])
