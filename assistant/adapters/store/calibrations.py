"""CalibrationStore: what is known of a tenant's drafts, and what to watch them by."""

from datetime import UTC, datetime

from sqlalchemy import Update, select, update

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import CalibrationRow, DecisionRow, DraftRow, FeedbackRow, RunRow
from assistant.kernel.calibration import Calibration, Watched
from assistant.kernel.errors import NotFound
from assistant.kernel.runs import approved


class SqlCalibrationStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def in_force(self, tenant: str) -> Calibration | None:
        """The newest of those in force, of which there are two for a moment when two people calibrate at once."""
        query = select(CalibrationRow.record).where(CalibrationRow.tenant == tenant, CalibrationRow.in_force)
        with self._sessions.read() as session:
            record = session.scalars(query.order_by(CalibrationRow.created_at.desc()).limit(1)).first()
        return None if record is None else Calibration.model_validate(record)

    def find(self, tenant: str) -> list[Calibration]:
        query = select(CalibrationRow.record).where(CalibrationRow.tenant == tenant)
        with self._sessions.read() as session:
            records = session.scalars(query.order_by(CalibrationRow.created_at.desc(), CalibrationRow.id))
            return [Calibration.model_validate(record) for record in records]

    def keep(self, calibration: Calibration) -> None:
        row = CalibrationRow(
            id=calibration.id,
            tenant=calibration.tenant,
            created_at=datetime.fromisoformat(calibration.created_at),
            in_force=True,
            record=calibration.model_dump(mode="json"),
        )
        with self._sessions.begin() as session:
            session.execute(_of(calibration.tenant).values(in_force=False))
            session.add(row)

    def use(self, tenant: str, calibration_id: str | None) -> None:
        """Put this one in force and no other, or none. Raises NotFound."""
        with self._sessions.begin() as session:
            session.execute(_of(tenant).values(in_force=False))
            if calibration_id is None:
                return
            chosen = _of(tenant).where(CalibrationRow.id == calibration_id).values(in_force=True)
            if not session.execute(chosen.returning(CalibrationRow.id)).all():
                raise NotFound(
                    f"there is no calibration {calibration_id!r}",
                    fix="Take the id from `deskhand calibrate list`.",
                    field="id",
                )

    def watched(self, tenant: str, since: datetime, limit: int) -> list[Watched]:
        query = (
            select(DraftRow.features, DecisionRow.kind, RunRow.id)
            .join(RunRow, RunRow.id == DraftRow.run_id)
            .join(DecisionRow, DecisionRow.run_id == RunRow.id)
            .where(RunRow.tenant == tenant, RunRow.created_at >= since.astimezone(UTC))
            .where(DraftRow.features.is_not(None))
            .order_by(RunRow.created_at.desc(), RunRow.id.desc())
            .limit(limit)
        )
        with self._sessions.read() as session:
            drafts = list(session.execute(query))[::-1]
            said = select(FeedbackRow.run_id, FeedbackRow.verdict, FeedbackRow.similarity)
            said = said.where(FeedbackRow.run_id.in_([run_id for _, _, run_id in drafts])).order_by(
                FeedbackRow.created_at, FeedbackRow.id
            )
            verdicts = {run_id: approved(verdict, similarity) for run_id, verdict, similarity in session.execute(said)}
        return [
            Watched(features=features, accepted=kind == "answer", approved=verdicts.get(run_id))
            for features, kind, run_id in drafts
        ]


def _of(tenant: str) -> Update:
    return update(CalibrationRow).where(CalibrationRow.tenant == tenant)
