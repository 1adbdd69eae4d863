"""What django-helpdesk sends, and what its adapter makes of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from assistant.adapters.helpdesks.django_helpdesk import PATH_SECRET, DjangoHelpdesk
from assistant.kernel.errors import ConfigurationError, InputError, Refused
from assistant.kernel.helpdesks import Delivery, Notice
from tests.helpdesk_site.running import RESOLVED, RunningHelpdesk
from tests.helpdesks.django_helpdesk.conftest import SECRET, Listener, ask, connection, reply_by_mail


def test_a_new_ticket_is_told_by_a_webhook(site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener) -> None:
    ticket_id = ask(site)
    notice = desk.receive(listener.next())
    assert notice == Notice(delivery_id=f"ticket-{ticket_id}", ticket_id=str(ticket_id), about="customer")


def test_a_customers_mail_is_told_as_the_customers(
    site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener
) -> None:
    ticket_id = ask(site)
    listener.forget()
    reply_by_mail(site, ticket_id, "Is vinegar fine as well?")
    notice = desk.receive(listener.next())
    newest = site.followups(ticket_id)[-1]["id"]
    assert notice == Notice(delivery_id=f"followup-{newest}", ticket_id=str(ticket_id), about="customer")


def test_a_ticket_opened_by_mail_is_told_as_a_new_ticket(
    site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener
) -> None:
    site.mail("Loud grinder", "My Mill has become very loud since Sunday.", "kofi@customers.example")
    notice = desk.receive(listener.next())
    assert notice.delivery_id == f"ticket-{notice.ticket_id}"
    assert notice.about == "customer"


def test_an_agents_reply_is_told_as_the_agents(site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener) -> None:
    ticket_id = ask(site)
    listener.forget()
    followup = site.agent_writes(ticket_id, "Hello Maureen, two sachets are enough.")
    notice = desk.receive(listener.next())
    assert notice == Notice(delivery_id=f"followup-{followup}", ticket_id=str(ticket_id), about="agent")


def test_private_notes_and_changes_without_words_are_nothing_to_do(
    site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener
) -> None:
    ticket_id = ask(site)
    listener.forget()
    site.agent_writes(ticket_id, "She called about this last week too.", public=False)
    site.agent_writes(ticket_id, "", status=RESOLVED)
    notices = [desk.receive(listener.next()) for _ in range(2)]
    assert [(n.about, n.why) for n in notices] == [
        ("nothing", "a private follow-up"),
        ("nothing", "a change without a message"),
    ]


def test_a_follow_up_the_ticket_does_not_list_is_called_the_customers(desk: DjangoHelpdesk) -> None:
    body = {"ticket": {"id": 7, "queue": 1, "title": "Duo", "status": 1}, "queue_slug": "coffee", "followup_id": 31}
    assert desk.receive(delivery(body)).about == "customer"


@pytest.mark.parametrize("secret", ["", "b7c1f0a94e6d4c1c8a33", "ß"])
def test_a_webhook_without_the_secret_in_its_address_is_refused(desk: DjangoHelpdesk, secret: str) -> None:
    with pytest.raises(Refused):
        desk.receive(delivery({"ticket": {"id": 1}}, secret=secret))


def test_a_connection_without_a_secret_takes_no_webhooks(site: RunningHelpdesk) -> None:
    with pytest.raises(ConfigurationError, match="no secret"):
        DjangoHelpdesk(connection(site, secret="")).receive(delivery({"ticket": {"id": 1}}, secret=""))


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"ticket": {"title": "my PIN is 4711"}}'])
def test_other_payloads_are_wrong_input_and_their_text_is_not_repeated(desk: DjangoHelpdesk, body: bytes) -> None:
    headers = {PATH_SECRET: SECRET}
    with pytest.raises(InputError) as caught:
        desk.receive(Delivery(headers=headers, body=body, received_at=datetime.now(UTC)))
    assert "4711" not in str(caught.value)
    assert caught.value.__cause__ is None


def delivery(body: dict[str, Any], secret: str = SECRET) -> Delivery:
    return Delivery(headers={PATH_SECRET: secret}, body=json.dumps(body).encode(), received_at=datetime.now(UTC))
