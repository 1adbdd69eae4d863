"""The in-memory twins of Correspondence, Outbox, EventSender and BatchStore."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import uuid4

from assistant.kernel.batches import BatchItem, BatchProgress, BatchState, SummaryRow
from assistant.kernel.errors import DeskhandError, InputError, NotFound
from assistant.kernel.helpdesks import Notice
from assistant.kernel.outgoing import EventType, Letter, LetterState, OutgoingEvent, Receiver
from assistant.ports import Clock


class MemoryCorrespondence:
    def __init__(self) -> None:
        self._inbox: dict[str, tuple[str, Notice]] = {}
        self._letters: dict[str, Letter] = {}

    def receive(self, connection: str, notice: Notice) -> str | None:
        known = {(name, seen.delivery_id) for name, seen in self._inbox.values()}
        if (connection, notice.delivery_id) in known:
            return None
        inbox_id = uuid4().hex
        self._inbox[inbox_id] = (connection, notice)
        return inbox_id

    def notice(self, inbox_id: str) -> tuple[str, Notice]:
        if inbox_id not in self._inbox:
            raise NotFound(f"there is no delivery {inbox_id!r}")
        return self._inbox[inbox_id]

    def plan(self, letter: Letter) -> None:
        self._letters[letter.key] = letter

    def letter(self, key: str) -> Letter | None:
        return self._letters.get(key)

    def hand_over(self, key: str, job_id: str) -> None:
        letter = self._letters.get(key)
        if letter is None:
            raise NotFound(f"there is no letter {key!r}")
        self._letters[key] = letter.model_copy(update={"job_id": job_id})

    def close(self, key: str, state: LetterState, external_id: str = "") -> None:
        letter = self._letters.get(key)
        if letter is None:
            raise NotFound(f"there is no letter {key!r}")
        changes = {"state": state, "external_id": external_id or letter.external_id}
        self._letters[key] = letter.model_copy(update=changes)

    def latest(self, tenant: str, connection: str, ticket_id: str) -> Letter | None:
        wanted = (tenant, connection, ticket_id)
        mine = [held for held in self._letters.values() if (held.tenant, held.connection, held.ticket_id) == wanted]
        return mine[-1] if mine else None


class MemoryOutbox:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.events: dict[str, OutgoingEvent] = {}

    def add(self, tenant: str, receiver: str, type_: EventType, data: dict[str, object]) -> str:
        event = OutgoingEvent(
            id=f"msg_{uuid4().hex}", tenant=tenant, receiver=receiver, type=type_,
            created_at=self._clock.now().isoformat(), data=data,
        )  # fmt: skip
        self.events[event.id] = event
        return event.id

    def get(self, event_id: str) -> OutgoingEvent:
        if event_id not in self.events:
            raise NotFound(f"there is no event {event_id!r}")
        return self.events[event_id]


class MemorySender:
    """Remembers what it sent; raises ``trouble`` instead while there is one."""

    def __init__(self) -> None:
        self.sent: list[tuple[Receiver, OutgoingEvent]] = []
        self.trouble: DeskhandError | None = None

    def send(self, receiver: Receiver, event: OutgoingEvent) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append((receiver, event))


class _Batch:
    def __init__(self, tenant: str, lines: Sequence[str], digest: str, created_at: datetime) -> None:
        self.tenant, self.digest, self.created_at = tenant, digest, created_at
        self.lines = {number: line for number, line in enumerate(lines, 1) if line.strip()}
        self.state, self.tries = BatchState.QUEUED, dict.fromkeys(self.lines, 0)
        self.rows: dict[int, SummaryRow] = {}


class MemoryBatchStore:
    """Tells no rate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._batches: dict[str, _Batch] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def create(self, tenant: str, lines: Sequence[str], idempotency_key: str | None) -> tuple[BatchProgress, bool]:
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        known = self._keys.get((tenant, idempotency_key)) if idempotency_key else None
        if known is not None:
            if self._batches[known].digest != digest:
                raise InputError("this idempotency key was used for another batch", field="Idempotency-Key")
            return self.progress(tenant, known), False
        batch_id = uuid4().hex
        self._batches[batch_id] = _Batch(tenant, lines, digest, self._clock.now())
        if idempotency_key:
            self._keys[(tenant, idempotency_key)] = batch_id
        return self.progress(tenant, batch_id), True

    def progress(self, tenant: str, batch_id: str) -> BatchProgress:
        batch = self._get(tenant, batch_id)
        failed = sum(row.error is not None for row in batch.rows.values())
        return BatchProgress(
            id=batch_id, state=batch.state, total=len(batch.lines), done=len(batch.rows), failed=failed,
            created_at=batch.created_at.isoformat(),
        )  # fmt: skip

    def begin(self, batch_id: str, under_way: Collection[int] = ()) -> BatchItem | None:
        batch = self._batches[batch_id]
        taken = {*batch.rows, *under_way}
        waiting = next((number for number in batch.lines if number not in taken), None)
        if waiting is None or batch.state is BatchState.CANCELLED:
            return None
        batch.state = BatchState.RUNNING
        batch.tries[waiting] += 1
        return BatchItem(line=waiting, source=batch.lines[waiting], tries=batch.tries[waiting])

    def put_back(self, batch_id: str, line: int) -> None:
        self._batches[batch_id].tries[line] -= 1

    def finish(self, batch_id: str, row: SummaryRow) -> None:
        self._batches[batch_id].rows[row.line] = row

    def close(self, tenant: str, batch_id: str, state: BatchState) -> None:
        batch = self._get(tenant, batch_id)
        if batch.state not in {BatchState.DONE, BatchState.CANCELLED}:
            batch.state = state

    def results(self, tenant: str, batch_id: str) -> Iterator[str]:
        batch = self._get(tenant, batch_id)
        return iter([batch.rows[line].model_dump_json() for line in sorted(batch.rows)])

    def _get(self, tenant: str, batch_id: str) -> _Batch:
        batch = self._batches.get(batch_id)
        if batch is None or batch.tenant != tenant:
            raise NotFound(f"there is no batch {batch_id!r}")
        return batch
