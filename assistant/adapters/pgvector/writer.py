"""IndexWriter over the tables of a Postgres with pgvector: each change is one transaction that ends in a new generation."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from assistant.adapters.pgvector.manifest import PostgresManifest, Size, newest, of_generation
from assistant.adapters.pgvector.reader import EXACT_MOST, PostgresSnapshot, literal
from assistant.adapters.pgvector.schema import ALIVE, SCHEMA, SHOWN, alone, changing, create, exists, reading
from assistant.adapters.pgvector.tuning import measure
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import NotFound, WriterBusy
from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    Tuning,
    documents_digest,
)
from assistant.ports import Clock, ExactVectors, IndexChange, Vectors
from assistant.text.bm25 import counted

KEPT = 5
KEPT_FOR = timedelta(minutes=10)
"""Rows of earlier generations are kept for so many of them, and for longer than any question takes."""
HIDING_WAIT = timedelta(seconds=2)
"""Who deletes a document waits for its answer."""
_BATCH = 1_000
MUCH = 0.1
"""Share of chunks that are new from which Postgres has to know at once: without statistics it does not use the graph."""

_DOCUMENTS = text(f"SELECT key, fingerprint FROM {SCHEMA}.document WHERE {SHOWN}")
_CHUNKS_OF = text(f"""
    SELECT document_key, content, CAST(vector AS real[]) FROM {SCHEMA}.chunk
    WHERE {SHOWN} AND document_key = ANY(:keys) ORDER BY number
""")
_NUMBERS = text(f"SELECT nextval('{SCHEMA}.chunk_number') FROM generate_series(1, :count)")
_WAITING = text(f"SELECT content FROM {SCHEMA}.chunk WHERE tenant = :tenant AND died = {ALIVE} AND ready IS NULL")
_COUNT_WAITING = text(
    f"SELECT count(*) FROM {SCHEMA}.chunk WHERE tenant = :tenant AND died = {ALIVE} AND ready IS NULL"
)
_ATTACH = text(f"""
    UPDATE {SCHEMA}.chunk SET vector = CAST(:vector AS vector), dimension = :dimension, ready = :generation
    WHERE tenant = :tenant AND embedding_sha256 = :sha256 AND ready IS NULL AND died = {ALIVE}
""")
_END_DOCUMENTS = text(f"""
    UPDATE {SCHEMA}.document SET died = :generation WHERE tenant = :tenant AND died = {ALIVE} AND key = ANY(:keys)
""")
_END_CHUNKS = text(f"""
    WITH gone AS (
        UPDATE {SCHEMA}.chunk SET died = :generation
        WHERE tenant = :tenant AND died = {ALIVE} AND document_key = ANY(:keys) RETURNING number, audience, stems
    ),
    words AS (UPDATE {SCHEMA}.posting SET died = :generation FROM gone WHERE chunk = gone.number)
    SELECT audience, count(*), sum(stems) FROM gone GROUP BY audience
""")
_PUBLISH = text(f"""
    INSERT INTO {SCHEMA}.generation (tenant, number, parent, manifest) VALUES (:tenant, :number, :parent, :manifest)
""")
_OLDEST_KEPT = text(f"""
    SELECT min(number) FROM {SCHEMA}.generation WHERE tenant = :tenant
    AND (written_at > now() - CAST(:kept_for AS interval) OR number > :generation - :kept)
""")
_PURGE = [
    text(f"DELETE FROM {SCHEMA}.{table} WHERE {condition}")
    for table, condition in {
        "posting": f"chunk IN (SELECT number FROM {SCHEMA}.chunk WHERE tenant = :tenant AND died <= :oldest)",
        "chunk": "tenant = :tenant AND died <= :oldest",
        "document": "tenant = :tenant AND died <= :oldest",
        "generation": "tenant = :tenant AND number < :oldest",
    }.items()
]


class PostgresIndexWriter:
    """Publishes into the database of ``engine``. Two writers of one tenant exclude each other by an advisory lock."""

    def __init__(
        self, engine: Engine, clock: Clock, wait: timedelta = timedelta(seconds=30), exact_most: int = EXACT_MOST
    ) -> None:
        self._engine, self._clock, self._wait, self._exact_most = engine, clock, wait, exact_most

    def current(self, tenant: str) -> PostgresManifest | None:
        """The manifest in use, or None when nothing is published."""
        with reading(self._engine) as connection:
            return newest(connection, check_tenant(tenant))

    def documents(self, tenant: str) -> dict[str, str]:
        """Key → fingerprint of each published document."""
        with reading(self._engine) as connection:
            now = newest(connection, check_tenant(tenant))
            return _documents(connection, tenant, now.generation) if now else {}

    def waiting(self, tenant: str) -> set[str]:
        """Embedding texts of published chunks that have no vector yet."""
        with reading(self._engine) as connection:
            if not exists(connection):
                return set()
            found = connection.scalars(_WAITING, {"tenant": check_tenant(tenant)})
            return {Chunk.model_validate_json(content).embedding_text() for content in found}

    def publish(self, tenant: str, change: IndexChange, embedder: EmbedderIdentity, chunker: str) -> PostgresManifest:
        """Write the next generation. What did not change is not written again.

        Raises WriterBusy when another process publishes for this tenant for too long, or published with another embedder
        meanwhile, and DatabaseError; then what was in use stays in use.
        """
        create(self._engine, embedder.dimension)
        with self._changing(tenant) as connection:
            step = _Step(connection, tenant, newest(connection, tenant))
            if not change.whole:
                step.check_embedder(embedder)
            step.end(step.documents() if change.whole else change.removed)
            step.begin(change.documents, change.vectors)
            return step.publish(self._now(), embedder, chunker)

    def hide(self, tenant: str, keys: Collection[str]) -> None:
        """Publish at once what is published, without these documents. Raises as ``publish`` does, but sooner."""
        if self.current(tenant) is None:
            return
        with self._changing(tenant, min(self._wait, HIDING_WAIT)) as connection:
            step = _Step(connection, tenant, before := newest(connection, tenant))
            if before and step.documents().keys() & set(keys):
                step.end(keys)
                step.publish(self._now(), before.embedder, before.chunker)

    def embedding(self, tenant: str) -> AbstractContextManager[bool]:
        """Whether nobody else embeds what waits in this tenant's index, for as long as it takes."""
        return alone(self._engine, check_tenant(tenant))

    def attach(
        self, tenant: str, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity
    ) -> PostgresManifest:
        """Give waiting chunks their vectors, by embedding text. Raises as ``publish`` does."""
        with self._changing(tenant) as connection:
            before = _published(connection, tenant)
            step = _Step(connection, tenant, before)
            step.check_embedder(embedder)
            step.attach(vectors)
            return step.publish(self._now(), embedder, before.chunker)

    def tidy(self, tenant: str) -> PostgresManifest:
        """Delete the rows that no generation shows which is kept. Raises as ``publish`` does."""
        with self._changing(tenant) as connection:
            now = _published(connection, tenant)
            kept = {"tenant": tenant, "generation": now.generation, "kept": KEPT, "kept_for": KEPT_FOR}
            oldest = connection.scalar(_OLDEST_KEPT, kept)
            for purge in _PURGE:
                connection.execute(purge, {"tenant": tenant, "oldest": oldest})
            return now

    def tune(self, tenant: str, questions: Vectors, exact: ExactVectors, recall: float) -> PostgresManifest:  # noqa: ARG002
        """Measure on ``questions``, and publish what was found out. Raises as ``publish`` does, and NotFound before the first.

        The vectors in Postgres are those that were embedded, so ``exact`` ones need not be fetched.
        """
        with reading(self._engine) as connection:
            before = _published(connection, tenant)
        if before.chunks <= self._exact_most:
            return before.model_copy(update={"tuning": None})
        snapshot = PostgresSnapshot(self._engine, before, self._exact_most)
        tuning = measure(snapshot, questions, recall, self._clock)
        with self._changing(tenant) as connection:
            now = _published(connection, tenant)
            step = _Step(connection, tenant, now, tuning)
            step.check_embedder(before.embedder)
            return step.publish(self._now(), now.embedder, now.chunker)

    def roll_back(self, tenant: str) -> PostgresManifest | None:
        """Show again what the newest earlier generation with other documents did; None when there is none.

        Raises NotFound when nothing is published.
        """
        with self._changing(tenant) as connection:
            now = _published(connection, tenant)
            earlier = of_generation(connection, tenant, now.parent)
            while earlier and earlier.documents_sha256 == now.documents_sha256:
                earlier = of_generation(connection, tenant, earlier.parent)
            if earlier is None or earlier.embedder != now.embedder:
                return None
            step = _Step(connection, tenant, now)
            shown, wanted = step.documents(), _documents(connection, tenant, earlier.generation)
            step.end({key for key in shown if shown[key] != wanted.get(key)})
            missing = {key: mark for key, mark in wanted.items() if shown.get(key) != mark}
            documents, vectors = _as_indexed(connection, tenant, earlier.generation, missing)
            step.begin(documents, vectors)
            return step.publish(self._now(), now.embedder, earlier.chunker, parent=earlier.parent)

    def _changing(self, tenant: str, wait: timedelta | None = None) -> AbstractContextManager[Connection]:
        return changing(self._engine, check_tenant(tenant), self._wait if wait is None else wait)

    def _now(self) -> str:
        return self._clock.now().isoformat()


class _Step:
    """From one generation to the next, within a transaction."""

    def __init__(
        self, connection: Connection, tenant: str, before: PostgresManifest | None, tuning: Tuning | None = None
    ) -> None:
        self._connection, self._tenant, self._before = connection, tenant, before
        self._tuning = tuning or (before.tuning if before else None)
        self._number = before.generation + 1 if before else 1
        self._begun = 0
        self._sizes = defaultdict(Size, before.sizes if before else {})

    def check_embedder(self, embedder: EmbedderIdentity) -> None:
        if self._before is not None and self._before.embedder != embedder:
            raise WriterBusy(
                f"the index of tenant {self._tenant!r} was published with {self._before.embedder.name} meanwhile",
                fix="Give all processes the same DESKHAND_EMBEDDER and start them again.",
                retry_after_s=30.0,
            )

    def documents(self) -> dict[str, str]:
        """Key → fingerprint of what will be shown so far."""
        return _documents(self._connection, self._tenant, self._number)

    def end(self, keys: Collection[str]) -> None:
        """These documents are not shown from here on."""
        gone = {"tenant": self._tenant, "generation": self._number, "keys": list(keys)}
        if gone["keys"]:
            self._connection.execute(_END_DOCUMENTS, gone)
            for audience, chunks, stems in self._connection.execute(_END_CHUNKS, gone):
                self._grow(Audience(audience), -int(chunks), -int(stems))

    def begin(self, documents: Sequence[IndexedDocument], vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """These documents are shown from here on, in place of those with the same keys."""
        self.end([document.key for document in documents])
        rows = ((self._tenant, document.key, document.fingerprint, self._number) for document in documents)
        self._copy("document (tenant, key, fingerprint, born)", rows)
        chunks = [chunk for document in documents for chunk in document.chunks]
        self._begun += len(chunks)
        for start in range(0, len(chunks), _BATCH):
            self._add(chunks[start : start + _BATCH], vectors)

    def attach(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        rows = [
            {
                "tenant": self._tenant,
                "sha256": _sha256(embedded),
                "vector": literal(vector),
                "dimension": len(vector),
                "generation": self._number,
            }
            for embedded, vector in vectors.items()
        ]
        if rows:
            self._connection.execute(_ATTACH, rows)

    def publish(
        self, created_at: str, embedder: EmbedderIdentity, chunker: str, parent: int | None = None
    ) -> PostgresManifest:
        """Write down what the generation holds; readers take it up when the transaction ends."""
        documents, before = self.documents(), self._before.generation if self._before else 0
        manifest = PostgresManifest(
            tenant=self._tenant,
            generation=self._number,
            created_at=created_at,
            embedder=embedder,
            chunker=chunker,
            documents=len(documents),
            chunks=sum(size.chunks for size in self._sizes.values()),
            waiting=self._connection.scalar(_COUNT_WAITING, {"tenant": self._tenant}) or 0,
            documents_sha256=documents_digest(documents),
            tuning=self._tuning if self._before and self._before.embedder == embedder else None,
            parent=before if parent is None else parent,
            sizes=dict(self._sizes),
        )
        row = {"tenant": self._tenant, "number": self._number, "parent": manifest.parent}
        self._connection.execute(_PUBLISH, {**row, "manifest": manifest.model_dump_json()})
        if self._begun > MUCH * manifest.chunks:
            self._connection.exec_driver_sql(f"ANALYZE {SCHEMA}.document, {SCHEMA}.chunk, {SCHEMA}.posting")
        return manifest

    def _add(self, chunks: Sequence[Chunk], vectors: Mapping[str, NDArray[np.float32]]) -> None:
        numbers = list(self._connection.scalars(_NUMBERS, {"count": len(chunks)}))
        words = [counted(chunk) for chunk in chunks]
        rows, postings = [], []
        for number, chunk, stems in zip(numbers, chunks, words, strict=True):
            embedded = chunk.embedding_text()
            vector, length = vectors.get(embedded), stems.total()
            known = (None, None, None) if vector is None else (self._number, len(vector), literal(vector))
            about = number, self._tenant, chunk.audience.value, chunk.id, chunk.document_key, self._number
            rows.append((*about, length, _sha256(embedded), *known, chunk.model_dump_json()))
            same = number, self._number, length, self._tenant, chunk.audience.value
            postings += [(*same, times, stem) for stem, times in stems.items()]
            self._grow(chunk.audience, 1, length)
        about_chunk = "number, tenant, audience, id, document_key, born, stems, embedding_sha256, ready, dimension"
        self._copy(f"chunk ({about_chunk}, vector, content)", rows)
        self._copy("posting (chunk, born, stems, tenant, audience, times, stem)", postings)

    def _copy(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {SCHEMA}.{table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def _grow(self, audience: Audience, chunks: int, stems: int) -> None:
        size = self._sizes[audience]
        self._sizes[audience] = Size(chunks=size.chunks + chunks, stems=size.stems + stems)


def _published(connection: Connection, tenant: str) -> PostgresManifest:
    now = newest(connection, tenant)
    if now is None:
        raise NotFound(f"nothing is published for tenant {tenant!r}", fix="Run `deskhand ingest` first.")
    return now


def _documents(connection: Connection, tenant: str, generation: int) -> dict[str, str]:
    rows = connection.execute(_DOCUMENTS, {"tenant": tenant, "generation": generation})
    return {str(key): str(fingerprint) for key, fingerprint in rows}


def _as_indexed(
    connection: Connection, tenant: str, generation: int, marks: Mapping[str, str]
) -> tuple[list[IndexedDocument], dict[str, NDArray[np.float32]]]:
    """Documents as a generation shows them, with the vectors their chunks have."""
    asked = {"tenant": tenant, "generation": generation, "keys": list(marks)}
    chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
    vectors: dict[str, NDArray[np.float32]] = {}
    for key, content, vector in connection.execute(_CHUNKS_OF, asked):
        chunk = Chunk.model_validate_json(content)
        chunks[key].append(chunk)
        if vector is not None:
            vectors[chunk.embedding_text()] = np.asarray(vector, dtype=np.float32)
    return [IndexedDocument(key, mark, tuple(chunks[key])) for key, mark in marks.items()], vectors


def _sha256(embedded: str) -> str:
    return hashlib.sha256(embedded.encode()).hexdigest()
