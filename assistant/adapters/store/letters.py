"""Correspondence: webhooks that came in, and what is left at tickets in answer. Outbox: events on their way out."""

from uuid import uuid4

from sqlalchemy import select

from assistant.adapters.store.database import Sessions, utc
from assistant.adapters.store.tables import InboxRow, LetterRow, OutgoingEventRow
from assistant.kernel.errors import NotFound
from assistant.kernel.helpdesks import Notice, Writing
from assistant.kernel.outgoing import EventType, Letter, LetterState, OutgoingEvent
from assistant.ports import Clock


class SqlCorrespondence:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def receive(self, connection: str, notice: Notice) -> str | None:
        """Keep what a webhook said; returns its id here, or None when the same was delivered before."""
        same = select(InboxRow.id).where(InboxRow.connection == connection, InboxRow.delivery_id == notice.delivery_id)
        with self._sessions.begin() as session:
            if session.scalar(same) is not None:
                return None
            row = InboxRow(
                id=uuid4().hex,
                connection=connection,
                delivery_id=notice.delivery_id,
                notice=notice.model_dump(mode="json"),
                created_at=self._clock.now(),
            )
            session.add(row)
            return row.id

    def notice(self, inbox_id: str) -> tuple[str, Notice]:
        """The connection a notice came by, and the notice. Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(InboxRow, inbox_id)
            if row is None:
                raise NotFound(f"there is no delivery {inbox_id!r}")
            return row.connection, Notice.model_validate(row.notice)

    def plan(self, letter: Letter) -> None:
        """Write down what is about to be left at a ticket."""
        now = self._clock.now()
        values = letter.model_dump(mode="json") | {"created_at": now, "updated_at": now}
        with self._sessions.begin() as session:
            session.add(LetterRow(**values))

    def letter(self, key: str) -> Letter | None:
        with self._sessions.read() as session:
            row = session.get(LetterRow, key)
            return None if row is None else _letter(row)

    def hand_over(self, key: str, job_id: str) -> None:
        """From now on this job alone may leave the letter. Raises NotFound."""
        with self._sessions.begin() as session:
            row = session.get(LetterRow, key)
            if row is None:
                raise NotFound(f"there is no letter {key!r}")
            row.job_id, row.updated_at = job_id, self._clock.now()

    def close(self, key: str, state: LetterState, external_id: str = "") -> None:
        """Say what became of a letter. Raises NotFound."""
        with self._sessions.begin() as session:
            row = session.get(LetterRow, key)
            if row is None:
                raise NotFound(f"there is no letter {key!r}")
            row.state, row.updated_at = state.value, self._clock.now()
            row.external_id = external_id or row.external_id

    def latest(self, tenant: str, connection: str, ticket_id: str) -> Letter | None:
        """The last letter that was left at this ticket."""
        query = (
            select(LetterRow)
            .where(LetterRow.tenant == tenant, LetterRow.connection == connection, LetterRow.ticket_id == ticket_id)
            .order_by(LetterRow.created_at.desc())
            .limit(1)
        )
        with self._sessions.read() as session:
            row = session.scalar(query)
            return None if row is None else _letter(row)


class SqlOutbox:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def add(self, tenant: str, receiver: str, type_: EventType, data: dict[str, object]) -> str:
        """Keep an event for one receiver; returns its id."""
        row = OutgoingEventRow(
            id=f"msg_{uuid4().hex}",
            tenant=tenant,
            receiver=receiver,
            type=type_.value,
            data=data,
            created_at=self._clock.now(),
        )
        with self._sessions.begin() as session:
            session.add(row)
            return row.id

    def get(self, event_id: str) -> OutgoingEvent:
        """The event with this id. Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(OutgoingEventRow, event_id)
            if row is None:
                raise NotFound(f"there is no event {event_id!r}")
            return OutgoingEvent(
                id=row.id,
                tenant=row.tenant,
                receiver=row.receiver,
                type=EventType(row.type),
                created_at=utc(row.created_at).isoformat(),
                data=row.data,
            )


def _letter(row: LetterRow) -> Letter:
    return Letter(
        key=row.key,
        tenant=row.tenant,
        connection=row.connection,
        ticket_id=row.ticket_id,
        run_id=row.run_id,
        job_id=row.job_id,
        writing=Writing.model_validate(row.writing),
        state=LetterState(row.state),
        external_id=row.external_id,
    )
