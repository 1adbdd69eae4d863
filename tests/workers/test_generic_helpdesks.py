"""A helpdesk that cannot be asked: its webhooks hold the ticket, and events tell what became of it."""

from collections.abc import Callable

from assistant.adapters.memory.helpdesk import MemoryHelpdesk
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock
from assistant.kernel.conversation import Message, Ticket
from assistant.kernel.helpdesks import Connection, HelpdeskKind, Notice
from assistant.kernel.jobs import JobName
from assistant.kernel.outgoing import EventType
from assistant.pipeline import Desk
from tests.workers.shop import Shop
from tests.workers.test_tickets_are_answered import CRM, DESCALE, copying, work

MakeDesk = Callable[..., Desk]


def test_a_generic_helpdesk_is_answered_by_an_event(make_desk: MakeDesk, clock: ManualClock) -> None:
    other = Connection(name="generic", kind=HelpdeskKind.GENERIC)
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(other, MemoryHelpdesk())], receivers=[CRM])
    ticket = Ticket(id="T-1", messages=(Message(author="customer", text=DESCALE),))
    notice = Notice(delivery_id="m1", ticket_id="T-1", about="customer", ticket=ticket)
    inbox_id = shop.letters.receive("generic", notice)
    assert inbox_id
    shop.jobs.add("default", JobName.ANSWER_TICKET, inbox_id)
    work(shop)
    [(_, event)] = shop.sender.sent
    assert (event.type, event.data["ticket_id"]) == (EventType.DRAFT_READY, "T-1")


def test_any_message_of_a_generic_helpdesk_is_answered_once_whatever_else_it_sends(
    make_desk: MakeDesk, clock: ManualClock
) -> None:
    other = Connection(name="generic", kind=HelpdeskKind.GENERIC)
    shop = Shop(clock, MemoryIndex(), make_desk(copying), helpdesks=[(other, MemoryHelpdesk())], receivers=[CRM])
    for number, text in enumerate((DESCALE, DESCALE, "And how do I clean the grinder of the Fernhill Duo?")):
        ticket = Ticket(id="T-1", messages=(Message(author="customer", text=text),))
        notice = Notice(delivery_id=f"m{number}", ticket_id="T-1", about="customer", ticket=ticket)
        inbox_id = shop.letters.receive("generic", notice)
        assert inbox_id
        shop.jobs.add("default", JobName.ANSWER_TICKET, inbox_id)
    work(shop)
    assert len(shop.sender.sent) == 2
