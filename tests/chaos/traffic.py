"""What users send: documents, tickets by webhook and batches; sent again until the service has taken them.

That is what helpdesks and scripts do too: a request without an answer is repeated, with the same delivery id,
the same file name or the same idempotency key.
"""

import hashlib
import json
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.chaos.receiver import SECRET as EVENT_SECRET
from tests.chaos.receiver import Receiver
from tests.chaos.service import Service
from tests.conftest import HELP_CENTRE
from tests.helpdesks.desk import SECRET, START, TOKEN, USER, FakeDesk
from tests.helpdesks.webhooks import webhook

CONNECTION = "fernhill"
ACCEPT_S = 150.0
AGAIN_S = 0.3
PERSON = "I do not want another help page. I want a real person to ring me about order FC-22{n:05d}."
OFF_TOPIC = "Do you know a good recipe for lentil soup for {n} people? My oven is from the seventies."
IN_DOCUMENTS = "Which button do I hold to descale the Fernhill Duo? It has asked me {n} times now."
VAGUE = "It doesn't work."
SPOKEN = (
    "The steam wand of my Duo stopped after I cleaned it, and I have guests on Friday.",
    "Parcel FC-88210 shows delivered, but nothing is here and the neighbours have not seen it.",
    "Please change my coffee plan to every three weeks from June on.",
)


def connections(desk_url: str, receiver: Receiver) -> str:
    """The connections file: one helpdesk, one receiver."""
    return f"""
[helpdesks.{CONNECTION}]
kind = "zammad"
url = "{desk_url}"
user = "{USER}"
token = "{TOKEN}"
secret = "{SECRET}"

[events.crm]
url = "{receiver.url}"
secret = "{EVENT_SECRET}"
"""


@dataclass(frozen=True)
class Said:
    """A customer's message that a webhook told of. ``last``: nobody wrote publicly after it."""

    ticket: str
    entry: str
    last: bool = True


@dataclass
class Sent:
    """What the service has accepted, and so must not lose. ``documents`` maps name to a word only it holds."""

    documents: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    batches: dict[str, list[str]] = field(default_factory=dict)
    """Lines by the batch's id."""
    poison: set[str] = field(default_factory=set)
    """Names of documents whose job must die."""
    answered: int = 0
    """Public replies that people wrote."""


class Traffic:
    """Sends, and keeps account of what was accepted. Safe to use from several threads."""

    def __init__(self, service: Service, desk: FakeDesk, seed: int, first: int = 0) -> None:
        self.sent = Sent()
        self._service, self.desk, self._random = service, desk, random.Random(seed)
        self._lock = threading.Lock()
        self._numbers = first
        self._texts = sorted(p for p in HELP_CENTRE.iterdir() if p.suffix == ".md")

    def document(self, size: int = 0, *, poison: bool = False) -> str:
        """Upload a help page under a new name with a word of its own; ``size`` bytes at least. Returns the job's id."""
        number = self._next()
        source = self._texts[number % len(self._texts)]
        name, word = f"{number:04d}-{source.name}", f"fernmark{number:04d}"
        text = source.read_text("utf-8")
        copies = "\n\n".join(f"## Edition {n}\n\n{text}" for n in range(2, 2 + size // len(text)))
        data = f"{text}\n\n{copies}\n\n## Edition\n\nThis edition is filed under {word}.\n".encode()

        def send(client: httpx2.Client) -> httpx2.Response:
            return client.post("/v1/documents", files={"file": (name, data)})

        job = self._accepted(send).json()["id"]
        with self._lock:
            if poison:
                self.sent.poison.add(name)
            else:
                self.sent.documents[name] = word
        return str(job)

    def ticket(self, text: str) -> str:
        """A customer writes, and the helpdesk tells. Returns the ticket's id."""
        said = self.untold(text)
        self.tell(said)
        self.accept(said)
        return said.ticket

    def job_of_last(self) -> str:
        """The job that was queued for the last webhook."""
        query = "SELECT id FROM job WHERE name = 'answer_ticket' ORDER BY rowid DESC LIMIT 1"
        return str(self._service.rows(query)[0][0])

    def untold(self, text: str) -> Said:
        """A ticket at the helpdesk that the service has not been told of."""
        made = self._at_desk("/_tickets", {"subject": "Question", "text": text.format(n=self._next())})
        return Said(made, str(self.desk.ticket(made).entries[0].id))

    def accept(self, said: Said) -> None:
        """Count it among what the service has taken; what was said before in this ticket is no longer the last."""
        with self._lock:
            earlier = [Said(s.ticket, s.entry, last=False) if s.ticket == said.ticket else s for s in self.sent.said]
            self.sent.said = [*earlier, said]

    def follow_up(self, ticket: str, text: str) -> None:
        """The customer writes again, and the helpdesk tells of that too."""
        said = Said(ticket, self._at_desk(f"/_tickets/{ticket}/entries", {"author": "customer", "text": text}))
        self.tell(said)
        self.accept(said)

    def agent_answers(self, ticket: str, text: str) -> None:
        """A person answers, and the helpdesk tells of it."""
        entry = self._at_desk(f"/_tickets/{ticket}/entries", {"author": "agent", "text": text})
        with self._lock:
            self.sent.answered += 1
            self.sent.said = [Said(s.ticket, s.entry, last=False) if s.ticket == ticket else s for s in self.sent.said]
        self.tell(Said(ticket, entry))

    def batch(self, lines: int, tickets: int) -> str:
        """A batch of so many lines, of which ``tickets`` are tickets for the model and the others are none."""
        rows = [
            json.dumps({"id": f"t-{self._next()}", "messages": [{"author": "customer", "text": text}]})
            for text in (SPOKEN[n % len(SPOKEN)] for n in range(tickets))
        ] + [f'{{"id": "no ticket {n}"}}' for n in range(lines - tickets)]
        key = hashlib.sha256("".join(rows).encode()).hexdigest()

        def send(client: httpx2.Client) -> httpx2.Response:
            headers = {"Idempotency-Key": key, "Content-Type": "application/x-ndjson"}
            return client.post("/v1/summaries/batches", content="\n".join(rows), headers=headers)

        batch = str(self._accepted(send).json()["id"])
        with self._lock:
            self.sent.batches[batch] = rows
        return batch

    def tell(self, said: Said) -> dict[str, Any]:
        """Deliver the webhook about an entry of a ticket; what the service answered."""
        headers, body = webhook(self.desk, said.ticket, START, entry_id=said.entry)
        response = self._accepted(lambda c: c.post(f"/v1/webhooks/{CONNECTION}", content=body, headers=headers))
        answered: dict[str, Any] = response.json()
        return answered

    def state(self) -> dict[str, Any]:
        """What the helpdesk holds, as it tells over HTTP."""
        told: dict[str, Any] = httpx2.get(f"{self.desk.url}/_state", timeout=30).json()
        return told

    def together(self, work: Sequence[Callable[[], object]], threads: int = 4, pause_s: float = 0.0) -> None:
        """Do all of it on a few threads, in a shuffled order, ``pause_s`` apart. Raises the first failure."""
        todo, never = list(work), threading.Event()
        failures: list[Exception] = []
        self._random.shuffle(todo)

        def run() -> None:
            while not failures:
                with self._lock:
                    if not todo:
                        return
                    item = todo.pop()
                try:
                    item()
                except Exception as error:  # Told to the caller below.
                    failures.append(error)
                never.wait(pause_s)

        running = [threading.Thread(target=run, name="traffic", daemon=True) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        if failures:
            raise failures[0]

    def _accepted(self, send: Callable[[httpx2.Client], httpx2.Response]) -> httpx2.Response:
        """Send until it is taken. Raises AssertionError when the service refuses for good, or for too long."""
        said = "nothing"
        never = threading.Event()
        for _ in range(int(ACCEPT_S / AGAIN_S)):
            try:
                with self._service.client() as client:
                    response = send(client)
                if response.status_code in {200, 202}:
                    return response
                said = str(response.status_code)
                assert response.status_code in {408, 429, 500, 502, 503, 504}, f"refused with {said}: {response.text}"
            except httpx2.TransportError as error:
                said = type(error).__name__
            never.wait(AGAIN_S)
        raise AssertionError(f"the service took nothing for {ACCEPT_S:.0f} s; last it said {said}")

    def _at_desk(self, path: str, body: dict[str, str]) -> str:
        made: str = httpx2.post(f"{self.desk.url}{path}", json=body, timeout=30).json()["id"]
        return made

    def _next(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers
