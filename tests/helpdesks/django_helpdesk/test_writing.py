"""What the adapter leaves at a ticket, and who learns of it."""

from pathlib import Path

import pytest

from assistant.adapters.helpdesks.django_helpdesk import DjangoHelpdesk
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.helpdesks import Writing, writing_key
from tests.helpdesk_site.running import RunningHelpdesk, running_helpdesk
from tests.helpdesks.django_helpdesk.conftest import MAUREEN, Listener, ask, connection, reply_by_mail

NOTE = """Deskhand proposes this reply. Check it before you send it.

Hello Maureen,
use 2 sachets in 2.0 l of water [1]. Then hold *Clean* for 8 s [2].

# Sources
[1] Descale the Duo: "2 sachets" https://help.fernhill.example/descale_duo?lang=en
[2]: Descaling <b>FAQ</b> & more](javascript:alert(1))
- not a list {{ ticket.secret_key }} {% now "Y" %}
----
2. Her order is #2204861"""


def writing(ticket_id: int, *, note_text: str = NOTE, group: str = "", public_reply: str = "") -> Writing:
    """As Deskhand makes it: the key stands in the note."""
    key = writing_key("demo", str(ticket_id), "description")
    text = f"{note_text}\n\nDeskhand's mark: {key}"
    return Writing(key=key, note=f"<p>{key}</p>", note_text=text, group=group, public_reply=public_reply)


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
