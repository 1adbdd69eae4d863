"""The index in Postgres: filtered searches find what they should, writers exclude each other, what fails leaves no trace."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, create_engine, inspect, text

from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.pgvector import writer as writing
from assistant.adapters.pgvector.reader import PostgresIndexReader, PostgresSnapshot, literal
from assistant.adapters.pgvector.schema import SCHEMA, alone, changing, reading
from assistant.adapters.pgvector.step import Step
from assistant.adapters.pgvector.writer import PostgresIndexWriter
from assistant.adapters.store.database import migrate
from assistant.kernel.errors import DatabaseError, RetryLater, SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import Audience, Chunk, EmbedderIdentity, IndexedDocument
from assistant.ports import IndexChange
from tests.contracts.test_index import BOTH, EMBEDDER, PUBLIC, TEXTS, change, vectors
from tests.postgres import empty_index, running_postgres

MANY, SHARE, AT = 6_000, 50, 10
DIMENSION = 48
GRAPH_ONLY = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off"
"""So that a small index is searched as the planner searches a large one."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def engine(server: str) -> Iterator[Engine]:
    with empty_index(server) as engine:
        yield engine


@pytest.fixture
def writer(engine: Engine, clock: ManualClock) -> PostgresIndexWriter:
    return PostgresIndexWriter(engine, clock)


def opened(engine: Engine, exact_most: int = 20_000) -> PostgresSnapshot:
    snapshot = PostgresIndexReader(engine, EMBEDDER.identity, exact_most).snapshot("t1")
    assert snapshot is not None
    return snapshot


@pytest.fixture(scope="module")
def crowded(server: str) -> Iterator[tuple[Engine, PostgresSnapshot, NDArray[np.float32]]]:
    """6,000 chunks of which agents alone may read two in a hundred, an engine that asks the graph, and questions."""
    rng = np.random.default_rng(7)
    found = rng.normal(size=(MANY, DIMENSION)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    chunks = [
        Chunk(
            id=f"c{at}", document_key=f"doc:{at}", title="", url="", ordinal=0, heading_path=(), tokens=1, text=f"chunk {at}",
            audience=Audience.PUBLIC if at % SHARE else Audience.INTERNAL,
        )
        for at in range(MANY)
    ]  # fmt: skip
    documents = [IndexedDocument(chunk.document_key, "1", (chunk,)) for chunk in chunks]
    vectors = {chunk.embedding_text(): vector for chunk, vector in zip(chunks, found, strict=True)}
    who = EmbedderIdentity(name="random", sha256="random", dimension=DIMENSION, max_tokens=9)
    with empty_index(server):
        pass
    graph_only = create_engine(server, connect_args={"options": GRAPH_ONLY})
    writer = PostgresIndexWriter(graph_only, ManualClock(), exact_most=0)
    writer.publish("t1", IndexChange(documents, vectors=vectors), who, "test-1")
    with graph_only.begin() as connection:
        connection.exec_driver_sql(f"ANALYZE {SCHEMA}.chunk")
    snapshot = PostgresIndexReader(graph_only, who, exact_most=0).snapshot("t1")
    assert snapshot is not None
    near = found[rng.permutation(MANY)[:40]] + rng.normal(scale=0.1, size=(40, DIMENSION))
    yield graph_only, snapshot, near.astype(np.float32)
    graph_only.dispose()


def recall(snapshot: PostgresSnapshot, questions: NDArray[np.float32], audiences: frozenset[Audience]) -> float:
    shares = []
    for question in questions:
        truth = {chunk_id for chunk_id, _ in snapshot.exact(question, audiences, AT)}
        shares.append(len(truth & dict(snapshot.dense(question, audiences, AT)).keys()) / AT)
    return float(np.mean(shares))


def test_a_search_filtered_to_two_in_a_hundred_finds_what_the_default_misses(
    crowded: tuple[Engine, PostgresSnapshot, NDArray[np.float32]],
) -> None:
    engine, snapshot, questions = crowded
    internal = frozenset({Audience.INTERNAL})
    query = text(f"""
        SELECT id FROM {SCHEMA}.chunk WHERE tenant = 't1' AND audience = 'internal' AND dimension = {DIMENSION}
        ORDER BY (vector::halfvec({DIMENSION})) <#> CAST(:vector AS halfvec({DIMENSION})) LIMIT {AT}
    """)
    with engine.begin() as connection:
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {query.text}"), {"vector": literal(questions[0])}))
        plainly = [len(connection.scalars(query, {"vector": literal(one)}).all()) for one in questions]
    assert f"chunk_near_{DIMENSION}" in plan
    assert np.mean(plainly) < AT / 2, "the default stops after 40 candidates, of which few are permitted"
    assert recall(snapshot, questions, internal) >= 0.95
    assert recall(snapshot, questions, BOTH) >= 0.95


def test_tuning_finds_the_least_effort_for_the_wanted_recall_and_keeps_it_with_the_index(
    crowded: tuple[Engine, PostgresSnapshot, NDArray[np.float32]],
) -> None:
    engine, _, questions = crowded
    writer = PostgresIndexWriter(engine, ManualClock(), exact_most=0)
    some, most = (writer.tune("t1", questions, lambda _: {}, recall).tuning for recall in (0.5, 0.999))
    assert some is not None
    assert most is not None
    assert some.effort < most.effort
    assert 0.5 <= some.recall <= most.recall
    current = writer.current("t1")
    assert current is not None
    assert current.tuning == most


def test_a_small_index_needs_no_tuning(writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change("returns"), EMBEDDER.identity, "test-1")
    assert writer.tune("t1", EMBEDDER.embed(["machine"]), lambda _: {}, 0.97).tuning is None


def test_a_change_that_fails_half_way_leaves_what_was_there(engine: Engine, writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change("returns"), EMBEDDER.identity, "test-1")
    (good,) = change("descale").documents
    bad = good._replace(key="doc:bad", fingerprint="with a null \0 byte")
    with pytest.raises(DatabaseError, match="Postgres"):
        writer.publish("t1", IndexChange([good, bad]), EMBEDDER.identity, "test-1")
    assert writer.documents("t1") == {"doc:returns": "returns"}
    assert set(opened(engine).chunks(BOTH, [*TEXTS])) == {"returns"}
    assert opened(engine).lexical({"descal": 1.0}, BOTH, 5) == []


def test_the_index_and_the_store_live_in_one_database_whichever_comes_first(server: str, clock: ManualClock) -> None:
    for extension_first in (False, True):
        with empty_index(server) as engine:
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    "DROP EXTENSION IF EXISTS vector CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
                )
                if extension_first:
                    connection.exec_driver_sql("CREATE EXTENSION vector")
            migrate(engine)
            PostgresIndexWriter(engine, clock).publish("t1", change("returns"), EMBEDDER.identity, "test-1")
            assert opened(engine).dense(EMBEDDER.embed(["machine"])[0], BOTH, 5)


def test_the_store_s_vectors_of_an_earlier_version_get_their_new_name_and_their_key_s(server: str) -> None:
    with empty_index(server) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "DROP TABLE scope; DROP TABLE calibration; ALTER TABLE draft DROP COLUMN features;"
                "ALTER TABLE embedding RENAME TO vector; ALTER TABLE vector RENAME CONSTRAINT pk_embedding TO pk_vector;"
                "UPDATE alembic_version SET version_num = '0006'"
            )
        migrate(engine)
        assert inspect(engine).get_pk_constraint("embedding")["name"] == "pk_embedding"


def test_two_writers_of_one_tenant_exclude_each_other(engine: Engine, clock: ManualClock) -> None:
    impatient = PostgresIndexWriter(engine, clock, wait=timedelta(milliseconds=50))
    impatient.publish("t1", change("returns"), EMBEDDER.identity, "test-1")
    with changing(engine, "t1", timedelta(seconds=1)):
        with pytest.raises(WriterBusy):
            impatient.publish("t1", change("descale"), EMBEDDER.identity, "test-1")
        impatient.publish("t2", change("descale"), EMBEDDER.identity, "test-1")
    assert impatient.publish("t1", change("descale"), EMBEDDER.identity, "test-1").documents == 2


def test_one_process_alone_embeds_what_waits(engine: Engine, writer: PostgresIndexWriter) -> None:
    with writer.embedding("t1") as ours, writer.embedding("t1") as again, writer.embedding("t2") as other:
        assert (ours, again, other) == (True, False, True)
    with alone(engine, "t1") as free:
        assert free


def test_another_embedder_s_vectors_are_never_mixed_in(engine: Engine, writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change("returns"), EMBEDDER.identity, "test-1")
    other = HashingEmbedder(dimension=8)
    with pytest.raises(WriterBusy):
        writer.publish("t1", change("descale"), other.identity, "test-1")
    with pytest.raises(SnapshotMismatch, match="embedded with hashing"):
        PostgresIndexReader(engine, other.identity).snapshot("t1")
    writer.publish("t1", change("descale", whole=True, embedded=False), other.identity, "test-1")
    assert PostgresIndexReader(engine, other.identity).snapshot("t1") is not None


def test_rows_that_no_kept_generation_shows_are_deleted(
    engine: Engine, writer: PostgresIndexWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(3):
        for name in TEXTS:
            (document,) = change(name).documents
            marked = document._replace(fingerprint=str(turn))
            writer.publish("t1", IndexChange([marked]), EMBEDDER.identity, "test-1")

    def held() -> int:
        with engine.begin() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.chunk").scalar_one())

    writer.tidy("t1")
    assert held() == 3 * len(TEXTS), "a question may still read what was replaced a moment ago"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {SCHEMA}.generation SET written_at = written_at - interval '1 hour'")
    reading_on = opened(engine)
    for turn in range(6):
        document = IndexedDocument("doc:extra", str(turn), ())
        writer.publish("t1", IndexChange([document]), EMBEDDER.identity, "test-1")
    writer.hide("t1", ["doc:returns"])
    writer.tidy("t1")
    assert set(reading_on.chunks(BOTH, [*TEXTS])) == set(TEXTS), "it was in use until a moment ago, however old it is"
    monkeypatch.setattr(writing, "KEPT_FOR", timedelta(0))
    writer.tidy("t1")
    assert len(TEXTS) <= held() < 3 * len(TEXTS)
    assert set(opened(engine).chunks(BOTH, [*TEXTS])) == set(TEXTS) - {"returns"}
    assert writer.roll_back("t1") is not None


def test_other_tenants_publish_and_delete_while_one_publishes(engine: Engine, clock: ManualClock) -> None:
    impatient = PostgresIndexWriter(engine, clock, wait=timedelta(milliseconds=200))
    for tenant in ("t1", "t2"):
        impatient.publish(tenant, change("returns"), EMBEDDER.identity, "test-1")
    with changing(engine, "t1", timedelta(seconds=1)) as connection:
        Step(connection, "t1", impatient.current("t1")).end(["doc:returns"])
        impatient.publish("t2", change("descale"), EMBEDDER.identity, "test-1")
        impatient.hide("t2", ["doc:returns"])
        assert impatient.documents("t2") == {"doc:descale": "descale"}
        with pytest.raises(WriterBusy):
            impatient.publish("t1", change("descale"), EMBEDDER.identity, "test-1")


def test_every_search_is_planned_for_its_own_tenant(engine: Engine, writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change(*TEXTS), EMBEDDER.identity, "test-1")
    question, same = EMBEDDER.embed(["machine"])[0], create_engine(engine.url, pool_size=1)
    snapshot = PostgresIndexReader(same, EMBEDDER.identity).snapshot("t1")
    assert snapshot is not None
    for _ in range(24):
        snapshot.dense(question, BOTH, 5)
    with same.connect() as connection:
        plans = connection.exec_driver_sql(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE '%%score DESC%%'"
        ).one()
    same.dispose()
    assert plans[0] == 0
    assert plans[1] >= 10


def test_a_search_that_takes_too_long_is_given_up(engine: Engine) -> None:
    with pytest.raises(RetryLater, match="too long"), reading(engine, timedelta(milliseconds=50)) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(30)")


def test_statistics_know_of_vectors_that_came_later(engine: Engine, writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change(*TEXTS, embedded=False), EMBEDDER.identity, "test-1")
    writer.attach("t1", vectors(*TEXTS), EMBEDDER.identity)
    with engine.connect() as connection:
        empty = connection.exec_driver_sql(
            "SELECT null_frac FROM pg_stats WHERE tablename = 'chunk' AND attname = 'ready'"
        ).scalar()
    assert empty == 0.0


def test_a_database_that_is_away_is_named(clock: ManualClock) -> None:
    nowhere = create_engine("postgresql+psycopg://nobody@/nothing?host=/tmp/there-is-no-such-socket")
    with pytest.raises(DatabaseError, match="index in Postgres"):
        PostgresIndexReader(nowhere, EMBEDDER.identity).snapshot("t1")
    with pytest.raises(DatabaseError, match="index in Postgres"):
        PostgresIndexWriter(nowhere, clock).hide("t1", ["doc"])


def test_the_graph_and_the_comparison_of_all_agree_on_few_chunks(engine: Engine, writer: PostgresIndexWriter) -> None:
    writer.publish("t1", change(*TEXTS), EMBEDDER.identity, "test-1")
    question = EMBEDDER.embed(["return a machine"])[0]
    by_graph, compared = opened(engine, exact_most=0), opened(engine)
    assert by_graph.dense(question, PUBLIC, 9) == compared.dense(question, PUBLIC, 9)
