"""What Deskhand needs from the outside, each as a small Protocol.

Every port has an in-memory twin in ``adapters/memory``; one contract suite runs both.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.batches import BatchItem, BatchProgress, BatchState, SummaryRow
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.helpdesks import Delivery, HelpdeskTicket, Notice, Writing
from assistant.kernel.jobs import Due, Job, JobName, JobState, Lane, LaneLoad, Upload
from assistant.kernel.knowledge import (
    NO_SKETCH,
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    Likeness,
    ParsedDocument,
    Sketch,
    SnapshotManifest,
    Standing,
    StoredDocument,
)
from assistant.kernel.learning import ArticleProposal, Lesson, ProposalState
from assistant.kernel.outgoing import EventType, Letter, LetterState, OutgoingEvent, Receiver
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Compared, Feedback, Run

Vectors = NDArray[np.float32]
"""Shape (rows, dimension), float32, each row of unit length."""

ExactVectors = Callable[[Sequence[str]], Mapping[str, NDArray[np.float32]]]
"""Embedding texts to the vectors they had before an index made them smaller."""

FindCopies = Callable[[Sequence[Likeness]], Mapping[str, str]]
"""Documents that may be alike to key → key of the one that is published in its place."""


class Clock(Protocol):
    """Tells the time: wall time for records, monotonic seconds for durations."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


class Embedder(Protocol):
    """Turns text into vectors whose dot product is similarity of meaning."""

    @property
    def identity(self) -> EmbedderIdentity: ...
    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def embed(self, texts: Sequence[str]) -> Vectors: ...


class Reranker(Protocol):
    """Reads a question together with each of some passages, and tells how well they answer it."""

    def score(self, question: str, passages: Sequence[str]) -> list[float]: ...


class Snapshot(Protocol):
    """One immutable index generation of one tenant, for the audiences that are named. ``beside``: those before and after."""

    @property
    def manifest(self) -> SnapshotManifest: ...
    def dense(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]: ...
    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]: ...
    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]: ...
    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]: ...
    def beside(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, list[Chunk]]: ...


class IndexReader(Protocol):
    """Gives the newest published snapshot; a caller keeps it for the length of a request."""

    def snapshot(self, tenant: str) -> Snapshot | None: ...


class IndexChange(NamedTuple):
    """What is new in an index: ``documents`` come in, in place of those with the same key, and ``removed`` keys go.

    ``vectors`` has those there are of the documents' embedding texts. ``whole``: nothing that was there before stays.
    """

    documents: Sequence[IndexedDocument] = ()
    removed: Collection[str] = ()
    vectors: Mapping[str, NDArray[np.float32]] = {}
    whole: bool = False


Forbidden = Callable[[Mapping[str, str]], Collection[str]]
"""Documents, key to fingerprint → keys of those that may not be shown."""


def nothing_forbidden(_: Mapping[str, str]) -> Collection[str]:
    return ()


class IndexWriter(Protocol):
    """Publishes changes of a tenant's index, each whole or not at all; two writers never publish at once.

    ``documents`` are the published ones, key to fingerprint. ``hide`` takes some out at once. ``waiting`` are embedding texts
    of published chunks without a vector, which ``attach`` gives them; inside ``embedding`` it is told whether nobody else
    sees to that. ``tidy`` puts together what many changes have scattered, when that is due. ``tune`` finds out how far searches
    have to go for ``recall`` of the ten nearest to ``questions``, and makes them do so. ``roll_back`` shows again what the
    newest earlier generation with other documents did, if one is kept, but nothing ``without`` names of its documents; never one of which that leaves nothing.
    """

    def current(self, tenant: str) -> SnapshotManifest | None: ...
    def documents(self, tenant: str) -> Mapping[str, str]: ...
    def publish(
        self, tenant: str, change: IndexChange, embedder: EmbedderIdentity, chunker: str
    ) -> SnapshotManifest: ...
    def hide(self, tenant: str, keys: Collection[str]) -> None: ...
    def waiting(self, tenant: str) -> AbstractSet[str]: ...
    def embedding(self, tenant: str) -> AbstractContextManager[bool]: ...
    def attach(
        self, tenant: str, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity
    ) -> SnapshotManifest: ...
    def tidy(self, tenant: str) -> SnapshotManifest: ...
    def tune(self, tenant: str, questions: Vectors, exact: ExactVectors, recall: float) -> SnapshotManifest: ...
    def roll_back(self, tenant: str, without: Forbidden = nothing_forbidden) -> SnapshotManifest | None: ...


class LanguageModel(Protocol):
    """Writes text. Closing the generator cancels; its return value is the completion.

    ``known_tokens`` is how much of the beginning of a chat it need not read, having read it before; 0 where it cannot tell.
    """

    @property
    def card(self) -> ModelCard: ...
    def count_tokens(self, messages: Sequence[ChatMessage]) -> int: ...
    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int: ...
    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]: ...


class DocumentStore(Protocol):
    """Documents, their versions, chunks and vectors: the truth an index is built from.

    ``hashes`` has all documents by key, ``published`` those that belong in an index: near-duplicates of others do not.
    ``leave_out`` asks which are left out for which, of those whose titles' sketch is another's too, while nobody changes them.
    ``redate`` keeps what sources say of when documents were changed that are otherwise as they were.
    """

    def hashes(self, tenant: str) -> dict[str, str]: ...
    def published(self, tenant: str) -> dict[str, str]: ...
    def leave_out(self, tenant: str, find: FindCopies) -> None: ...
    def redate(self, tenant: str, dates: Mapping[str, datetime]) -> None: ...
    def mark(self, tenant: str, document_id: str, standing: Standing, audiences: frozenset[Audience]) -> None: ...
    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        fingerprint: str,
        sketch: Sketch = NO_SKETCH,
    ) -> str: ...
    def delete(self, tenant: str, keys: Sequence[str]) -> int: ...
    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> str: ...
    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...
    def indexed(self, tenant: str, keys: Collection[str]) -> list[IndexedDocument]: ...
    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]: ...
    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None: ...


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


class JobStore(Protocol):
    """Jobs as rows: queued with their cause, claimed by lease, fenced by attempt.

    ``holding`` is a transaction of the worker that has the job: it extends the lease first, and raises
    LeaseLost when another worker took over. ``settling`` does the same and marks the job done, so effect and
    done are one. ``again`` puts a job back that made progress and has more to do. ``over`` says that nobody will
    work on a job any more: it is done, dead or forgotten.
    """

    def add(self, tenant: str, name: JobName, subject: str = "") -> Job: ...
    def due(self, limit: int = 200) -> list[Due]: ...
    def over(self, job_id: str) -> bool: ...
    def claim(self, job_id: str) -> Job | None: ...
    def holding(self, job: Job, *, progress: bool = False) -> AbstractContextManager[None]: ...
    def settling(self, job: Job, detail: str = "") -> AbstractContextManager[None]: ...
    def again(self, job: Job, detail: str, delay: timedelta) -> None: ...
    def fail(self, job: Job, detail: str, *, retry: bool, wait: timedelta | None = None) -> None: ...


class JobBoard(Protocol):
    """Jobs as their operator sees them. ``tenant`` None is every tenant, for the operator's own command."""

    def get(self, tenant: str | None, job_id: str) -> Job: ...
    def find(
        self,
        tenant: str | None,
        states: Collection[JobState] = (),
        name: JobName | None = None,
        *,
        subject: str | None = None,
        limit: int = 100,
    ) -> list[Job]: ...
    def retry(self, tenant: str | None, job_id: str) -> Job: ...
    def purge(self, tenant: str | None, states: Collection[JobState], older_than: timedelta) -> int: ...
    def load(self) -> list[LaneLoad]: ...
    def dead(self) -> int: ...


class Correspondence(Protocol):
    """Webhooks that came in, each once, and the letters left at tickets in answer, each by its key."""

    def receive(self, connection: str, notice: Notice) -> str | None: ...
    def notice(self, inbox_id: str) -> tuple[str, Notice]: ...
    def plan(self, letter: Letter) -> None: ...
    def letter(self, key: str) -> Letter | None: ...
    def hand_over(self, key: str, job_id: str) -> None: ...
    def close(self, key: str, state: LetterState, external_id: str = "") -> None: ...
    def latest(self, tenant: str, connection: str, ticket_id: str) -> Letter | None: ...


class Outbox(Protocol):
    """Events on their way to receivers."""

    def add(self, tenant: str, receiver: str, type_: EventType, data: dict[str, object]) -> str: ...
    def get(self, event_id: str) -> OutgoingEvent: ...


class EventSender(Protocol):
    """Brings an event to its receiver. Raises HelpdeskUnavailable when trying again may help, else InputError."""

    def send(self, receiver: Receiver, event: OutgoingEvent) -> None: ...


class BatchStore(Protocol):
    """Batches and their lines. ``begin`` gives the first line without a result that is not among those under way, and
    counts the try; ``put_back`` takes the count back, when the line was not to blame.
    """

    def create(self, tenant: str, lines: Sequence[str], idempotency_key: str | None) -> tuple[BatchProgress, bool]: ...
    def progress(self, tenant: str, batch_id: str) -> BatchProgress: ...
    def begin(self, batch_id: str, under_way: Collection[int] = ()) -> BatchItem | None: ...
    def put_back(self, batch_id: str, line: int) -> None: ...
    def finish(self, batch_id: str, row: SummaryRow) -> None: ...
    def close(self, tenant: str, batch_id: str, state: BatchState) -> None: ...
    def results(self, tenant: str, batch_id: str) -> Iterator[str]: ...


class JobQueue(Protocol):
    """Wakes a worker for a job that is already a row. Losing a wake-up loses no job: the relay sends it again."""

    def wake(self, job_id: str, lane: Lane) -> None: ...


class Helpdesk(Protocol):
    """One vendor's helpdesk: what it sends, what it says of a ticket, and what may be written back.

    ``receive`` does no I/O and raises Refused for a wrong or missing signature and InputError for a payload
    that is not this vendor's. ``read`` raises NotFound. ``write`` may be repeated: tags and group first, the
    note last and never twice; it returns the helpdesk's id of what was written. Both raise
    HelpdeskUnavailable when trying again may help, and ConfigurationError when the credentials are wrong.
    """

    def receive(self, delivery: Delivery) -> Notice: ...
    def read(self, ticket_id: str) -> HelpdeskTicket: ...
    def write(self, ticket_id: str, writing: Writing) -> str: ...


OnToken = Callable[[Token], None]
