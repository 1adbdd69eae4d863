"""The in-memory twins of LessonReader and ProposalStore."""

import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from assistant.kernel.errors import InputError, NotFound
from assistant.kernel.learning import ArticleProposal, GivenFeedback, Lesson, ProposalState
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Compared, Feedback, Run
from assistant.ports import Clock, RunStore


class MemoryLessons:
    """A RunStore that can be read back: it notes what goes through it to ``runs``."""

    def __init__(self, runs: RunStore, clock: Clock) -> None:
        self._store, self._clock = runs, clock
        self._runs: dict[str, Run] = {}
        self._given: dict[str, list[GivenFeedback]] = {}

    def record(self, run: Run) -> None:
        self._store.record(run)
        self._runs[run.id] = run

    def get(self, tenant: str, run_id: str) -> Run:
        return self._store.get(tenant, run_id)

    def find(self, tenant: str, prefix: str) -> Run:
        return self._store.find(tenant, prefix)

    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str:
        feedback_id = self._store.add_feedback(tenant, feedback, compared)
        given = GivenFeedback(id=feedback_id, given_at=self._clock.now().isoformat(), feedback=feedback)
        self._given.setdefault(feedback.run_id, []).append(given)
        return feedback_id

    def lessons(
        self, tenant: str, *, since: datetime | None = None, verdicts: Collection[str] = (), newest: bool = False
    ) -> Iterator[Lesson]:
        for run in self._in_order(tenant, newest=newest):
            wanted = [
                given
                for given in self._given.get(run.id, [])
                if (not verdicts or given.feedback.verdict in verdicts) and _since(given.given_at, since)
            ]
            if wanted:
                yield Lesson(run=run, feedback=tuple(wanted))

    def handed_off(
        self, tenant: str, reasons: Collection[Reason], *, since: datetime | None = None
    ) -> Iterator[Lesson]:
        for run in self._in_order(tenant, newest=True):
            decision = run.decision
            if decision.kind == "handoff" and set(reasons) & set(decision.reasons) and _since(run.created_at, since):
                yield Lesson(run=run, feedback=tuple(self._given.get(run.id, [])))

    def _in_order(self, tenant: str, *, newest: bool) -> list[Run]:
        mine = [run for run in self._runs.values() if run.tenant == tenant]
        return sorted(mine, key=lambda run: (_utc(run.created_at), run.id), reverse=newest)


class MemoryProposalStore:
    def __init__(self) -> None:
        self._proposals: dict[str, ArticleProposal] = {}
        self._lock = threading.RLock()

    def alone(self) -> AbstractContextManager[object]:
        return self._lock

    def find(self, tenant: str, states: Collection[ProposalState] = ()) -> list[ArticleProposal]:
        mine = [p for p in self._proposals.values() if p.tenant == tenant and (not states or p.state in states)]
        by_id = sorted(mine, key=lambda proposal: proposal.id)
        return sorted(by_id, key=lambda proposal: proposal.updated_at, reverse=True)

    def get(self, tenant: str, proposal_id: str) -> ArticleProposal:
        found = self._proposals.get(proposal_id)
        if found is None or found.tenant != tenant:
            raise NotFound(f"there is no proposal {proposal_id!r}", field="id")
        return found

    def add(self, proposal: ArticleProposal) -> ArticleProposal:
        self._proposals[proposal.id] = proposal
        return proposal

    def update(self, proposal: ArticleProposal, *, seen: ProposalState) -> ArticleProposal:
        with self._lock:
            held = self._proposals.get(proposal.id)
            if held is None or held.tenant != proposal.tenant or held.state is not seen:
                raise InputError(f"proposal {proposal.id} is no longer {seen}", field="id")
            return self.add(proposal)


def _since(at: str, since: datetime | None) -> bool:
    return since is None or _utc(at) >= since


def _utc(at: str) -> datetime:
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
