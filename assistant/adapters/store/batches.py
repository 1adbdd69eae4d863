"""BatchStore: batches of tickets to summarise, a row a line; a finished line is never worked on again."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from uuid import uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from assistant.adapters.store.database import Sessions, utc
from assistant.adapters.store.tables import BatchItemRow, BatchRow
from assistant.kernel.batches import BatchItem, BatchProgress, BatchState, SummaryRow
from assistant.kernel.errors import InputError, NotFound
from assistant.ports import Clock

RATE_OVER_ROWS = 50
PAGE = 500


class SqlBatchStore:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def create(self, tenant: str, lines: Sequence[str], idempotency_key: str | None) -> tuple[BatchProgress, bool]:
        """Keep a batch, blank lines left out; returns it, and whether it is new. The same key with other lines is an InputError."""
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        with self._sessions.begin() as session:
            known = _by_key(session, tenant, idempotency_key)
            if known is not None:
                if known.input_sha256 != digest:
                    raise InputError(
                        "this idempotency key was used for another batch",
                        fix="Send a key of its own with each batch, and the same one only to repeat a request.",
                        field="Idempotency-Key",
                    )
                return self._progress(session, known), False
            row = BatchRow(
                id=uuid4().hex, tenant=tenant, idempotency_key=idempotency_key, input_sha256=digest,
                state=BatchState.QUEUED.value, total=sum(bool(line.strip()) for line in lines), created_at=self._clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            items = (
                {"batch_id": row.id, "line": number, "source": line, "tries": 0}
                for number, line in enumerate(lines, 1)
                if line.strip()
            )
            while page := list(islice(items, PAGE)):
                session.execute(insert(BatchItemRow), page)
            return self._progress(session, row), True

    def progress(self, tenant: str, batch_id: str) -> BatchProgress:
        """How a batch stands. Raises NotFound."""
        with self._sessions.read() as session:
            return self._progress(session, _get(session, tenant, batch_id))

    def begin(self, batch_id: str, under_way: Collection[int] = ()) -> BatchItem | None:
        """The first line without a result that is not under way, its try counted; None when there is none, or the batch
        was cancelled.
        """
        waiting = select(BatchItemRow).where(
            BatchItemRow.batch_id == batch_id, BatchItemRow.output.is_(None), BatchItemRow.line.not_in(under_way)
        )
        with self._sessions.begin() as session:
            batch = session.get_one(BatchRow, batch_id)
            item = session.scalar(waiting.order_by(BatchItemRow.line).limit(1))
            if item is None or batch.state == BatchState.CANCELLED:
                return None
            batch.state, batch.started_at = BatchState.RUNNING.value, batch.started_at or self._clock.now()
            item.tries += 1
            return BatchItem(line=item.line, source=item.source, tries=item.tries)

    def put_back(self, batch_id: str, line: int) -> None:
        """Take back the count of a try that the line was not to blame for."""
        with self._sessions.begin() as session:
            session.get_one(BatchItemRow, (batch_id, line)).tries -= 1

    def finish(self, batch_id: str, row: SummaryRow) -> None:
        """Keep the result of a line, and forget the line: it is a customer's, and done with."""
        with self._sessions.begin() as session:
            item = session.get_one(BatchItemRow, (batch_id, row.line))
            item.output, item.failed, item.source = row.model_dump_json(), row.error is not None, ""
            item.finished_at = self._clock.now()

    def close(self, tenant: str, batch_id: str, state: BatchState) -> None:
        """End a batch; one that has ended stays as it is. Raises NotFound."""
        with self._sessions.begin() as session:
            batch = _get(session, tenant, batch_id)
            if batch.state not in {BatchState.DONE, BatchState.CANCELLED}:
                batch.state, batch.finished_at = state.value, self._clock.now()

    def results(self, tenant: str, batch_id: str) -> Iterator[str]:
        """The finished lines as JSON, in order. Raises NotFound."""
        after = 0
        while True:
            query = select(BatchItemRow.line, BatchItemRow.output).where(
                BatchItemRow.batch_id == batch_id, BatchItemRow.line > after, BatchItemRow.output.is_not(None)
            )
            with self._sessions.read() as session:
                _get(session, tenant, batch_id)
                page = session.execute(query.order_by(BatchItemRow.line).limit(PAGE)).all()
            if not page:
                return
            for line, output in page:
                after = line
                assert output is not None
                yield output

    def _progress(self, session: Session, row: BatchRow) -> BatchProgress:
        finished = BatchItemRow.batch_id == row.id, BatchItemRow.output.is_not(None)
        done = session.scalar(select(func.count()).where(*finished)) or 0
        failed = session.scalar(select(func.count()).where(*finished, BatchItemRow.failed.is_(True))) or 0
        last = select(BatchItemRow.finished_at).where(*finished).order_by(BatchItemRow.finished_at.desc())
        times = [utc(at) for at in session.scalars(last.limit(RATE_OVER_ROWS)) if at is not None]
        if done and done <= RATE_OVER_ROWS and row.started_at is not None:
            times.append(utc(row.started_at))
        spent = (times[0] - times[-1]).total_seconds() if len(times) > 1 else 0.0
        rate = (len(times) - 1) / spent * 60 if spent > 0 else None
        running = row.state in {BatchState.QUEUED, BatchState.RUNNING}
        return BatchProgress(
            id=row.id,
            state=BatchState(row.state),
            total=row.total,
            done=done,
            failed=failed,
            rows_per_minute=rate and round(rate, 1),
            seconds_left=round((row.total - done) / rate * 60, 1) if rate and running else None,
            created_at=utc(row.created_at).isoformat(),
            finished_at=utc(row.finished_at).isoformat() if row.finished_at else None,
        )


def _by_key(session: Session, tenant: str, key: str | None) -> BatchRow | None:
    if key is None:
        return None
    return session.scalar(select(BatchRow).where(BatchRow.tenant == tenant, BatchRow.idempotency_key == key))


def _get(session: Session, tenant: str, batch_id: str) -> BatchRow:
    row = session.get(BatchRow, batch_id)
    if row is None or row.tenant != tenant:
        raise NotFound(f"there is no batch {batch_id!r}", fix="Take the id from the answer that created it.")
    return row
