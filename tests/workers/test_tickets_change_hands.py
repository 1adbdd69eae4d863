"""Two jobs about one message: one leaves the note; when it dies, the other does."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from assistant.adapters.memory.helpdesk import MemoryHelpdesk
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock
from assistant.kernel.errors import InputError
from assistant.kernel.helpdesks import Connection, HelpdeskKind, Notice
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.pipeline import Desk
from tests.workers.shop import Shop
from workers.tasks import run_job

CALL_ME = "I want a real person to ring me about order FC-2204861 today."


class Counter:
    """A helpdesk with one ticket, and jobs that were told of it."""

    def __init__(self, clock: ManualClock, desk: Desk) -> None:
        self.clock, self.helpdesk = clock, MemoryHelpdesk(datetime(2026, 1, 1, tzinfo=UTC))
        connection = Connection(name="fernhill", kind=HelpdeskKind.ZAMMAD)
        self.shop = Shop(clock, MemoryIndex(), desk, [(connection, self.helpdesk)])
        self.helpdesk.add_ticket("7", "Refund", CALL_ME)

    def told(self, number: str) -> Job:
        notice = Notice(delivery_id=number, ticket_id="7", about="customer")
        inbox = self.shop.letters.receive("fernhill", notice)
        assert inbox is not None
        return self.shop.jobs.add("default", JobName.ANSWER_TICKET, inbox)

    def run(self, job: Job) -> Job:
        self.clock.advance(400)
        run_job(job.id, self.shop.workshop())
        return self.shop.jobs.get("default", job.id)

    @property
    def notes(self) -> int:
        return len(self.helpdesk.writings)


@pytest.fixture
def counter(clock: ManualClock, make_desk: Callable[..., Desk]) -> Counter:
    return Counter(clock, make_desk())


class Refusing(MemoryHelpdesk):
    """Takes no note, as a helpdesk whose agent user lost a right, until ``rights`` are back."""

    rights = False

    def write(self, ticket_id: str, writing: object) -> str:
        if not self.rights:
            raise InputError("it refused what was written")
        return super().write(ticket_id, writing)  # type: ignore[arg-type]


def test_a_second_job_waits_for_the_first_and_then_has_nothing_to_do(counter: Counter) -> None:
    first, second = counter.told("d-1"), counter.told("d-2")
    taken = counter.shop.jobs.claim(first.id)
    assert taken is not None
    counter.shop.jobs.fail(taken, "the helpdesk is away", retry=True)
    held = counter.run(first)
    assert (held.state, counter.notes) == (JobState.DONE, 1)
    assert counter.run(second).detail == "this message was dealt with before: sent"
    assert counter.notes == 1


def test_the_note_of_a_job_that_died_is_left_by_the_next_and_not_again_when_the_first_is_retried(
    clock: ManualClock, make_desk: Callable[..., Desk]
) -> None:
    counter = Counter(clock, make_desk())
    refusing = Refusing(datetime(2026, 1, 1, tzinfo=UTC))
    refusing.tickets, counter.helpdesk = counter.helpdesk.tickets, refusing
    counter.shop._helpdesks = [(Connection(name="fernhill", kind=HelpdeskKind.ZAMMAD), refusing)]
    first = counter.told("d-1")
    assert counter.run(first).state is JobState.DEAD
    refusing.rights = True
    second = counter.told("d-2")
    assert counter.run(second).state is JobState.DONE
    assert counter.notes == 1
    counter.shop.jobs.retry("default", first.id)
    assert counter.run(first).detail == "this message was dealt with before: sent"
    assert counter.notes == 1


def test_a_job_that_may_still_leave_the_note_is_waited_for(counter: Counter) -> None:
    first, second = counter.told("d-1"), counter.told("d-2")
    counter.helpdesk.fail_next(InputError("read before the draft"))
    assert counter.run(first).state is JobState.DEAD
    counter.shop.jobs.retry("default", first.id)
    taken = counter.shop.jobs.claim(first.id)
    assert taken is not None
    _plan(counter, taken)
    waiting = counter.run(second)
    assert (waiting.state, waiting.strikes) == (JobState.QUEUED, 0)
    assert first.id in waiting.detail
    assert counter.notes == 0


def _plan(counter: Counter, job: Job) -> None:
    """Do the first job up to the moment before its note, where its worker is stopped."""
    from assistant.ticketing import answer_ticket

    class Stopped(BaseException):
        pass

    holdings = 0

    def holding() -> object:
        nonlocal holdings
        holdings += 1
        if holdings == 3:
            raise Stopped
        return counter.shop.jobs.holding(job)

    with pytest.raises(Stopped):
        answer_ticket(job, counter.shop.front_desk(), holding)  # type: ignore[arg-type]
    assert counter.shop.letters.latest("default", "fernhill", "7") is not None
