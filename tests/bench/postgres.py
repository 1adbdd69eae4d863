"""The index in Postgres beside the one in files, on the same chunks: publishing, search by meaning and by words, size on disk.

Postgres is the one from a wheel, on this machine, with its default settings.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, text

from assistant.adapters.clock import SystemClock
from assistant.adapters.pgvector.reader import PostgresIndexReader
from assistant.adapters.pgvector.schema import SCHEMA
from assistant.adapters.pgvector.writer import PostgresIndexWriter
from assistant.adapters.snapshot.reader import FolderIndexReader
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.cli.evaluating import WORK, indexed
from assistant.config import Settings
from assistant.evaluation.formats import read_queries
from assistant.kernel.knowledge import Audience
from assistant.ports import IndexChange, IndexWriter, Snapshot, Vectors
from assistant.text.words import content_stems
from assistant.wiring import App
from tests.bench.report import keep, show
from tests.postgres import running_postgres

LIMIT, AT = 200, 10
"""As many as the default policy asks for."""
TENANT = "bench"
PUBLIC = frozenset({Audience.PUBLIC})


def main(corpora: Sequence[Path], asked: Path) -> None:
    app = App(Settings(data_dir=WORK))
    tenant = indexed(corpora, app).tenant
    documents = app.documents.indexed(tenant, app.documents.published(tenant))
    texts = {chunk.embedding_text() for document in documents for chunk in document.chunks}
    change = IndexChange(documents, vectors=app.documents.vectors(app.own_embedder.identity, sorted(texts)))
    edited = IndexChange(documents[:1], vectors=change.vectors)
    questions = [query.ticket.messages[-1].text for query in read_queries(asked)]
    vectors, stems = app.bulk_embedder.embed(questions), [content_stems(question) for question in questions]
    who, clock = app.own_embedder.identity, SystemClock()

    def published(writer: IndexWriter, snapshot: Callable[[], Snapshot | None]) -> dict[str, float | int]:
        figures: dict[str, float | int] = {}
        steps: dict[str, Callable[[], object]] = {
            "publish_s": lambda: writer.publish(TENANT, IndexChange(documents), who, "bench"),
            "attach_s": lambda: writer.attach(TENANT, change.vectors, who),
            "edit_s": lambda: writer.publish(TENANT, edited, who, "bench"),
            "tidy_s": lambda: writer.tidy(TENANT),
        }
        for name, step in steps.items():
            start = time.monotonic()
            step()
            figures[name] = round(time.monotonic() - start, 2)
        found = snapshot()
        assert found is not None
        return figures | searched(found, vectors, stems)

    with tempfile.TemporaryDirectory() as name, running_postgres() as url:
        folder, engine = Path(name), create_engine(url)
        reader = PostgresIndexReader(engine, who)
        files = published(FolderIndexWriter(folder, clock), lambda: FolderIndexReader(folder, who).snapshot(TENANT))
        files["disk_mb"] = round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6)
        tables = published(PostgresIndexWriter(engine, clock), lambda: reader.snapshot(TENANT))
        with engine.begin() as connection:
            size = text(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = CAST(:s AS regnamespace) AND relkind = 'r'"
            )
            tables["disk_mb"] = round(float(connection.scalar(size, {"s": SCHEMA}) or 0) / 1e6)
        snapshot = reader.snapshot(TENANT)
        assert snapshot is not None
        shares = [
            len({i for i, _ in snapshot.exact(vector, PUBLIC, AT)} & dict(snapshot.dense(vector, PUBLIC, AT)).keys())
            / AT
            for vector in vectors
        ]
        tables["recall_at_10"] = round(float(np.mean(shares)), 4)
        engine.dispose()
    rows = [(name, files.get(name), tables.get(name)) for name in tables]
    show(f"{sum(len(one.chunks) for one in documents)} chunks", ("", "Files", "Postgres"), rows)
    keep("postgres", {"chunks": sum(len(one.chunks) for one in documents), "files": files, "postgres": tables})


def searched(snapshot: Snapshot, vectors: Vectors, stems: Sequence[Sequence[str]]) -> dict[str, float]:
    """p50 and p95 in milliseconds of the ``LIMIT`` best, by meaning and by words."""
    ways: Mapping[str, list[Callable[[], object]]] = {
        "dense": [lambda v=vector: snapshot.dense(v, PUBLIC, LIMIT) for vector in vectors],  # type: ignore[misc]
        "lexical": [lambda s=some: snapshot.lexical(dict.fromkeys(s, 1.0), PUBLIC, LIMIT) for some in stems],  # type: ignore[misc]
    }
    figures: dict[str, float] = {}
    for name, searches in ways.items():
        searches[0]()
        took = []
        for search in searches:
            start = time.perf_counter()
            search()
            took.append((time.perf_counter() - start) * 1000)
        figures |= {f"{name}_p{percent}_ms": round(float(np.percentile(took, percent)), 1) for percent in (50, 95)}
    return figures


if __name__ == "__main__":
    *corpora, asked = map(Path, sys.argv[1:])
    main(corpora, asked)
