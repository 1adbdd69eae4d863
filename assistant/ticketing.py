"""``answer_ticket()``: a webhook's hint → the ticket read, answered, read again, and a note left at it once.

Every step can be cut off: what was decided is a row before anything is written at the helpdesk, the note
carries its key, and the key is looked for before writing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import unescape
from typing import NamedTuple

from assistant.kernel.conversation import Handoff, Message
from assistant.kernel.errors import ConfigurationError, DeskhandError, HeldElsewhere, NotFound
from assistant.kernel.helpdesks import (
    Connection,
    Entry,
    HelpdeskKind,
    HelpdeskTicket,
    Notice,
    writing_key,
)  # fmt: skip
from assistant.kernel.jobs import Job, JobName
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.outgoing import EventType, Letter, LetterState, Receiver
from assistant.kernel.reply import reply_of
from assistant.kernel.runs import Feedback
from assistant.pipeline import Desk, answer
from assistant.ports import Correspondence, Helpdesk, JobStore, Outbox, RunStore
from assistant.stages.deliver import deliver
from assistant.text.comparison import compare_with_run
from assistant.text.words import words


@dataclass(frozen=True)
class FrontDesk:
    """All that answering a helpdesk's tickets needs."""

    desk: Desk
    connections: Mapping[str, Connection]
    helpdesks: Mapping[str, Helpdesk]
    receivers: Sequence[Receiver]
    runs: RunStore
    letters: Correspondence
    outbox: Outbox
    jobs: JobStore

    def connection(self, name: str) -> Connection:
        """Raises ConfigurationError when it was taken out of the connections file since."""
        if name not in self.connections:
            raise ConfigurationError(
                f"there is no helpdesk {name!r} any more",
                fix="Put it back into the connections file, or purge the job.",
            )
        return self.connections[name]


class Outcome(NamedTuple):
    """What to say of the job, and what to write in the transaction that ends it."""

    detail: str
    effect: Callable[[], None] = lambda: None


_TAG = re.compile(r"<[^>]+>")
HANDS_S = 10.0
"""How long a job waits before it looks again whether another has left the letter, or died over it."""
Holding = Callable[[], AbstractContextManager[None]]
"""A transaction that fails unless this worker still has the job."""


def answer_ticket(job: Job, front: FrontDesk, holding: Holding) -> Outcome:
    """Do what the delivery ``job.subject`` asks for.

    Raises as the helpdesk and the stores do, and LeaseLost; then the job is done again.
    """
    name, notice = front.letters.notice(job.subject)
    connection = front.connection(name)
    ticket = _current(connection, notice, front)
    newest = ticket.newest
    if newest is None or not ticket.open:
        return Outcome("nothing to answer: the ticket is closed or empty")
    if newest.author == "agent":
        return _after_an_agent(job, connection, ticket, newest, front)
    key = writing_key(connection.name, ticket.id, newest.id)
    letter = front.letters.letter(key)
    if letter is None:
        letter = _draft(job, connection, ticket, key, front, holding)
    if letter.state is not LetterState.PLANNED:
        return Outcome(f"this message was dealt with before: {letter.state}")
    letter = _ours(job, letter, front, holding)
    return _leave(connection, ticket, letter, front, holding)


def _current(connection: Connection, notice: Notice, front: FrontDesk) -> HelpdeskTicket:
    if connection.kind is not HelpdeskKind.GENERIC:
        try:
            return front.helpdesks[connection.name].read(notice.ticket_id)
        except NotFound as error:  # A webhook may overtake what it tells of: looked for some more times, not for ever.
            raise DeskhandError(str(error), fix=error.fix) from error
    if notice.ticket is None:
        raise ConfigurationError(f"helpdesk {connection.name!r} sent no ticket", fix="It must send the whole ticket.")
    return HelpdeskTicket(
        id=notice.ticket_id, subject=notice.ticket.subject, entries=_entries(notice.ticket.messages), open=True
    )


def _entries(messages: Sequence[Message]) -> tuple[Entry, ...]:
    """Messages without ids of their own are known by what they say and when, so that a sender may leave old ones out."""
    seen: Counter[str] = Counter()
    entries = []
    for message in messages:
        digest = hashlib.sha256(f"{message.author}|{message.at}|{message.text}".encode()).hexdigest()[:24]
        seen[digest] += 1
        entries.append(
            Entry(id=f"{digest}-{seen[digest]}", author=message.author, public=True, text=message.text, at=message.at)
        )
    return tuple(entries)


def _draft(
    job: Job, connection: Connection, ticket: HelpdeskTicket, key: str, front: FrontDesk, holding: Holding
) -> Letter:
    """Answer the ticket, and write down run and letter together."""
    run = answer(ticket.conversation(), _scope(connection), front.desk)
    letter = Letter(
        key=key,
        tenant=connection.tenant,
        connection=connection.name,
        ticket_id=ticket.id,
        run_id=run.id,
        job_id=job.id,
        writing=deliver(run, ticket, connection, key, reply_of(run).confidence),
        state=LetterState.PLANNED,
    )
    with holding():
        front.runs.record(run)
        front.letters.plan(letter)
    return letter


def _ours(job: Job, letter: Letter, front: FrontDesk, holding: Holding) -> Letter:
    """The letter, once this job alone may leave it. Raises HeldElsewhere while another job may still do so."""
    with holding():
        now = front.letters.letter(letter.key) or letter
        if now.job_id == job.id:
            return now
        if not front.jobs.over(now.job_id):
            raise HeldElsewhere(f"this message is in the hands of job {now.job_id}", retry_after_s=HANDS_S)
        front.letters.hand_over(letter.key, job.id)
    return now.model_copy(update={"job_id": job.id})


def _leave(
    connection: Connection, ticket: HelpdeskTicket, letter: Letter, front: FrontDesk, holding: Holding
) -> Outcome:
    """Leave the letter at the ticket, unless it is there already or no longer fits."""
    if connection.kind is HelpdeskKind.GENERIC:
        return Outcome("told to the receivers of events", lambda: _close(letter, LetterState.SENT, "", front))
    helpdesk = front.helpdesks[connection.name]
    now = helpdesk.read(ticket.id)
    if now.mentions(letter.key):
        return Outcome("the note was there already", lambda: _close(letter, LetterState.SENT, "", front))
    if not now.awaits_reply or now.newest is None or ticket.newest is None or now.newest.id != ticket.newest.id:
        return Outcome(
            "dropped: someone wrote or closed the ticket meanwhile",
            lambda: front.letters.close(letter.key, LetterState.DROPPED),
        )
    with holding():  # The last moment to notice that another worker, or another job, has taken over.
        held = front.letters.letter(letter.key)
        if held is None or (held.job_id, held.state) != (letter.job_id, LetterState.PLANNED):
            raise HeldElsewhere("another job has taken over this message", retry_after_s=HANDS_S)
    external_id = helpdesk.write(ticket.id, letter.writing)
    return Outcome("note written", lambda: _close(letter, LetterState.SENT, external_id, front))


def _close(letter: Letter, state: LetterState, external_id: str, front: FrontDesk) -> None:
    """Close the letter, and queue the events that tell of it."""
    front.letters.close(letter.key, state, external_id)
    run = front.runs.get(letter.tenant, letter.run_id)
    handed_off = isinstance(run.decision, Handoff)
    data: dict[str, object] = {
        "connection": letter.connection,
        "ticket_id": letter.ticket_id,
        "reply": reply_of(run).model_dump(mode="json"),
    }
    announce(
        letter.tenant, EventType.HANDOFF_CREATED if handed_off else EventType.DRAFT_READY, data,
        front.receivers, front.outbox, front.jobs,
    )  # fmt: skip


def _after_an_agent(
    job: Job, connection: Connection, ticket: HelpdeskTicket, newest: Entry, front: FrontDesk
) -> Outcome:
    """A person answered, or what stands there is our own public reply, whose note may still be missing."""
    letter = front.letters.latest(connection.tenant, connection.name, ticket.id)
    if letter is None or not _is_own_reply(letter, newest):
        return _learn(connection, ticket, newest, front)
    if letter.state is not LetterState.PLANNED or letter.job_id != job.id:
        return Outcome("what stands there is our own reply")
    external_id = (
        "" if ticket.mentions(letter.key) else front.helpdesks[connection.name].write(ticket.id, letter.writing)
    )
    return Outcome("note written after our own reply", lambda: _close(letter, LetterState.SENT, external_id, front))


def _is_own_reply(letter: Letter, entry: Entry) -> bool:
    sent = words(unescape(_TAG.sub(" ", letter.writing.public_reply)))
    return bool(sent) and sent == words(entry.text)


def _learn(connection: Connection, ticket: HelpdeskTicket, sent: Entry, front: FrontDesk) -> Outcome:
    """A person answered: what they wrote is feedback on the last draft for this ticket."""
    letter = front.letters.latest(connection.tenant, connection.name, ticket.id)
    if letter is None or letter.state is LetterState.ANSWERED:
        return Outcome("a person answered; there is no draft to compare it with")

    def effect() -> None:
        compared = compare_with_run(front.runs.get(letter.tenant, letter.run_id), sent.text)
        feedback = Feedback(run_id=letter.run_id, verdict="sent", sent_text=sent.text)
        front.runs.add_feedback(letter.tenant, feedback, compared)
        front.letters.close(letter.key, LetterState.ANSWERED)

    return Outcome("a person answered; compared with the draft", effect)


def announce(
    tenant: str,
    type_: EventType,
    data: dict[str, object],
    receivers: Sequence[Receiver],
    outbox: Outbox,
    jobs: JobStore,
) -> None:
    """Queue an event for every receiver of this tenant that wants it. Call it in the transaction of its cause."""
    for receiver in receivers:
        if receiver.tenant == tenant and type_ in receiver.types:
            jobs.add(tenant, JobName.SEND_EVENT, outbox.add(tenant, receiver.name, type_, data))


def _scope(connection: Connection) -> Scope:
    audiences = {Audience.PUBLIC, connection.audience}
    return Scope(tenant=connection.tenant, audiences=frozenset(audiences))
