"""Every Correspondence and Outbox: a delivery is kept once, a letter by its key, an event until it is sent."""

from collections.abc import Callable
from datetime import datetime

import pytest

from assistant.adapters.memory.letters import MemoryCorrespondence, MemoryOutbox
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.letters import SqlCorrespondence, SqlOutbox
from assistant.adapters.store.runs import SqlRunStore
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import NotFound
from assistant.kernel.helpdesks import Notice, Writing
from assistant.kernel.knowledge import Scope
from assistant.kernel.outgoing import EventType, Letter, LetterState
from assistant.pipeline import Desk, answer
from assistant.ports import Correspondence, Outbox

MakeDesk = Callable[..., Desk]
NOTICE = Notice(delivery_id="d-1", ticket_id="7", about="customer")


@pytest.fixture
def database(backend: str, sessions: Callable[[], Sessions]) -> Sessions | None:
    return None if backend == "memory" else sessions()


@pytest.fixture
def letters(database: Sessions | None, clock: ManualClock) -> Correspondence:
    return MemoryCorrespondence() if database is None else SqlCorrespondence(database, clock)


@pytest.fixture
def outbox(database: Sessions | None, clock: ManualClock) -> Outbox:
    return MemoryOutbox(clock) if database is None else SqlOutbox(database, clock)


@pytest.fixture
def letter(database: Sessions | None, clock: ManualClock, make_desk: MakeDesk) -> Callable[..., Letter]:
    """Makes letters of a run that is recorded."""
    run = answer(Ticket.from_text("Which telescope reveals Saturn's moons?"), Scope(tenant="default"), make_desk())
    if database is not None:
        SqlRunStore(database, clock).record(run)

    def make(key: str, ticket_id: str = "7") -> Letter:
        writing = Writing(key=key, note=f"<p>{key}</p>", note_text=key, tags=("deskhand-handoff",))
        return Letter(
            key=key, tenant="default", connection="acme", ticket_id=ticket_id, run_id=run.id, job_id="j1",
            writing=writing, state=LetterState.PLANNED,
        )  # fmt: skip

    return make


def test_a_delivery_is_kept_once_for_each_connection(letters: Correspondence) -> None:
    first = letters.receive("acme", NOTICE)
    assert first is not None
    assert letters.notice(first) == ("acme", NOTICE)
    assert letters.receive("acme", NOTICE) is None
    assert letters.receive("other", NOTICE) is not None
    with pytest.raises(NotFound):
        letters.notice("nothing")


def test_a_letter_is_known_by_its_key_and_closed_with_what_became_of_it(
    letters: Correspondence, letter: Callable[..., Letter]
) -> None:
    planned = letter("dh-1")
    assert letters.letter("dh-1") is None
    letters.plan(planned)
    assert letters.letter("dh-1") == planned
    letters.close("dh-1", LetterState.SENT, "note-5")
    letters.close("dh-1", LetterState.ANSWERED)
    closed = letters.letter("dh-1")
    assert closed == planned.model_copy(update={"state": LetterState.ANSWERED, "external_id": "note-5"})
    with pytest.raises(NotFound):
        letters.close("dh-2", LetterState.SENT)


def test_the_latest_letter_of_a_ticket_is_found(
    letters: Correspondence, letter: Callable[..., Letter], clock: ManualClock
) -> None:
    for key in ("dh-1", "dh-2"):
        letters.plan(letter(key))
        clock.advance(60)
    letters.plan(letter("dh-3", ticket_id="8"))
    latest = letters.latest("default", "acme", "7")
    assert latest is not None
    assert latest.key == "dh-2"
    assert letters.latest("other", "acme", "7") is None
    assert letters.latest("default", "other", "7") is None


def test_an_event_keeps_what_it_tells_and_when(outbox: Outbox, clock: ManualClock) -> None:
    event_id = outbox.add("default", "crm", EventType.DRAFT_READY, {"ticket_id": "7", "reply": {"text": "Grüße"}})
    event = outbox.get(event_id)
    assert (event.type, event.receiver, event.tenant) == (EventType.DRAFT_READY, "crm", "default")
    assert datetime.fromisoformat(event.created_at) == clock.now()
    assert event.data == {"ticket_id": "7", "reply": {"text": "Grüße"}}
    with pytest.raises(NotFound):
        outbox.get("msg_nothing")
