"""IndexReader over the tables of a Postgres with pgvector."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, TextClause, text

from assistant.adapters.pgvector.manifest import PostgresManifest, newest
from assistant.adapters.pgvector.schema import MOST_DIMENSIONS, READS_FOR, SCHEMA, SHOWN, reading
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import SnapshotMismatch
from assistant.kernel.knowledge import Audience, Chunk, EmbedderIdentity
from assistant.text.bm25 import K1, B

EXACT_MOST = 20_000
"""So many vectors that a question may see are compared one by one; of more, the neighbours are looked for in a graph."""
EFFORT, LEAST_EFFORT, MOST_EFFORT = 600, 40, 1_000
"""How many candidates a search in the graph keeps (``hnsw.ef_search``): unless an index is tuned, and the least and most."""

_PERMITTED = f"{SHOWN} AND audience = ANY(:audiences)"
_EXACT = text(f"""
    SELECT id, -(vector <#> CAST(:vector AS vector)) AS score FROM {SCHEMA}.chunk
    WHERE {_PERMITTED} AND ready <= :generation ORDER BY score DESC, id LIMIT :limit
""")
_IN_GRAPH = """
    WITH near AS MATERIALIZED (
        SELECT id, -(vector <#> CAST(:vector AS vector)) AS score FROM {schema}.chunk
        WHERE {permitted} AND ready <= :generation AND dimension = {dimension}
        ORDER BY (vector::halfvec({dimension})) <#> CAST(:vector AS halfvec({dimension})) LIMIT :limit
    ) SELECT id, score FROM near ORDER BY score DESC, id
"""
_SEARCH_ON = text("""
    SELECT set_config('hnsw.ef_search', :effort, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.max_scan_tuples', '200000', true), set_config('hnsw.scan_mem_multiplier', '8', true)
""")
"""A search that is filtered goes on until it has enough: https://github.com/pgvector/pgvector#iterative-index-scans"""
_LEXICAL = text(f"""
    WITH asked AS (SELECT * FROM unnest(CAST(:stems AS text[]), CAST(:weights AS float8[])) AS one(stem, weight)),
    found AS MATERIALIZED (
        SELECT stem, chunk, times * ({K1} + 1) / (times + {K1} * (1 - {B} + {B} * stems / :usual)) AS share
        FROM {SCHEMA}.posting WHERE {_PERMITTED} AND stem = ANY(:stems)
    ),
    rare AS (SELECT stem, ln(1 + (:chunks - count(*) + 0.5) / (count(*) + 0.5)) AS rarity FROM found GROUP BY stem),
    best AS (
        SELECT chunk, sum(share * weight * rarity) AS score FROM found JOIN asked USING (stem) JOIN rare USING (stem)
        GROUP BY chunk ORDER BY score DESC, chunk LIMIT :limit
    )
    SELECT id, score FROM best JOIN {SCHEMA}.chunk ON number = best.chunk WHERE score > 0 ORDER BY score DESC, number
""")
"""BM25 as ``assistant.text.bm25`` has it."""
_SIMILARITIES = text(f"""
    SELECT id, -(vector <#> CAST(:vector AS vector)) FROM {SCHEMA}.chunk
    WHERE {_PERMITTED} AND ready <= :generation AND id = ANY(:ids)
""")
_CHUNKS = text(f"SELECT content FROM {SCHEMA}.chunk WHERE {_PERMITTED} AND id = ANY(:ids)")
_NEXT = f"SELECT content, number AS place FROM {SCHEMA}.chunk WHERE {_PERMITTED} AND document_key = own.document_key"
_BESIDE = text(f"""
    SELECT id, near.content FROM {SCHEMA}.chunk AS own CROSS JOIN LATERAL (
        ({_NEXT} AND number < own.number ORDER BY number DESC LIMIT 1)
        UNION ALL ({_NEXT} AND number > own.number ORDER BY number LIMIT 1)
    ) AS near WHERE {_PERMITTED} AND id = ANY(:ids) ORDER BY place
""")


class PostgresSnapshot:
    """One generation. Each call is a transaction of its own; what was published since is not seen by any."""

    def __init__(self, engine: Engine, manifest: PostgresManifest, exact_most: int) -> None:
        self._engine, self._manifest, self._exact_most = engine, manifest, exact_most

    @property
    def manifest(self) -> PostgresManifest:
        return self._manifest

    def dense(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        """The nearest chunks as (id, cosine), best first."""
        manifest = self._manifest
        few = manifest.size(audiences).chunks <= self._exact_most
        if few or manifest.embedder.dimension > MOST_DIMENSIONS:
            return self.exact(vector, audiences, limit)
        tuned = round(manifest.tuning.effort * manifest.chunks) if manifest.tuning else EFFORT
        return self.in_graph(vector, audiences, limit, tuned)

    def in_graph(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int, effort: int
    ) -> list[tuple[str, float]]:
        """``dense``, keeping ``effort`` candidates in mind."""
        query = _IN_GRAPH.format(schema=SCHEMA, permitted=_PERMITTED, dimension=int(self._manifest.embedder.dimension))
        with reading(self._engine, READS_FOR) as connection:
            effort = min(max(effort, limit, LEAST_EFFORT), MOST_EFFORT)
            connection.execute(_SEARCH_ON, {"effort": str(effort)})
            return self._found(connection, text(query), audiences, vector=literal(vector), limit=limit)

    def exact(self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int) -> list[tuple[str, float]]:
        """``dense``, comparing every vector."""
        return self._scores(_EXACT, audiences, vector=literal(vector), limit=limit)

    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """The chunks that hold any of ``stems``, which count by their weights, as (id, BM25), best first."""
        asked = {stem: weight for stem, weight in stems.items() if "\0" not in stem}  # Which Postgres cannot be told.
        size = self._manifest.size(audiences)
        if not asked or not size.stems:
            return []
        return self._scores(
            _LEXICAL,
            audiences,
            stems=list(asked),
            weights=list(asked.values()),
            chunks=size.chunks,
            usual=size.stems / size.chunks,
            limit=limit,
        )

    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine of ``vector`` to each of ``ids`` within ``audiences`` that is embedded."""
        return dict(self._scores(_SIMILARITIES, audiences, vector=literal(vector), ids=list(ids))) if ids else {}

    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]:
        with reading(self._engine, READS_FOR) as connection:
            rows = connection.scalars(_CHUNKS, self._shown(audiences, ids=list(ids)))
            chunks = [Chunk.model_validate_json(row) for row in rows]
        return {chunk.id: chunk for chunk in chunks}

    def beside(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, list[Chunk]]:
        found: dict[str, list[Chunk]] = {}
        with reading(self._engine, READS_FOR) as connection:
            for chunk_id, content in connection.execute(_BESIDE, self._shown(audiences, ids=list(ids))):
                found.setdefault(chunk_id, []).append(Chunk.model_validate_json(content))
        return found

    def _scores(self, query: TextClause, audiences: frozenset[Audience], **asked: object) -> list[tuple[str, float]]:
        with reading(self._engine, READS_FOR) as connection:
            return self._found(connection, query, audiences, **asked)

    def _found(
        self, connection: Connection, query: TextClause, audiences: frozenset[Audience], **asked: object
    ) -> list[tuple[str, float]]:
        rows = connection.execute(query, self._shown(audiences, **asked))
        return [(str(chunk_id), float(score)) for chunk_id, score in rows]

    def _shown(self, audiences: frozenset[Audience], **asked: object) -> dict[str, Any]:
        who = sorted(audience.value for audience in audiences)
        return {
            "tenant": self._manifest.tenant,
            "generation": self._manifest.generation,
            "audiences": who,
            **asked,
        }


class PostgresIndexReader:
    """The newest generation of each tenant. Safe to use from several threads and machines."""

    def __init__(self, engine: Engine, embedder: EmbedderIdentity, exact_most: int = EXACT_MOST) -> None:
        self._engine, self._embedder, self._exact_most = engine, embedder, exact_most

    def snapshot(self, tenant: str) -> PostgresSnapshot | None:
        """What is published, or None before the first. Raises SnapshotMismatch when it may not be used."""
        with reading(self._engine, READS_FOR) as connection:
            manifest = newest(connection, check_tenant(tenant))
        if manifest is None:
            return None
        held = manifest.embedder
        if (held.sha256, held.dimension) != (self._embedder.sha256, self._embedder.dimension):
            raise SnapshotMismatch(
                f"generation {manifest.generation} was embedded with {held.name}, the settings name {self._embedder.name}",
                fix="Run `deskhand ingest --rebuild` to publish it anew from the database.",
            )
        return PostgresSnapshot(self._engine, manifest, self._exact_most)


def literal(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it: nine digits tell 32-bit numbers apart."""
    return f"[{','.join(map('{:.9g}'.format, vector.tolist()))}]"
