"""What a helpdesk that exists for tests holds: tickets, what was asked of it, and what it is told to get wrong."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assistant.kernel.conversation import Author
from assistant.kernel.helpdesks import Connection, HelpdeskKind

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
USER, TOKEN, SECRET, ACCOUNT = "assistant@support.example", "tkn-5c2e", "whsec_c2VjcmV0LW9mLXRoZS1kZXNr", "3"
FIRST_STATUS = {"zammad": "open", "chatwoot": "pending", "zendesk": "open", "freshdesk": "open"}


class Reject(Exception):
    """The request is not one this helpdesk answers, and with which status it says so."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


@dataclass
class FakeEntry:
    id: int
    author: Author
    public: bool
    body: str
    at: datetime
    html: bool = True
    attachments: tuple[str, ...] = ()
    key: str = ""
    """The Idempotency-Key it was written with."""


@dataclass
class FakeTicket:
    id: int
    subject: str
    status: str
    customer: str
    channel: str
    entries: list[FakeEntry] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    group: str = ""
    draft: dict[str, Any] | None = None
    drafted_by: int = 0
    changes: int = 0

    @property
    def updated_at(self) -> str:
        return (START + timedelta(seconds=self.changes)).isoformat().replace("+00:00", "Z")

    @property
    def notes(self) -> list[FakeEntry]:
        return [entry for entry in self.entries if not entry.public]

    @property
    def replies(self) -> list[FakeEntry]:
        return [entry for entry in self.entries if entry.public and entry.author == "agent"]


@dataclass(frozen=True)
class Call:
    """A request as a vendor's handler sees it: ``parts`` are the groups of the path's pattern."""

    method: str
    path: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    def fields(self, required: set[str], optional: set[str] | None = None) -> dict[str, Any]:
        """The body, if it is an object with these fields and no others."""
        given = self.body
        if not isinstance(given, dict):
            raise Reject(400, "the body is not a JSON object")
        if not required <= set(given) <= required | (optional or set()):
            raise Reject(422, f"expected {sorted(required)} and perhaps {sorted(optional or ())}, got {sorted(given)}")
        return given


@dataclass(frozen=True)
class Fault:
    status: int
    headers: Mapping[str, str]
    path_part: str = ""
    """Only for paths with this in them."""


HANG, DROP = 0, -1
"""Statuses of faults that are no status: never answer; do the request, then break the connection off."""


@dataclass
class FakeDesk:
    """One vendor's helpdesk. ``requests`` is what reached it, in order."""

    vendor: str
    url: str = ""
    tickets: dict[str, FakeTicket] = field(default_factory=dict)
    requests: list[Call] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=lambda: {1: "Users", 2: "Second level", 3: "Billing"})
    groups_without_drafts: set[str] = field(default_factory=set)
    faults: deque[Fault] = field(default_factory=deque)
    _numbers: int = 4000

    def connection(self, **changes: Any) -> Connection:
        """What an operator would put down for this helpdesk."""
        fields: dict[str, Any] = {
            "name": f"our-{self.vendor}",
            "kind": HelpdeskKind(self.vendor),
            "url": self.url,
            "user": USER,
            "token": TOKEN,
            "secret": SECRET,
            "account": ACCOUNT if self.vendor == "chatwoot" else "",
        }
        return Connection(**{**fields, **changes})

    def add_ticket(self, subject: str, text: str, **more: Any) -> FakeTicket:
        """A ticket with the customer's first message."""
        number = self._next()
        fields = {"status": FIRST_STATUS[self.vendor], "customer": "ada@customer.example", "channel": "email", **more}
        ticket = FakeTicket(id=number, subject=subject, **fields)
        self.tickets[str(number)] = ticket
        self.say(str(number), "customer", text)
        return ticket

    def say(
        self,
        ticket_id: str,
        author: Author,
        text: str,
        *,
        public: bool = True,
        attachments: tuple[str, ...] = (),
        html: bool | None = None,
        key: str = "",
    ) -> FakeEntry:
        ticket = self.ticket(ticket_id)
        at = START + timedelta(minutes=len(ticket.entries))
        in_html = self.vendor != "chatwoot" if html is None else html
        entry = FakeEntry(self._next(), author, public, text, at, in_html, tuple(attachments), key)
        ticket.entries.append(entry)
        ticket.changes += 1
        return entry

    def ticket(self, ticket_id: str) -> FakeTicket:
        if ticket_id not in self.tickets:
            raise Reject(404, "no such ticket")
        return self.tickets[ticket_id]

    def group_number(self, name: str) -> int:
        return next((number for number, known in self.groups.items() if known == name), 0)

    def answer_next(
        self, status: int, headers: Mapping[str, str] | None = None, *, times: int = 1, path_part: str = ""
    ) -> None:
        """Answer the next requests with this status and do nothing; HANG and DROP stand for worse."""
        self.faults.extend(Fault(status, headers or {}, path_part) for _ in range(times))

    def fault_for(self, path: str) -> Fault | None:
        if self.faults and self.faults[0].path_part in path:
            return self.faults.popleft()
        return None

    def state(self) -> dict[str, Any]:
        """All of it, for a process that can only ask over HTTP."""
        tickets = {
            number: {**asdict(ticket), "notes": len(ticket.notes), "replies": len(ticket.replies)}
            for number, ticket in self.tickets.items()
        }
        return {"vendor": self.vendor, "tickets": tickets, "requests": len(self.requests)}

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers


Handler = Callable[[FakeDesk, Call], tuple[int, Any]]
Routes = list[tuple[str, str, Handler]]
"""Method, pattern of the path, and what answers."""


def need(condition: object, said: str, status: int = 422) -> None:
    if not condition:
        raise Reject(status, said)
