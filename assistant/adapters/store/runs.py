"""RunStore: runs with ticket, drafts, decision and handoff, written in one transaction; and feedback."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import DecisionRow, DraftRow, FeedbackRow, HandoffRow, RunRow, TicketRow
from assistant.kernel.conversation import Handoff
from assistant.kernel.errors import NotFound
from assistant.kernel.runs import Compared, Feedback, Run
from assistant.ports import Clock


class SqlRunStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def record(self, run: Run) -> None:
        """Store a finished run with everything that belongs to it, or nothing."""
        with self._sessions.begin() as session:
            ticket_id = uuid4().hex
            session.add(_ticket_row(run, ticket_id))
            session.flush()
            session.add(
                RunRow(
                    id=run.id,
                    tenant=run.tenant,
                    ticket_id=ticket_id,
                    created_at=datetime.fromisoformat(run.created_at),
                    manifest=run.manifest.model_dump(mode="json"),
                    record=run.model_dump(mode="json"),
                )
            )
            session.flush()
            session.add_all(
                DraftRow(
                    id=uuid4().hex,
                    run_id=run.id,
                    tier=attempt.raw.tier.value,
                    model_sha256=attempt.raw.model.sha256,
                    text=attempt.raw.completion.text,
                    accepted=attempt.step.kind == "answer",
                    features=attempt.features if attempt is run.first_that_stood else None,
                )
                for attempt in run.attempts
            )
            session.add(DecisionRow(run_id=run.id, kind=run.decision.kind, reasons=list(run.decision.reasons)))
            if isinstance(run.decision, Handoff):
                session.add(_handoff_row(run.id, run.decision))

    def get(self, tenant: str, run_id: str) -> Run:
        """The run with this id. Raises NotFound."""
        with self._sessions.read() as session:
            return Run.model_validate(_get(session, tenant, run_id).record)

    def find(self, tenant: str, prefix: str) -> Run:
        """The one run whose id begins with ``prefix``, for a person who types it. Raises NotFound."""
        query = select(RunRow).where(RunRow.tenant == tenant, RunRow.id.startswith(prefix, autoescape=True)).limit(2)
        with self._sessions.read() as session:
            found = list(session.scalars(query)) if prefix else []
            if len(found) != 1:
                raise NotFound(
                    f"{'more than one run begins' if found else 'there is no run that begins'} with {prefix!r}",
                    fix="Take the run_id from the draft's answer.",
                    field="run_id",
                )
            return Run.model_validate(found[0].record)

    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str:
        """Store what a person thought of a run of this tenant; returns the feedback's id. Raises NotFound."""
        with self._sessions.begin() as session:
            row = FeedbackRow(
                id=uuid4().hex,
                run_id=_get(session, tenant, feedback.run_id).id,
                verdict=feedback.verdict,
                comment=feedback.comment,
                sent_text=feedback.sent_text,
                agent=feedback.agent,
                reason=feedback.reason.value if feedback.reason else None,
                similarity=compared.similarity if compared else None,
                edits=compared.edits if compared else None,
                cited=compared.cited if compared else None,
                kept=list(compared.kept) if compared else None,
                created_at=self._clock.now(),
            )
            session.add(row)
            return row.id


def _get(session: Session, tenant: str, run_id: str) -> RunRow:
    row = session.get(RunRow, run_id)
    if row is None or row.tenant != tenant:
        raise NotFound(f"there is no run {run_id!r}", fix="Take the run_id from the draft's answer.", field="run_id")
    return row


def _ticket_row(run: Run, ticket_id: str) -> TicketRow:
    return TicketRow(
        id=ticket_id,
        tenant=run.tenant,
        external_id=run.ticket_id,
        subject=run.question.subject,
        language=run.question.language,
        messages=[message.model_dump(mode="json") for message in run.question.transcript],
        created_at=datetime.fromisoformat(run.created_at),
    )


def _handoff_row(run_id: str, handoff: Handoff) -> HandoffRow:
    return HandoffRow(
        run_id=run_id,
        reasons=list(handoff.reasons),
        summary=handoff.summary,
        passage_ids=[passage.chunk.id for passage in handoff.passages],
        tried=list(handoff.tried),
    )
