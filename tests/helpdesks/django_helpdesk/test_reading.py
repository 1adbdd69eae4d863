"""What the adapter says of a ticket."""

import pytest

from assistant.adapters.helpdesks.django_helpdesk import DjangoHelpdesk
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable, NotFound
from tests.helpdesk_site.running import CLOSED, RESOLVED, RunningHelpdesk
from tests.helpdesks.django_helpdesk.conftest import QUESTION, ask, connection, reply_by_mail


def test_a_ticket_is_read_with_its_first_message_once(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket = desk.read(str(ask(site)))
    assert [(e.author, e.public, e.text) for e in ticket.entries] == [("customer", True, QUESTION)]
    assert ticket.entries[0].at is not None
    assert (ticket.subject, ticket.group, ticket.open) == ("Descaling the Duo", "Coffee support", True)
    assert ticket.awaits_reply


def test_mails_agents_and_private_notes_are_told_apart(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    site.agent_writes(ticket_id, "Two sachets are enough.")
    site.agent_writes(ticket_id, "She is a subscriber.", public=False)
    assert not desk.read(str(ticket_id)).awaits_reply
    reply_by_mail(site, ticket_id, "And how long does it take?\n\nOn Monday Joanna wrote:\n> Two sachets\n")
    ticket = desk.read(str(ticket_id))
    assert [(e.author, e.public) for e in ticket.entries] == [
        ("customer", True),
        ("agent", True),
        ("agent", False),
        ("customer", True),
    ]
    assert ticket.awaits_reply
    assert "She is a subscriber." not in str(ticket.conversation())


def test_a_mail_that_quotes_is_still_one_first_message(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    mail = "The burrs squeak.\n\nOn Sunday, Fernhill wrote:\n> Welcome to your new Mill\n"
    site.mail("Squeaking burrs", mail, "kofi@customers.example")
    with site.as_agent() as api:
        number = max(ticket["id"] for ticket in api.get("/api/tickets/?page_size=500").json()["results"])
    assert [e.text for e in desk.read(str(number)).entries] == ["The burrs squeak."]


@pytest.mark.parametrize("status", [RESOLVED, CLOSED])
def test_a_resolved_or_closed_ticket_is_not_open(site: RunningHelpdesk, desk: DjangoHelpdesk, status: int) -> None:
    ticket_id = ask(site)
    site.agent_writes(ticket_id, "", status=status)
    ticket = desk.read(str(ticket_id))
    assert not ticket.open
    assert not ticket.awaits_reply


def test_a_customers_mail_opens_a_closed_ticket_again(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    site.agent_writes(ticket_id, "Two sachets are enough.", status=CLOSED)
    reply_by_mail(site, ticket_id, "It still blinks.")
    assert desk.read(str(ticket_id)).awaits_reply


@pytest.mark.parametrize("ticket_id", ["999999", "../users", ""])
def test_a_ticket_that_is_not_there_is_not_found(desk: DjangoHelpdesk, ticket_id: str) -> None:
    with pytest.raises(NotFound):
        desk.read(ticket_id)


def test_a_wrong_password_and_a_missing_one_are_the_configurations_fault(site: RunningHelpdesk) -> None:
    with pytest.raises(ConfigurationError, match="40"):
        DjangoHelpdesk(connection(site, token="not the password")).read("1")
    with pytest.raises(ConfigurationError, match="user or token"):
        DjangoHelpdesk(connection(site, token="")).read("1")


def test_an_address_that_is_no_django_helpdesk_is_the_configurations_fault(site: RunningHelpdesk) -> None:
    with pytest.raises(ConfigurationError, match="302"):
        DjangoHelpdesk(connection(site, url=f"{site.url}/admin")).read("1")


def test_a_helpdesk_that_is_away_is_tried_again(site: RunningHelpdesk) -> None:
    with pytest.raises(HelpdeskUnavailable):
        DjangoHelpdesk(connection(site, url="http://127.0.0.1:9")).read("1")
