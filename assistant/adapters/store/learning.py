"""LessonReader: runs and feedback read back, page by page. ProposalStore: articles proposed, and decided on."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select, text, update

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import ArticleProposalRow, DecisionRow, FeedbackRow, RunRow
from assistant.kernel.errors import InputError, NotFound
from assistant.kernel.learning import ArticleProposal, GivenFeedback, Lesson, ProposalState
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Feedback, Run

PAGE = 100


class SqlLessonReader:
    """Every page is one transaction: a long export holds none open. What is recorded meanwhile may be in it or not."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def lessons(
        self, tenant: str, *, since: datetime | None = None, verdicts: Collection[str] = (), newest: bool = False
    ) -> Iterator[Lesson]:
        """Runs with such feedback, and that feedback, by the run's time and id."""
        wanted = _wanted(since, verdicts)
        some = select(FeedbackRow.id).where(FeedbackRow.run_id == RunRow.id, *wanted).exists()
        query = select(RunRow.created_at, RunRow.id, RunRow.record).where(RunRow.tenant == tenant, some)
        for page in self._pages(query, newest=newest):
            yield from self._with_feedback([record for _, _, record in page], wanted)

    def handed_off(
        self, tenant: str, reasons: Collection[Reason], *, since: datetime | None = None
    ) -> Iterator[Lesson]:
        """Handoffs with one of ``reasons``, newest first; the run's record is read for these alone."""
        query = (
            select(RunRow.created_at, RunRow.id, DecisionRow.reasons)
            .join(DecisionRow, DecisionRow.run_id == RunRow.id)
            .where(RunRow.tenant == tenant, DecisionRow.kind == "handoff")
        )
        if since is not None:
            query = query.where(RunRow.created_at >= since.astimezone(UTC))
        codes = {reason.value for reason in reasons}
        for page in self._pages(query, newest=True):
            ids = [run_id for _, run_id, found in page if codes.intersection(found)]
            with self._sessions.read() as session:
                rows = session.execute(select(RunRow.id, RunRow.record).where(RunRow.id.in_(ids)))
                records: dict[str, dict[str, Any]] = {row.id: row.record for row in rows}
            yield from self._with_feedback([records[run_id] for run_id in ids if run_id in records], [])

    def _pages(self, query: Select[Any], *, newest: bool) -> Iterator[list[tuple[datetime, str, Any]]]:
        """The rows of ``query``, which begin with the run's time and id, in pages."""
        order = (RunRow.created_at.desc(), RunRow.id.desc()) if newest else (RunRow.created_at, RunRow.id)
        last: tuple[datetime, str] | None = None
        while True:
            with self._sessions.read() as session:
                rows = session.execute(_after(query, last, newest).order_by(*order).limit(PAGE))
                page = [(row[0], row[1], row[2]) for row in rows]
            if not page:
                return
            last = page[-1][0], page[-1][1]
            yield page

    def _with_feedback(self, records: list[dict[str, Any]], wanted: list[Any]) -> Iterator[Lesson]:
        given: dict[str, list[GivenFeedback]] = {record["id"]: [] for record in records}
        query = select(FeedbackRow).where(FeedbackRow.run_id.in_(given), *wanted)
        with self._sessions.read() as session:
            for row in session.scalars(query.order_by(FeedbackRow.created_at, FeedbackRow.id)):
                given[row.run_id].append(_given(row))
        for record in records:
            yield Lesson(run=Run.model_validate(record), feedback=tuple(given[record["id"]]))


class SqlProposalStore:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One transaction in which nobody else adds a proposal. SQLite has one writer at a time as it is."""
        with self._sessions.together(), self._sessions.begin() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("LOCK TABLE article_proposal IN SHARE ROW EXCLUSIVE MODE"))
            yield

    def find(self, tenant: str, states: Collection[ProposalState] = ()) -> list[ArticleProposal]:
        """Proposals in one of ``states`` (none: all), the last changed first."""
        query = select(ArticleProposalRow.record).where(ArticleProposalRow.tenant == tenant)
        if states:
            query = query.where(ArticleProposalRow.state.in_([state.value for state in states]))
        query = query.order_by(ArticleProposalRow.updated_at.desc(), ArticleProposalRow.id)
        with self._sessions.read() as session:
            return [ArticleProposal.model_validate(record) for record in session.scalars(query)]

    def get(self, tenant: str, proposal_id: str) -> ArticleProposal:
        """Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(ArticleProposalRow, proposal_id)
            if row is None or row.tenant != tenant:
                raise NotFound(
                    f"there is no proposal {proposal_id!r}", fix="Take the id from `deskhand gaps list`.", field="id"
                )
            return ArticleProposal.model_validate(row.record)

    def add(self, proposal: ArticleProposal) -> ArticleProposal:
        """Keep a new proposal."""
        row = ArticleProposalRow(
            id=proposal.id,
            tenant=proposal.tenant,
            created_at=datetime.fromisoformat(proposal.created_at),
            **_changing(proposal),
        )
        with self._sessions.begin() as session:
            session.add(row)
        return proposal

    def update(self, proposal: ArticleProposal, *, seen: ProposalState) -> ArticleProposal:
        """Keep what became of a proposal. Raises InputError when it is no longer in the state ``seen``."""
        mine = ArticleProposalRow.id == proposal.id, ArticleProposalRow.tenant == proposal.tenant
        change = update(ArticleProposalRow).where(*mine, ArticleProposalRow.state == seen.value)
        with self._sessions.begin() as session:
            changed = session.execute(change.values(**_changing(proposal)).returning(ArticleProposalRow.id)).all()
        if not changed:
            raise InputError(f"proposal {proposal.id} is no longer {seen}", fix="Look at it again.", field="id")
        return proposal


def _changing(proposal: ArticleProposal) -> dict[str, Any]:
    return {
        "state": proposal.state.value,
        "record": proposal.model_dump(mode="json"),
        "updated_at": datetime.fromisoformat(proposal.updated_at),
    }


def _wanted(since: datetime | None, verdicts: Collection[str]) -> list[Any]:
    wanted: list[Any] = [FeedbackRow.verdict.in_(sorted(verdicts))] if verdicts else []
    return wanted if since is None else [*wanted, FeedbackRow.created_at >= since.astimezone(UTC)]


def _after(query: Select[Any], last: tuple[datetime, str] | None, newest: bool) -> Select[Any]:
    if last is None:
        return query
    at, run_id = last
    if newest:
        beyond, equal = RunRow.created_at < at, RunRow.id < run_id
    else:
        beyond, equal = RunRow.created_at > at, RunRow.id > run_id
    return query.where(or_(beyond, and_(RunRow.created_at == at, equal)))


def _given(row: FeedbackRow) -> GivenFeedback:
    """A row read back; the value names the columns it is made of."""
    given_at = row.created_at if row.created_at.tzinfo else row.created_at.replace(tzinfo=UTC)
    feedback = Feedback.model_validate(row, from_attributes=True)
    return GivenFeedback(id=row.id, given_at=given_at.isoformat(), feedback=feedback)
