"""django-helpdesk's serializers, as far as Deskhand reads them, and what they say in Deskhand's words."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assistant.kernel.conversation import Author
from assistant.kernel.helpdesks import Entry

OPEN_STATUSES = {1, 2}
ESCALATED = "Ticket Escalated"
"""The title of the follow-up its escalation job writes; nothing else tells it from a customer's words."""
MAIL_AS_FILE = "email_html_body"
"""It keeps the HTML of a mail as an attachment of this name, beside the same words as text."""


class OnWire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Attachment(OnWire):
    filename: str = ""


class FollowUp(OnWire):
    id: int
    user: int | None = None
    comment: str | None = None
    public: bool = False
    message_id: str | None = None
    title: str | None = None
    date: datetime
    followupattachment_set: tuple[Attachment, ...] = ()

    @property
    def author(self) -> Author:
        """A mail is the customer's; a follow-up with a user is an agent's; the rest is told from its title."""
        if self.message_id:
            return "customer"
        if self.user is not None:
            return "agent"
        return "customer" if self.public and self.title != ESCALATED else "system"

    @property
    def attachments(self) -> tuple[str, ...]:
        names = (file.filename for file in self.followupattachment_set)
        return tuple(name for name in names if not name.startswith(MAIL_AS_FILE))

    @property
    def about(self) -> tuple[Literal["customer", "agent", "nothing"], str]:
        """As ``Notice`` has it: whom it is about, and why when that is nobody."""
        if not self.public:
            return "nothing", "a private follow-up"
        if not self.says_something or self.author == "system":
            return "nothing", "a change without a message"
        return ("customer", "") if self.author == "customer" else ("agent", "")

    @property
    def says_something(self) -> bool:
        return bool((self.comment or "").strip() or self.attachments)

    def entry(self) -> Entry:
        return Entry(
            id=str(self.id),
            author=self.author,
            public=self.public,
            text=self.comment or "",
            at=self.date,
            attachments=self.attachments,
        )


class TicketOnWire(OnWire):
    id: int
    queue: int
    title: str
    description: str | None = None
    status: int
    merged_to: int | None = None
    assigned_to: int | None = None
    followup_set: tuple[FollowUp, ...] = ()

    @property
    def open(self) -> bool:
        return self.status in OPEN_STATUSES and self.merged_to is None

    @property
    def followups(self) -> tuple[FollowUp, ...]:
        """Oldest first."""
        return tuple(sorted(self.followup_set, key=lambda followup: (followup.date, followup.id)))

    def entries(self) -> tuple[Entry, ...]:
        """The description as the customer's first message, then every follow-up that says something."""
        opening = self._opening
        first = Entry(
            id="description",
            author="customer",
            public=True,
            text=self.description or "",
            at=opening.date if opening else None,
            attachments=opening.attachments if opening else (),
        )
        rest = (f.entry() for f in self.followups if f is not opening and f.says_something)
        return (first, *rest) if first.text.strip() or first.attachments else tuple(rest)

    @property
    def _opening(self) -> FollowUp | None:
        """The follow-up that repeats the description, for a mail with what it quotes."""
        first = next(iter(self.followups), None)
        said, told = _squeezed(self.description), _squeezed(first.comment if first else "")
        same = first is not None and (said == told or (bool(first.message_id) and said in told))
        return first if same and first is not None and first.public else None


class Notification(OnWire):
    """The body of a webhook; ``followup_id`` is missing for a new ticket."""

    ticket: TicketOnWire
    followup_id: int | None = None


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").split())
