"""What Deskhand needs from the outside, each as a small Protocol.

Every port has an in-memory twin in ``adapters/memory.py``; one contract suite runs both.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.helpdesks import Delivery, HelpdeskTicket, Notice, Writing
from assistant.kernel.jobs import Job, JobName, Upload
from assistant.kernel.knowledge import Audience, Chunk, EmbedderIdentity, ParsedDocument, SnapshotManifest
from assistant.kernel.runs import Compared, Feedback, Run

Vectors = NDArray[np.float32]
"""Shape (rows, dimension), float32, each row of unit length."""


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


class Snapshot(Protocol):
    """One published, immutable index generation of one tenant. Audience is asked for on every call."""

    @property
    def manifest(self) -> SnapshotManifest: ...
    def dense(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]: ...
    def lexical(self, query: str, audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]: ...
    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]: ...
    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]: ...


class IndexReader(Protocol):
    """Gives the newest published snapshot; a caller keeps it for the length of a request."""

    def snapshot(self, tenant: str) -> Snapshot | None: ...


class IndexWriter(Protocol):
    """Publishes a snapshot whole or not at all."""

    def publish(
        self,
        tenant: str,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        documents: Mapping[str, str],
        chunker: str,
    ) -> SnapshotManifest: ...
    def current(self, tenant: str) -> SnapshotManifest | None: ...


class LanguageModel(Protocol):
    """Writes text. Closing the generator cancels; its return value is the completion."""

    @property
    def card(self) -> ModelCard: ...
    def count_tokens(self, messages: Sequence[ChatMessage]) -> int: ...
    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, deadline_s: float
    ) -> Generator[Token, None, Completion]: ...


class StoredDocument(Protocol):
    """A document as the store lists it."""

    @property
    def id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def audience(self) -> Audience: ...
    @property
    def sha256(self) -> str: ...
    @property
    def chunks(self) -> int: ...
    @property
    def updated_at(self) -> str: ...


class DocumentStore(Protocol):
    """Documents, their versions, chunks and vectors: the truth an index is built from."""

    def hashes(self, tenant: str) -> dict[str, str]: ...
    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        fingerprint: str,
    ) -> str: ...
    def delete(self, tenant: str, keys: Sequence[str]) -> int: ...
    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> None: ...
    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...
    def live_chunks(self, tenant: str, embedder: EmbedderIdentity) -> tuple[list[Chunk], Vectors]: ...
    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]: ...
    def not_embedded(self, tenant: str, embedder: EmbedderIdentity) -> list[str]: ...
    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None: ...


class RunStore(Protocol):
    """Runs with their drafts, decisions and handoffs, and what people said of them."""

    def record(self, run: Run) -> None: ...
    def get(self, tenant: str, run_id: str) -> Run: ...
    def find(self, tenant: str, prefix: str) -> Run: ...
    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str: ...


class KeyStore(Protocol):
    """API keys, known only by hash. ``redeem`` finds a live key with ``scope`` and revokes it, for one caller only."""

    def create(
        self, tenant: str, name: str, scopes: Iterable[KeyScope], lifetime: timedelta | None
    ) -> tuple[ApiKey, str]: ...
    def find(self, secret: str) -> ApiKey | None: ...
    def redeem(self, secret: str, scope: KeyScope) -> ApiKey | None: ...
    def list(self) -> "list[ApiKey]": ...
    def revoke(self, key_id: str) -> None: ...


class JobStore(Protocol):
    """Jobs as rows: queued with their cause, claimed by lease, fenced by attempt."""

    def add_upload(self, upload: Upload) -> Job: ...
    def add(self, tenant: str, name: JobName, subject: str = "") -> Job: ...
    def get(self, tenant: str, job_id: str) -> Job: ...
    def upload(self, upload_id: str) -> Upload: ...
    def due(self, limit: int = 20) -> list[str]: ...
    def claim(self, job_id: str) -> Job | None: ...
    def finish(self, job: Job, detail: str = "") -> None: ...
    def fail(self, job: Job, detail: str, *, retry: bool) -> None: ...


class JobQueue(Protocol):
    """Wakes a worker for a job that is already a row. Losing a wake-up loses no job: the relay sends it again."""

    def wake(self, job_id: str) -> None: ...


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
