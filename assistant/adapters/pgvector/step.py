"""From one generation of an index in Postgres to the next, within a transaction."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from assistant.adapters.pgvector.manifest import PostgresManifest, Size
from assistant.adapters.pgvector.reader import literal
from assistant.adapters.pgvector.schema import ALIVE, SCHEMA, SHOWN
from assistant.kernel.errors import WriterBusy
from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    Tuning,
    documents_digest,
)
from assistant.text.bm25 import counted

BATCH = 1_000
MUCH = 0.1
"""Share of chunks that are new from which Postgres has to know at once: without statistics it does not use the graph."""

_DOCUMENTS = text(f"SELECT key, fingerprint FROM {SCHEMA}.document WHERE {SHOWN}")
_CHUNKS_OF = text(f"""
    SELECT document_key, content, CAST(vector AS real[]) FROM {SCHEMA}.chunk
    WHERE {SHOWN} AND document_key = ANY(:keys) ORDER BY number
""")
_NUMBERS = text(f"SELECT nextval('{SCHEMA}.chunk_number') FROM generate_series(1, :count)")
_COUNT_WAITING = text(
    f"SELECT count(*) FROM {SCHEMA}.chunk WHERE tenant = :tenant AND died = {ALIVE} AND ready IS NULL"
)
_ATTACH = text(f"""
    UPDATE {SCHEMA}.chunk SET vector = CAST(new.vector AS vector), dimension = :dimension, ready = :generation
    FROM unnest(CAST(:sha256s AS text[]), CAST(:vectors AS text[])) AS new(sha256, vector)
    WHERE tenant = :tenant AND embedding_sha256 = new.sha256 AND ready IS NULL AND died = {ALIVE}
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
    INSERT INTO {SCHEMA}.generation (tenant, number, documents_sha256, manifest)
    VALUES (:tenant, :number, :documents_sha256, :manifest)
""")


class Step:
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
        return documents_of(self._connection, self._tenant, self._number)

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
        for start in range(0, len(chunks), BATCH):
            self._add(chunks[start : start + BATCH], vectors)

    def attach(self, vectors: Mapping[str, NDArray[np.float32]]) -> int:
        """Vectors by embedding text for chunks that wait for them; returns how many of those there were."""
        asked = {
            "tenant": self._tenant,
            "generation": self._number,
            "sha256s": [_sha256(embedded) for embedded in vectors],
            "vectors": [literal(vector) for vector in vectors.values()],
            "dimension": len(next(iter(vectors.values()))),
        }
        return self._connection.execute(_ATTACH, asked).rowcount

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
        row = {"tenant": self._tenant, "number": self._number, "documents_sha256": manifest.documents_sha256}
        self._connection.execute(_PUBLISH, {**row, "manifest": manifest.model_dump_json()})
        analyze(self._connection, self._begun, manifest)
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


def analyze(connection: Connection, changed: int, manifest: PostgresManifest) -> None:
    """Have Postgres look at its tables anew, if ``changed`` of the chunks are many."""
    if changed > MUCH * manifest.chunks:
        connection.exec_driver_sql(f"ANALYZE {SCHEMA}.document, {SCHEMA}.chunk, {SCHEMA}.posting")


def documents_of(connection: Connection, tenant: str, generation: int) -> dict[str, str]:
    rows = connection.execute(_DOCUMENTS, {"tenant": tenant, "generation": generation})
    return {str(key): str(fingerprint) for key, fingerprint in rows}


def as_indexed(
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
