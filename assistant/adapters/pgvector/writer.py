"""IndexWriter over the tables of a Postgres with pgvector: each change is one transaction that ends in a new generation."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from assistant.adapters.pgvector.manifest import PostgresManifest, newest, of_generation
from assistant.adapters.pgvector.reader import EXACT_MOST, PostgresSnapshot
from assistant.adapters.pgvector.schema import ALIVE, SCHEMA, alone, changing, create, exists, reading
from assistant.adapters.pgvector.step import BATCH, Step, analyze, as_indexed, documents_of
from assistant.adapters.pgvector.tuning import measure
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Chunk, EmbedderIdentity, documents_digest
from assistant.ports import Clock, ExactVectors, Forbidden, IndexChange, Vectors, nothing_forbidden

KEPT = 5
"""So many sets of documents can be shown: the one in use and those to roll back to."""
KEPT_FOR = timedelta(minutes=10)
"""A generation may still be read so long after another took its place: longer than any question takes."""
HIDING_WAIT = timedelta(seconds=2)
"""Who deletes a document waits for its answer."""

_WAITING = text(f"SELECT content FROM {SCHEMA}.chunk WHERE tenant = :tenant AND died = {ALIVE} AND ready IS NULL")
_OLDEST_KEPT = text(f"""
    WITH mine AS (SELECT * FROM {SCHEMA}.generation WHERE tenant = :tenant),
    shown AS (SELECT max(number) AS number FROM mine GROUP BY documents_sha256 ORDER BY 1 DESC LIMIT :kept),
    replaced AS (SELECT number FROM mine WHERE written_at <= clock_timestamp() - CAST(:kept_for AS interval))
    SELECT least((SELECT min(number) FROM shown), coalesce((SELECT max(number) FROM replaced), (SELECT min(number) FROM mine)))
""")
"""What was written last before ``kept_for`` was in use since then."""
_ENDED = f"tenant = :tenant AND died <= :oldest AND died < {ALIVE}"
_PURGE = [
    text(f"DELETE FROM {SCHEMA}.{table} WHERE {condition}")
    for table, condition in {  # In this order: postings are found by their chunks, and would be lost without them.
        "posting": f"chunk IN (SELECT number FROM {SCHEMA}.chunk WHERE {_ENDED})",
        "chunk": _ENDED,
        "document": _ENDED,
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
            return documents_of(connection, tenant, now.generation) if now else {}

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
            step = Step(connection, tenant, newest(connection, tenant))
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
            step = Step(connection, tenant, before := newest(connection, tenant))
            if before and step.documents().keys() & set(keys):
                step.end(keys)
                step.publish(self._now(), before.embedder, before.chunker)

    def embedding(self, tenant: str) -> AbstractContextManager[bool]:
        """Whether nobody else embeds what waits in this tenant's index, for as long as it takes."""
        return alone(self._engine, check_tenant(tenant))

    def attach(
        self, tenant: str, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity
    ) -> PostgresManifest:
        """Give waiting chunks their vectors, by embedding text, some at a time. Raises as ``publish`` does."""
        attached, manifest, texts = 0, None, list(vectors)
        for start in range(0, len(texts), BATCH):
            with self._changing(tenant) as connection:
                manifest = _published(connection, tenant)
                step = Step(connection, tenant, manifest)
                step.check_embedder(embedder)
                if found := step.attach({each: vectors[each] for each in texts[start : start + BATCH]}):
                    attached += found
                    manifest = step.publish(self._now(), embedder, manifest.chunker)
        with self._changing(tenant) as connection:
            manifest = manifest or _published(connection, tenant)
            analyze(connection, attached, manifest)
        return manifest

    def tidy(self, tenant: str) -> PostgresManifest:
        """Delete the rows that no generation shows which is kept. Raises as ``publish`` does."""
        with self._changing(tenant) as connection:
            now = _published(connection, tenant)
            oldest = connection.scalar(_OLDEST_KEPT, {"tenant": tenant, "kept": KEPT, "kept_for": KEPT_FOR})
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
            step = Step(connection, tenant, now, tuning)
            step.check_embedder(before.embedder)
            return step.publish(self._now(), now.embedder, now.chunker)

    def roll_back(self, tenant: str, without: Forbidden = nothing_forbidden) -> PostgresManifest | None:
        """Show again what the newest earlier generation with other documents did, ``without`` some; None when there is none.

        Raises NotFound when nothing is published.
        """
        with self._changing(tenant) as connection:
            now = _published(connection, tenant)
            earlier = of_generation(connection, tenant, now.parent)
            while earlier:
                wanted = documents_of(connection, tenant, earlier.generation)
                forbidden = set(without(wanted))
                wanted = {key: mark for key, mark in wanted.items() if key not in forbidden}
                if documents_digest(wanted) != now.documents_sha256 and (wanted or not forbidden):
                    break
                earlier = of_generation(connection, tenant, earlier.parent)
            if earlier is None or earlier.embedder != now.embedder:
                return None
            step = Step(connection, tenant, now)
            shown = step.documents()
            step.end({key for key in shown if shown[key] != wanted.get(key)})
            missing = {key: mark for key, mark in wanted.items() if shown.get(key) != mark}
            documents, vectors = as_indexed(connection, tenant, earlier.generation, missing)
            step.begin(documents, vectors)
            return step.publish(self._now(), now.embedder, earlier.chunker, parent=earlier.parent)

    def _changing(self, tenant: str, wait: timedelta | None = None) -> AbstractContextManager[Connection]:
        return changing(self._engine, check_tenant(tenant), self._wait if wait is None else wait)

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _published(connection: Connection, tenant: str) -> PostgresManifest:
    now = newest(connection, tenant)
    if now is None:
        raise NotFound(f"nothing is published for tenant {tenant!r}", fix="Run `deskhand ingest` first.")
    return now
