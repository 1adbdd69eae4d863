"""django-helpdesk 2.x: https://github.com/django-helpdesk/django-helpdesk. Read in the source of 2.6.1.

Webhooks. It sends new tickets and follow-ups to the addresses in the environment variables
HELPDESK_NEW_TICKET_WEBHOOK_URLS and HELPDESK_FOLLOWUP_WEBHOOK_URLS, unsigned. So the address ends in the
connection's ``secret``, and what is sent is a hint: the ticket is read again over REST. It sends once, in the
middle of its own request, and waits HELPDESK_WEBHOOK_TIMEOUT (3 s).

REST. HTTP Basic with ``user`` and the user's password as ``token``: a staff user, with access to the queues at
stake where HELPDESK_ENABLE_PER_QUEUE_STAFF_PERMISSION is on. REST gives queues by number only; their titles are
read from the form of its browsable pages. Where those are off, ``handoff_group`` must be a number.

Notes. A follow-up posted over REST goes out by e-mail although it is private: always to whoever stands in Cc, to
the customer too where HELPDESK_NOTIFY_SUBMITTER_FOR_ALL_TICKET_CHANGES is on. It is also run as a Django template,
and its title renames the ticket. So a note is announced first, in one line that says nothing of it, and then
filled in, which sends no mail, no webhook and runs no template. HELPDESK_PRIVATE_FOLLOWUP_MEANS_NO_EMAILS = True
in its settings suppresses the announcement's mails as well.

What it does not have: tags (``Writing.tags`` is not used) and drafts. REST does not say who is staff: a follow-up
with a user is taken as an agent's, which is wrong where HELPDESK_ALLOW_NON_STAFF_TICKET_UPDATE lets customers log
in. Statuses other than its own Open (1) and Reopened (2) count as closed.
"""

import hmac
import re
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser

from assistant.adapters.helpdesks.django_helpdesk_wire import FollowUp, Notification, OnWire, TicketOnWire
from assistant.adapters.helpdesks.http import RestClient
from assistant.adapters.helpdesks.markdown import as_markdown
from assistant.adapters.helpdesks.plain import plain_text
from assistant.kernel.errors import ConfigurationError, InputError, NotFound, Refused
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskTicket, Notice, Writing

PATH_SECRET = "x-deskhand-path-secret"  # noqa: S105 — the header's name
"""The header in which the API route passes on the last segment of the webhook's address."""
TITLE = "Deskhand: note for agents"
_ANNOUNCEMENT = re.compile(r"Deskhand leaves a note for agents at this ticket\. \(\S+\)")
_TEMPLATE = re.compile(r"\{(?=[{%#])|(?<=%)\}|X-(?=HELPDESK-COMMENT-)")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
Model = TypeVar("Model", bound=OnWire)


class DjangoHelpdesk:
    """One django-helpdesk. Safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._titles: dict[int, str] = {}

    @cached_property
    def _rest(self) -> RestClient:
        connection = self._connection
        if not connection.user or not connection.token:
            raise ConfigurationError(
                f"helpdesk {connection.name!r} lacks user or token",
                fix="Give the name of a staff user as user and its password as token in the connections file.",
            )
        return RestClient(connection, auth=(connection.user, connection.token))

    def receive(self, delivery: Delivery) -> Notice:
        """What the webhook hints at. A follow-up that its ticket does not list is called the customer's."""
        self._admit(delivery)
        try:
            said = Notification.model_validate_json(delivery.body)
        except ValidationError as error:
            raise InputError(f"this is not a webhook of django-helpdesk: {_wrong(error)}") from None
        ticket_id = str(said.ticket.id)
        if said.followup_id is None:
            return Notice(delivery_id=f"ticket-{ticket_id}", ticket_id=ticket_id, about="customer")
        followup = next((f for f in said.ticket.followup_set if f.id == said.followup_id), None)
        about, why = ("customer", "") if followup is None else followup.about
        return Notice(delivery_id=f"followup-{said.followup_id}", ticket_id=ticket_id, about=about, why=why)

    def read(self, ticket_id: str) -> HelpdeskTicket:
        ticket = self._ticket(ticket_id)
        entries = tuple(e for e in ticket.entries() if e.public or not _ANNOUNCEMENT.fullmatch(e.text.strip()))
        return HelpdeskTicket(
            id=str(ticket.id),
            subject=ticket.title,
            entries=entries,
            open=ticket.open,
            group=self._title(ticket),
            assignee="" if ticket.assigned_to is None else str(ticket.assigned_to),
        )

    def write(self, ticket_id: str, writing: Writing) -> str:
        """The note's number. Done in steps that a second call finds done."""
        ticket = self._ticket(ticket_id)
        announcement = f"Deskhand leaves a note for agents at this ticket. ({writing.key})"
        notes = [
            f for f in ticket.followups if f.author == "agent" and not f.public and writing.key in (f.comment or "")
        ]
        if done := next((note for note in notes if (note.comment or "").strip() != announcement), None):
            return str(done.id)
        if writing.group:
            self._move(ticket, writing.group)
        if writing.public_reply:
            self._reply(ticket, writing.public_reply)
        number = notes[0].id if notes else self._post(ticket, announcement, public=False)
        self._rest.patch(f"api/followups/{number}/", {"title": TITLE, "comment": as_markdown(writing.note_text)})
        return str(number)

    def _admit(self, delivery: Delivery) -> None:
        secret = self._connection.secret
        if not secret:
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} has no secret",
                fix="Give it a long random one in the connections file, and end the webhook's address with it.",
            )
        given = delivery.headers.get(PATH_SECRET, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8", "replace")):
            raise Refused(
                f"the webhook's address does not end in the secret of helpdesk {self._connection.name!r}",
                fix="Let the address in django-helpdesk's environment end in the secret of the connections file.",
            )

    def _ticket(self, ticket_id: str) -> TicketOnWire:
        if not (ticket_id.isascii() and ticket_id.isdecimal()):
            raise NotFound("django-helpdesk's tickets have numbers", fix="Give the number in the ticket's address.")
        return self._understood(TicketOnWire, self._rest.get(f"api/tickets/{ticket_id}/"))

    def _post(self, ticket: TicketOnWire, comment: str, *, public: bool) -> int:
        """A new follow-up's number. It has no title: django-helpdesk would rename the ticket to it."""
        followup = {"ticket": ticket.id, "comment": comment, "public": public}
        return self._understood(FollowUp, self._rest.post("api/followups/", followup)).id

    def _understood(self, model: type[Model], answer: object) -> Model:
        try:
            return model.model_validate(answer)
        except ValidationError as error:
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} does not answer as django-helpdesk does: {_wrong(error)}",
                fix="Check url in the connections file: api/tickets/ is looked for under it.",
            ) from None

    def _reply(self, ticket: TicketOnWire, reply: str) -> None:
        """Sends to the customer, unless the same words went out since the customer's last message."""
        # Its mails hold the text as HTML too, unescaped: only this line ending breaks a line, and < may open a tag.
        text = _TAG_START.sub("<\u2060", "\r\n".join(plain_text(reply).splitlines()))
        followups = ticket.followups
        asked = max((n for n, f in enumerate(followups) if f.public and f.author == "customer"), default=-1)
        if not any(f.public and (f.comment or "").split() == text.split() for f in followups[asked + 1 :]):
            self._post(ticket, _TEMPLATE.sub(r'{{ "\g<0>" }}', text), public=True)

    def _move(self, ticket: TicketOnWire, group: str) -> None:
        numbers = {title.casefold(): number for number, title in self._queues(ticket.id).items()}
        number = int(group) if group.isdecimal() else numbers.get(group.casefold())
        if number is None:
            raise ConfigurationError(
                f"helpdesk {self._connection.name!r} has no queue {group!r} that its user may use",
                fix="Give handoff_group the title or the number of a queue, and its user access to it.",
            )
        if number != ticket.queue:
            self._rest.patch(f"api/tickets/{ticket.id}/", {"queue": number})

    def _title(self, ticket: TicketOnWire) -> str:
        """The queue's title, or its number where REST has no browsable pages."""
        if ticket.queue not in self._titles:
            self._titles = self._queues(ticket.id)
        return self._titles.get(ticket.queue, str(ticket.queue))

    def _queues(self, ticket_id: int) -> dict[int, str]:
        """Numbers and titles of the queues this user may use; none where REST has no browsable pages."""
        try:
            page = self._rest.page(f"api/tickets/{ticket_id}/")
        except InputError:
            return {}
        options = LexborHTMLParser(page).css('select[name="queue"] option')
        values = ((option.attributes.get("value") or "", option.text(strip=True)) for option in options)
        return {int(value): title for value, title in values if value.isdecimal()}


def _wrong(error: ValidationError) -> str:
    """Which fields are wrong, never what they hold."""
    fields = (".".join(map(str, said["loc"])) or "not JSON" for said in error.errors(include_input=False))
    return ", ".join(fields)[:200]
