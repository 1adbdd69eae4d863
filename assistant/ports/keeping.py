"""Ports of what is kept: runs, what people said of them, keys, uploads."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.calibration import Calibration, Watched
from assistant.kernel.jobs import Upload
from assistant.kernel.learning import ArticleProposal, Lesson, ProposalState
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Compared, Feedback, Run
from assistant.kernel.scope import ScopeFit
from assistant.ports.answering import Vectors


class RunStore(Protocol):
    """Runs with their drafts, decisions and handoffs, and what people said of them."""

    def record(self, run: Run) -> None: ...
    def get(self, tenant: str, run_id: str) -> Run: ...
    def find(self, tenant: str, prefix: str) -> Run: ...
    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str: ...


class LessonReader(Protocol):
    """Runs with what people said of them, read a page at a time: the whole table is never in memory.

    ``lessons`` gives runs with feedback of these verdicts (none: all) given since then, and that feedback; by the
    run's time, oldest first, unless ``newest`` is asked for. ``handed_off`` gives handoffs with one of these reasons, newest
    first, with all their feedback.
    """

    def lessons(
        self, tenant: str, *, since: datetime | None = None, verdicts: Collection[str] = (), newest: bool = False
    ) -> Iterator[Lesson]: ...
    def handed_off(
        self, tenant: str, reasons: Collection[Reason], *, since: datetime | None = None
    ) -> Iterator[Lesson]: ...


class ProposalStore(Protocol):
    """Articles proposed for a person to decide on. ``find`` gives the last changed first.

    ``update`` raises InputError when the proposal is no longer in the state ``seen``: someone else decided meanwhile.
    Inside ``alone`` nobody else adds one, and all that is written is kept whole or not at all.
    """

    def alone(self) -> AbstractContextManager[object]: ...
    def find(self, tenant: str, states: Collection[ProposalState] = ()) -> list[ArticleProposal]: ...
    def get(self, tenant: str, proposal_id: str) -> ArticleProposal: ...
    def add(self, proposal: ArticleProposal) -> ArticleProposal: ...
    def update(self, proposal: ArticleProposal, *, seen: ProposalState) -> ArticleProposal: ...


class KeyStore(Protocol):
    """API keys, known only by hash. ``redeem`` finds a live key with ``scope`` and revokes it, for one caller only."""

    def create(
        self, tenant: str, name: str, scopes: Iterable[KeyScope], lifetime: timedelta | None
    ) -> tuple[ApiKey, str]: ...
    def find(self, secret: str) -> ApiKey | None: ...
    def redeem(self, secret: str, scope: KeyScope) -> ApiKey | None: ...
    def list(self) -> "list[ApiKey]": ...
    def revoke(self, key_id: str) -> None: ...


class Transactions(Protocol):
    """What stores write inside ``together`` is kept as a whole or not at all."""

    def together(self) -> AbstractContextManager[None]: ...


class UploadStore(Protocol):
    """Documents that were sent and wait to be ingested."""

    def add(self, upload: Upload) -> str: ...
    def get(self, upload_id: str) -> Upload: ...
    def delete(self, upload_id: str) -> None: ...


class ScopeStore(Protocol):
    """What each tenant answers questions about: one fit at most, with the examples it is by, those in scope and those not.

    ``keep`` takes the place of the one before; ``drop`` tells whether there was one.
    """

    def fit(self, tenant: str) -> ScopeFit | None: ...
    def examples(self, fit: ScopeFit) -> tuple[Vectors, Vectors]: ...
    def keep(self, fit: ScopeFit, inside: Vectors, outside: Vectors) -> None: ...
    def drop(self, tenant: str) -> bool: ...


class CalibrationStore(Protocol):
    """Calibrations of tenants, of which one at most is in force.

    ``keep`` puts a new one in force, ``use`` an older one, or none; it raises NotFound. ``find`` gives all, newest first. ``watched`` gives
    of the last ``limit`` runs since then, oldest first, the first draft that stood and what people last said of it.
    """

    def in_force(self, tenant: str) -> Calibration | None: ...
    def find(self, tenant: str) -> list[Calibration]: ...
    def keep(self, calibration: Calibration) -> None: ...
    def use(self, tenant: str, calibration_id: str | None) -> None: ...
    def watched(self, tenant: str, since: datetime, limit: int) -> list[Watched]: ...
