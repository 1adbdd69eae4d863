"""The adapter against the real django-helpdesk, with its real webhooks, mailbox and outgoing mail."""

import json
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.adapters.helpdesks.django_helpdesk import PATH_SECRET, DjangoHelpdesk
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable, InputError, NotFound, Refused
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskKind, Notice, Writing, writing_key
from tests.helpdesk_site.running import CLOSED, RESOLVED, RunningHelpdesk, running_helpdesk

SECRET = "b7c1f0a94e6d4c1c8a32"
MAUREEN = "maureen@customers.example"
QUESTION = "The display on my Duo keeps telling me to descale. How many sachets do I need?\n\nThanks\nMaureen"
NOTE = """Deskhand proposes this reply. Check it before you send it.

Hello Maureen,
use 2 sachets in 2.0 l of water [1]. Then hold *Clean* for 8 s [2].

# Sources
[1] Descale the Duo: "2 sachets" https://help.fernhill.example/descale_duo?lang=en
[2]: Descaling <b>FAQ</b> & more](javascript:alert(1))
- not a list {{ ticket.secret_key }} {% now "Y" %}
----
2. Her order is #2204861"""


class Listener:
    """Takes webhooks as Deskhand's API route does: the last segment of the address goes into a header."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                headers[PATH_SECRET] = self.path.rsplit("/", 1)[1]
                listener.deliveries.put(Delivery(headers=headers, body=body, received_at=datetime.now(UTC)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/webhooks/demo/{SECRET}"

    def next(self) -> Delivery:
        return self.deliveries.get(timeout=30)

    def forget(self) -> None:
        """Drop what came so far. The helpdesk delivers before it answers, so nothing earlier is still on its way."""
        while not self.deliveries.empty():
            self.deliveries.get()


@pytest.fixture(scope="module")
def shared_listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, daemon=True)
    thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()
    thread.join()


@pytest.fixture
def listener(shared_listener: Listener) -> Listener:
    shared_listener.forget()
    return shared_listener


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_listener: Listener) -> Iterator[RunningHelpdesk]:
    with running_helpdesk(tmp_path_factory.mktemp("helpdesk"), shared_listener.url) as running:
        yield running


def connection(site: RunningHelpdesk, **changes: str) -> Connection:
    values = {"url": site.url, "user": site.deskhand.user, "token": site.deskhand.password, "secret": SECRET}
    return Connection(name="demo", kind=HelpdeskKind.DJANGO_HELPDESK, **(values | changes))


@pytest.fixture(scope="module")
def desk(site: RunningHelpdesk) -> DjangoHelpdesk:
    return DjangoHelpdesk(connection(site))


def writing(ticket_id: int, *, note_text: str = NOTE, group: str = "", public_reply: str = "") -> Writing:
    """As Deskhand makes it: the key stands in the note."""
    key = writing_key("demo", str(ticket_id), "description")
    text = f"{note_text}\n\nDeskhand's mark: {key}"
    return Writing(key=key, note=f"<p>{key}</p>", note_text=text, group=group, public_reply=public_reply)


def ask(site: RunningHelpdesk, text: str = QUESTION) -> int:
    return site.create_ticket("Descaling the Duo", text, MAUREEN)


def reply_by_mail(site: RunningHelpdesk, ticket_id: int, text: str, cc: tuple[str, ...] = ()) -> None:
    site.mail(f"Re: [coffee-{ticket_id}] Descaling the Duo", text, MAUREEN, cc)


# What it sends


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


# What it says of a ticket


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


# What is written


def test_a_note_is_private_and_shows_its_text_line_for_line(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    number = desk.write(str(ticket_id), writing(ticket_id))
    note = site.followups(ticket_id)[-1]
    assert (str(note["id"]), note["public"], note["title"]) == (number, False, "Deskhand: note for agents")
    comment = site.as_shown(ticket_id, "Deskhand: note for agents")
    wanted = [line for line in writing(ticket_id).note_text.splitlines() if line]
    assert [line.strip("\u2060 ") for line in comment.text().splitlines() if line.strip()] == wanted
    assert [a.attributes["href"] for a in comment.css("a")] == ["https://help.fernhill.example/descale_duo?lang=en"]
    assert not comment.css("h1, h2, b, hr, script, em")


def test_a_note_renames_nothing_and_leaves_the_ticket_waiting(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    before = desk.read(str(ticket_id))
    desk.write(str(ticket_id), writing(ticket_id))
    after = desk.read(str(ticket_id))
    assert (after.subject, after.group, after.open) == (before.subject, before.group, before.open)
    assert after.awaits_reply
    assert after.mentions(writing(ticket_id).key)
    assert not before.mentions(writing(ticket_id).key)


def test_deskhands_own_note_comes_back_as_a_webhook_that_is_nothing_to_do(
    site: RunningHelpdesk, desk: DjangoHelpdesk, listener: Listener
) -> None:
    ticket_id = ask(site)
    listener.forget()
    desk.write(str(ticket_id), writing(ticket_id))
    assert desk.receive(listener.next()).about == "nothing"
    assert listener.deliveries.empty()


def test_writing_again_writes_nothing_new(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    first = desk.write(str(ticket_id), writing(ticket_id))
    followups = site.followups(ticket_id)
    assert desk.write(str(ticket_id), writing(ticket_id)) == first
    assert site.followups(ticket_id) == followups


def test_a_note_that_was_only_announced_is_finished(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    number = desk.write(str(ticket_id), writing(ticket_id))
    key = writing(ticket_id).key
    with site.as_agent() as api:  # As if Deskhand had died between its two requests.
        left = {"comment": f"Deskhand leaves a note for agents at this ticket. ({key})", "title": "Descaling the Duo"}
        assert api.patch(f"/api/followups/{number}/", json=left).status_code == 200
    assert not desk.read(str(ticket_id)).mentions(key)
    assert desk.write(str(ticket_id), writing(ticket_id)) == number
    assert desk.read(str(ticket_id)).mentions(key)


def test_no_mail_goes_to_the_customer_for_a_note(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    sent = len(site.emails())
    desk.write(str(ticket_id), writing(ticket_id, group="People"))
    assert len(site.emails()) == sent


def test_those_in_cc_learn_nothing_of_a_note(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    reply_by_mail(site, ticket_id, "My husband is in Cc.", cc=("bernard@customers.example",))
    sent = len(site.emails())
    desk.write(str(ticket_id), writing(ticket_id))
    new = [str(mail) for mail in site.emails()]
    assert len(new) == sent + 1  # This site mails every change to Cc; what matters is what it says.
    assert not any("Deskhand proposes" in mail for mail in new)


def test_a_customer_who_is_told_of_every_change_learns_nothing_of_a_note(tmp_path: Path) -> None:
    with running_helpdesk(tmp_path, "", mail_everything=True) as site:
        ticket_id = ask(site)
        site.agent_writes(ticket_id, "She is hard to please.", public=False)
        DjangoHelpdesk(connection(site)).write(str(ticket_id), writing(ticket_id))
        mails = [str(mail) for mail in site.emails()]
    assert any("hard to please" in mail for mail in mails), "this site was to mail private notes"
    assert not any("Deskhand proposes" in mail for mail in mails)


@pytest.mark.parametrize("group", ["People", "people", "2"])
def test_a_handoff_moves_the_ticket_to_its_queue(site: RunningHelpdesk, desk: DjangoHelpdesk, group: str) -> None:
    ticket_id = ask(site)
    desk.write(str(ticket_id), writing(ticket_id, group=group))
    ticket = desk.read(str(ticket_id))
    assert ticket.group == "People"
    assert ticket.mentions(writing(ticket_id).key)


def test_a_queue_that_is_not_there_is_the_configurations_fault(site: RunningHelpdesk, desk: DjangoHelpdesk) -> None:
    ticket_id = ask(site)
    with pytest.raises(ConfigurationError, match="Second line"):
        desk.write(str(ticket_id), writing(ticket_id, group="Second line"))
    assert len(site.followups(ticket_id)) == 1


def test_a_public_reply_reaches_the_customer_once_and_word_for_word(
    site: RunningHelpdesk, desk: DjangoHelpdesk
) -> None:
    ticket_id = ask(site)
    sent = len(site.emails())
    words = "Use 2 sachets {{ ticket.secret_key }} {% now 'Y' %} {# for a Duo #} %} { X-HELPDESK-COMMENT-VERBATIM 1 < 2"
    html = f"<p>Hello Maureen,</p><p>{words.replace('<', '&lt;')} &lt;b&gt;</p>"
    desk.write(str(ticket_id), writing(ticket_id, public_reply=html))
    public = [f for f in site.followups(ticket_id) if f["public"]]
    assert public[-1]["comment"].splitlines() == ["Hello Maureen,", f"{words} <\u2060b>"]
    assert [mail["To"] for mail in site.emails()[sent:]] == [MAUREEN]
    assert not desk.read(str(ticket_id)).awaits_reply


def test_a_public_reply_is_not_sent_again_when_only_the_note_was_lost(
    site: RunningHelpdesk, desk: DjangoHelpdesk
) -> None:
    ticket_id = ask(site)
    number = desk.write(str(ticket_id), writing(ticket_id, public_reply="<p>Use 2 sachets.</p>"))
    with site.as_agent() as api:
        assert api.delete(f"/api/followups/{number}/").status_code == 204
    desk.write(str(ticket_id), writing(ticket_id, public_reply="<p>Use 2 sachets.</p>"))
    assert [f["comment"] for f in site.followups(ticket_id) if f["public"]].count("Use 2 sachets.") == 1
