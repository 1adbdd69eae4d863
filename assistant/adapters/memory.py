"""The in-memory twin of every port: real behaviour without disk, network or model. Contract tests run both."""

import hashlib
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.access import ApiKey, KeyScope, check_tenant
from assistant.kernel.errors import DeadlineExceeded, InputError, LeaseLost, NotFound
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.jobs import (
    LEASE,
    MAX_BACKOFF,
    MAX_STRIKES,
    PATIENCE,
    Due,
    Job,
    JobName,
    JobState,
    Lane,
    LaneLoad,
    Upload,
    backoff,
)  # fmt: skip
from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    ParsedDocument,
    SnapshotManifest,
    documents_digest,
)  # fmt: skip
from assistant.kernel.runs import Compared, Feedback, Run
from assistant.ports import StoredDocument, Vectors
from assistant.text.words import content_stems


class ManualClock:
    """A clock that stands until told to go on."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now, self._seconds = start, 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


class HashingEmbedder:
    """Embeds by hashing stems into dimensions: texts that share words are similar, without any model."""

    def __init__(self, dimension: int = 256, max_tokens: int = 256) -> None:
        sha256 = hashlib.sha256(f"hashing {dimension}".encode()).hexdigest()
        self._identity = EmbedderIdentity(name="hashing", sha256=sha256, dimension=dimension, max_tokens=max_tokens)

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for stem, count in Counter(content_stems(text) or ["nothing"]).items():
                vectors[row, int(hashlib.sha256(stem.encode()).hexdigest(), 16) % self._identity.dimension] += count
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)


class ScriptedModel:
    """Says what a function of the messages returns, word by word."""

    def __init__(
        self, reply: Callable[[Sequence[ChatMessage]], str], name: str = "scripted", context: int = 4096
    ) -> None:
        self._reply = reply
        self._card = ModelCard(name=name, sha256=hashlib.sha256(name.encode()).hexdigest(), context_length=context)

    @property
    def card(self) -> ModelCard:
        return self._card

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content.split()) + 4 for message in messages)

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        if deadline_s <= 0:
            raise DeadlineExceeded("there was no time to answer")
        if self.count_tokens(messages) + sampling.max_tokens > self._card.context_length:
            raise InputError("prompt and reply exceed the context", field="messages")
        words = self._reply(messages).split(" ")
        written = [word if index == 0 else f" {word}" for index, word in enumerate(words)][: sampling.max_tokens]
        for piece in written:
            yield Token(text=piece, logprob=0.0)
        return Completion(
            text="".join(written),
            finish="stop" if len(written) == len(words) else "length",
            prompt_tokens=self.count_tokens(messages),
            completion_tokens=len(written),
            logprobs=(0.0,) * len(written),
        )


@dataclass(frozen=True)
class MemorySnapshot:
    manifest: SnapshotManifest
    by_id: Mapping[str, Chunk]
    vectors: Mapping[str, NDArray[np.float32]]

    def dense(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        ids = [chunk.id for chunk in self.by_id.values() if chunk.audience in audiences]
        scores = self.similarities(vector, audiences, ids)
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]

    def lexical(self, query: str, audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        wanted = set(content_stems(query))
        scores = {
            chunk.id: float(len(wanted & set(content_stems(chunk.embedding_text()))))
            for chunk in self.by_id.values()
            if chunk.audience in audiences
        }
        found = [(chunk_id, score) for chunk_id, score in scores.items() if score > 0]
        return sorted(found, key=lambda item: (-item[1], item[0]))[:limit]

    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]:
        return {chunk_id: float(self.vectors[chunk_id] @ vector) for chunk_id in self.chunks(audiences, ids)}

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        known = (self.by_id[chunk_id] for chunk_id in ids if chunk_id in self.by_id)
        return {chunk.id: chunk for chunk in known if chunk.audience in audiences}


class MemoryIndex:
    """IndexReader and IndexWriter in one."""

    def __init__(self) -> None:
        self._snapshots: dict[str, MemorySnapshot] = {}

    def snapshot(self, tenant: str) -> MemorySnapshot | None:
        return self._snapshots.get(tenant)

    def current(self, tenant: str) -> SnapshotManifest | None:
        snapshot = self._snapshots.get(tenant)
        return snapshot.manifest if snapshot else None

    def publish(
        self,
        tenant: str,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        documents: Mapping[str, str],
        chunker: str,
    ) -> SnapshotManifest:
        before = self.current(tenant)
        manifest = SnapshotManifest(
            tenant=tenant,
            generation=before.generation + 1 if before else 1,
            created_at="2026-01-01T00:00:00+00:00",
            embedder=embedder,
            chunker=chunker,
            documents=len(documents),
            chunks=len(chunks),
            documents_sha256=documents_digest(documents),
            files={},
        )
        ids = [chunk.id for chunk in chunks]
        self._snapshots[tenant] = MemorySnapshot(
            manifest, dict(zip(ids, chunks, strict=True)), dict(zip(ids, vectors, strict=True))
        )
        return manifest


@dataclass(frozen=True)
class _Stored:
    id: str
    key: str
    title: str
    url: str
    audience: Audience
    sha256: str
    chunks: int
    updated_at: str
    fingerprint: str
    content: tuple[Chunk, ...]


class MemoryDocumentStore:
    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], _Stored] = {}
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}

    def hashes(self, tenant: str) -> dict[str, str]:
        return {key: stored.fingerprint for (owner, key), stored in self._documents.items() if owner == tenant}

    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
        fingerprint: str,
    ) -> str:
        before = self._documents.get((tenant, document.key))
        stored = _Stored(
            id=before.id if before else uuid4().hex,
            key=document.key,
            title=document.title,
            url=document.url,
            audience=audience,
            sha256=document.sha256,
            chunks=len(chunks),
            updated_at="2026-01-01T00:00:00+00:00",
            fingerprint=fingerprint,
            content=tuple(chunks),
        )
        self._documents[(tenant, document.key)] = stored
        for chunk, vector in zip(chunks, vectors, strict=True):
            self._vectors[(embedder.sha256, chunk.embedding_text())] = vector
        return stored.id

    def delete(self, tenant: str, keys: Sequence[str]) -> int:
        return sum(self._documents.pop((tenant, key), None) is not None for key in keys)

    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> None:
        found = [
            key
            for (owner, key), stored in self._documents.items()
            if owner == tenant and stored.id == document_id and stored.audience in audiences
        ]
        if not found:
            raise NotFound(f"there is no document {document_id!r}")
        self.delete(tenant, found)

    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        known = {text: self._vectors.get((embedder.sha256, text)) for text in texts}
        return {text: vector for text, vector in known.items() if vector is not None}

    def live_chunks(self, tenant: str, embedder: EmbedderIdentity) -> tuple[list[Chunk], Vectors]:
        mine = sorted((key, stored) for (owner, key), stored in self._documents.items() if owner == tenant)
        chunks = [chunk for _, stored in mine for chunk in stored.content]
        known = self.vectors(embedder, [chunk.embedding_text() for chunk in chunks])
        kept = [chunk for chunk in chunks if chunk.embedding_text() in known]
        rows = [known[chunk.embedding_text()] for chunk in kept]
        return kept, np.stack(rows) if rows else np.zeros((0, embedder.dimension), dtype=np.float32)

    def not_embedded(self, tenant: str, embedder: EmbedderIdentity) -> list[str]:
        mine = [stored for (owner, _), stored in self._documents.items() if owner == tenant]
        texts = {chunk.embedding_text() for stored in mine for chunk in stored.content}
        return sorted(texts - self.vectors(embedder, list(texts)).keys())

    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self._vectors |= {(embedder.sha256, text): vector for text, vector in vectors.items()}

    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]:
        mine = [
            stored
            for (owner, key), stored in self._documents.items()
            if owner == tenant and key > after and stored.audience in audiences
        ]
        return list(sorted(mine, key=lambda stored: stored.key)[:limit])


class MemoryRunStore:
    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self.feedback: list[tuple[Feedback, Compared | None]] = []

    def record(self, run: Run) -> None:
        self._runs[run.id] = run

    def get(self, tenant: str, run_id: str) -> Run:
        run = self._runs.get(run_id)
        if run is None or run.tenant != tenant:
            raise NotFound(f"there is no run {run_id!r}", field="run_id")
        return run

    def find(self, tenant: str, prefix: str) -> Run:
        found = [run for run in self._runs.values() if run.tenant == tenant and prefix and run.id.startswith(prefix)]
        if len(found) != 1:
            raise NotFound(f"there is no single run that begins with {prefix!r}", field="run_id")
        return found[0]

    def add_feedback(self, tenant: str, feedback: Feedback, compared: Compared | None = None) -> str:
        self.get(tenant, feedback.run_id)
        self.feedback.append((feedback, compared))
        return uuid4().hex


class MemoryKeyStore:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}
        self._lock = threading.Lock()

    def create(
        self, tenant: str, name: str, scopes: Iterable[KeyScope], lifetime: timedelta | None
    ) -> tuple[ApiKey, str]:
        secret = f"dh_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id=uuid4().hex,
            prefix=secret[:10],
            tenant=check_tenant(tenant),
            name=name,
            scopes=frozenset(scopes),
            expires_at=(self._clock.now() + lifetime).isoformat() if lifetime else None,
            revoked=False,
        )
        self._keys[secret] = key
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        key = self._keys.get(secret)
        if key is None or key.revoked:
            return None
        expired = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= self._clock.now()
        return None if expired else key

    def redeem(self, secret: str, scope: KeyScope) -> ApiKey | None:
        with self._lock:
            key = self.find(secret)
            if key is None or scope not in key.scopes:
                return None
            self._keys[secret] = key.model_copy(update={"revoked": True})
            return key

    def list(self) -> list[ApiKey]:
        return list(self._keys.values())

    def revoke(self, key_id: str) -> None:
        for secret, key in self._keys.items():
            if key.id == key_id:
                self._keys[secret] = key.model_copy(update={"revoked": True})
                return
        raise NotFound(f"there is no key {key_id!r}", field="key_id")


class MemoryTransactions:
    """Memory keeps what was written when a block breaks off in the middle; a database does not."""

    @contextmanager
    def together(self) -> Iterator[None]:
        yield


class MemoryUploadStore:
    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        upload_id = uuid4().hex
        self._uploads[upload_id] = upload
        return upload_id

    def get(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise NotFound(f"there is no upload {upload_id!r}")
        return self._uploads[upload_id]

    def delete(self, upload_id: str) -> None:
        self._uploads.pop(upload_id, None)


@dataclass(frozen=True)
class _QueuedJob:
    job: Job
    due_at: datetime
    updated_at: datetime
    lease_until: datetime | None = None


class MemoryJobStore:
    """JobStore and JobBoard."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._jobs: dict[str, _QueuedJob] = {}
        self._lock = threading.RLock()

    def add(self, tenant: str, name: JobName, subject: str = "") -> Job:
        now = self._clock.now()
        job = Job(
            id=uuid4().hex, tenant=tenant, name=name, subject=subject, state=JobState.QUEUED, attempt=0,
            created_at=now.isoformat(), due_at=now.isoformat(), updated_at=now.isoformat(),
        )  # fmt: skip
        self._jobs[job.id] = _QueuedJob(job, now, now)
        return job

    def due(self, limit: int = 200) -> list[Due]:
        claimable = sorted((q for q in self._jobs.values() if self._claimable(q)), key=lambda q: q.due_at)
        due = [Due(id=queued.job.id, lane=queued.job.name.lane) for queued in claimable]
        return [item for lane in Lane for item in [d for d in due if d.lane is lane][:limit]]

    def over(self, job_id: str) -> bool:
        queued = self._jobs.get(job_id)
        return queued is None or queued.job.state in {JobState.DONE, JobState.DEAD}

    def claim(self, job_id: str) -> Job | None:
        with self._lock:
            queued = self._jobs.get(job_id)
            if queued is None or not self._claimable(queued):
                return None
            dead = queued.job.strikes >= MAX_STRIKES
            job = queued.job.model_copy(
                update={
                    "attempt": queued.job.attempt + 1,
                    "strikes": queued.job.strikes + 1,
                    "state": JobState.DEAD if dead else JobState.RUNNING,
                    "detail": f"gave up after {MAX_STRIKES} attempts. {queued.job.detail}" if dead else "",
                }
            )
            now = self._clock.now()
            self._jobs[job_id] = _QueuedJob(job, now, now, None if dead else now + LEASE)
            return None if dead else job

    @contextmanager
    def holding(self, job: Job, *, progress: bool = False) -> Iterator[None]:
        with self._lock:
            held = self._held(job)
            now = self._clock.now()
            kept = held.job.model_copy(update={"strikes": 1} if progress else {})
            self._jobs[job.id] = replace(held, job=kept, lease_until=now + LEASE, updated_at=now)
            yield

    @contextmanager
    def settling(self, job: Job, detail: str = "") -> Iterator[None]:
        with self._lock:
            self._held(job)
            yield
            self._settle(job, timedelta(), state=JobState.DONE, detail=detail, strikes=0)

    def again(self, job: Job, detail: str, delay: timedelta) -> None:
        self._settle(job, delay, state=JobState.QUEUED, detail=detail, strikes=0)

    def fail(self, job: Job, detail: str, *, retry: bool, wait: timedelta | None = None) -> None:
        patient = wait is not None and self._clock.now() - datetime.fromisoformat(job.created_at) < PATIENCE
        strikes = job.strikes - 1 if patient else job.strikes
        state = JobState.QUEUED if retry and (patient or strikes < MAX_STRIKES) else JobState.DEAD
        rest = max(backoff(job.attempt), min(wait or timedelta(), MAX_BACKOFF))
        self._settle(job, rest, state=state, detail=detail, strikes=strikes)

    def get(self, tenant: str | None, job_id: str) -> Job:
        queued = self._jobs.get(job_id)
        if queued is None or tenant not in {None, queued.job.tenant}:
            raise NotFound(f"there is no job {job_id!r}")
        return queued.job

    def find(
        self, tenant: str | None, states: Collection[JobState] = (), name: JobName | None = None, limit: int = 100
    ) -> list[Job]:
        found = [
            queued
            for queued in self._jobs.values()
            if tenant in {None, queued.job.tenant}
            and (not states or queued.job.state in states)
            and name in {None, queued.job.name}
        ]
        return [queued.job for queued in sorted(found, key=lambda q: q.updated_at, reverse=True)[:limit]]

    def retry(self, tenant: str | None, job_id: str) -> Job:
        job, now = self.get(tenant, job_id), self._clock.now()
        if job.state is not JobState.DEAD:
            raise InputError(f"job {job_id} is {job.state}, not dead")
        fresh = job.model_copy(update={"state": JobState.QUEUED, "strikes": 0})
        self._jobs[job_id] = _QueuedJob(fresh, now, now)
        return fresh

    def purge(self, tenant: str | None, states: Collection[JobState], older_than: timedelta) -> int:
        if not set(states) <= {JobState.DONE, JobState.DEAD}:
            raise InputError("only done and dead jobs can be purged")
        before = self._clock.now() - older_than
        old = [
            queued.job.id
            for queued in self._jobs.values()
            if tenant in {None, queued.job.tenant} and queued.job.state in states and queued.updated_at <= before
        ]
        for job_id in old:
            del self._jobs[job_id]
        return len(old)

    def load(self) -> list[LaneLoad]:
        now = self._clock.now()
        jobs = list(self._jobs.values())
        loads = []
        for lane in Lane:
            mine = [queued for queued in jobs if queued.job.name.lane is lane]
            waiting = [queued for queued in mine if self._claimable(queued)]
            running = [q for q in mine if q.job.state is JobState.RUNNING and not self._claimable(q)]
            oldest = max(((now - queued.due_at).total_seconds() for queued in waiting), default=0.0)
            loads.append(LaneLoad(lane=lane, waiting=len(waiting), running=len(running), oldest_due_s=oldest))
        return loads

    def dead(self) -> int:
        return sum(queued.job.state is JobState.DEAD for queued in self._jobs.values())

    def _held(self, job: Job) -> _QueuedJob:
        held = self._jobs[job.id]
        if held.job.attempt != job.attempt or held.job.state is not JobState.RUNNING:
            raise LeaseLost(f"another worker has taken over job {job.id}")
        return held

    def _settle(self, job: Job, delay: timedelta, **changes: object) -> None:
        with self._lock:
            held, now = self._held(job), self._clock.now()
            due = now + delay
            settled = held.job.model_copy(update=changes | {"due_at": due.isoformat(), "updated_at": now.isoformat()})
            self._jobs[job.id] = _QueuedJob(settled, due, now)

    def _claimable(self, queued: _QueuedJob) -> bool:
        now = self._clock.now()
        if queued.job.state is JobState.QUEUED:
            return queued.due_at <= now or queued.due_at > now + 2 * MAX_BACKOFF
        lease = queued.lease_until
        return queued.job.state is JobState.RUNNING and lease is not None and not now <= lease <= now + 2 * LEASE


class MemoryQueue:
    """Remembers which jobs it was asked to wake."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, Lane]] = []

    def wake(self, job_id: str, lane: Lane) -> None:
        self.woken.append((job_id, lane))
