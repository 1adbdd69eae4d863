"""Runs the contestants in turns and prints the table."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from assistant.config import Settings
from assistant.evaluation.formats import Query, read_qrels, read_queries
from assistant.evaluation.metrics import mean, ndcg, percentile
from assistant.kernel.knowledge import Audience, Scope
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest
from tests.bench.report import keep, show

HERE = Path(__file__).parent
RIVALS = {"Haystack": HERE / "haystack_child.py", "LlamaIndex": HERE / "llama_index_child.py"}
TURNS = 2
WAYS = ("near", "hybrid", "reranked")
"""By meaning, by meaning and words, and with a cross-encoder where ours uses it. The rivals have none: hybrids are compared."""


def main(python: Path, corpus: Path, asked: Path, qrels_file: Path, rounds: int) -> None:
    qrels = read_qrels(qrels_file)
    queries = [query for query in read_queries(asked) if query.id in qrels]
    rows = [json.loads(line) for line in corpus.read_text().splitlines() if line.strip()]
    work = {
        "rows": [{"id": str(row["_id"]), "title": row.get("title") or "", "text": row["text"]} for row in rows],
        "questions": {query.id: last_turns(query) for query in queries},
    }
    found: dict[str, list[dict[str, Any]]] = {"Deskhand": [], **{name: [] for name in RIVALS}}
    for _ in range(rounds):
        found["Deskhand"].append(ours(corpus, queries))
        for name, script in RIVALS.items():
            found[name].append(theirs(python, script, work))
    figures = {
        name: {
            "chunks": some[0]["chunks"],
            "ingest_s": round(median(one["ingest_s"] for one in some), 1),
            **{way: quality(some, way, qrels) for way in WAYS if way in some[0]},
        }
        for name, some in found.items()
    }
    own = figures["Deskhand"]
    for name in RIVALS:
        figures[name]["ingest_times"] = round(figures[name]["ingest_s"] / own["ingest_s"], 2)
        best = max(figures[name][way]["ndcg_at_10"] for way in ("near", "hybrid"))
        figures[name]["ndcg_behind"] = round(own["hybrid"]["ndcg_at_10"] - best, 4)
    columns = (
        "",
        "Chunks",
        "Ingest, s",
        "Times ours",
        "nDCG@10 by meaning",
        "hybrid",
        "reranked",
        "Behind ours",
        "Hybrid p95, ms",
    )
    show(
        f"Ingest and retrieval on {corpus.parent.name}, {rounds} rounds",
        columns,
        [
            (
                name, one["chunks"], one["ingest_s"], one.get("ingest_times"), one.get("near", {}).get("ndcg_at_10"),
                one["hybrid"]["ndcg_at_10"], one.get("reranked", {}).get("ndcg_at_10"), one.get("ndcg_behind"), one["hybrid"]["p95_ms"],
            )
            for name, one in figures.items()
        ],
    )  # fmt: skip
    keep(f"rivals-{corpus.parent.name}", figures)


def last_turns(query: Query) -> str:
    said = [message.text for message in query.ticket.messages if message.author == "customer"]
    return "\n".join(said[-TURNS:])


def ours(corpus: Path, queries: Sequence[Query]) -> dict[str, Any]:
    """As ``deskhand ingest`` and ``deskhand evaluate retrieval`` do, from an empty data folder."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(Settings(data_dir=Path(folder)))
        app.migrate()
        app.bulk_embedder.embed(["warm up"])
        start = time.monotonic()
        done = ingest(load(corpus), "default", Audience.PUBLIC, create_ingest(app), roots=[root_key(corpus)])
        ingest_s = time.monotonic() - start
        policy = app.policy[0].retrieval.model_copy(update={"shown": 20, "per_document": 1})
        ways: dict[str, dict[str, Any]] = {}
        for way, reranker in (("hybrid", None), ("reranked", app.reranker)):
            rankings, took = {}, []
            for number, query in enumerate([queries[0], *queries]):
                question = redact(query.ticket)
                start = time.monotonic()
                evidence = retrieve(question, Scope(tenant="default"), app.index, app.embedder, policy, reranker)
                if number:  # The first one loads models.
                    took.append((time.monotonic() - start) * 1000)
                rankings[query.id] = [passage.chunk.document_key.rsplit("#", 1)[-1] for passage in evidence.passages]
            ways[way] = {"rankings": rankings, "ms": took}
        app.close()
    return {"chunks": done.chunks, "ingest_s": ingest_s, **ways}


def theirs(python: Path, script: Path, work: Mapping[str, Any]) -> dict[str, Any]:
    model = Settings().models / "all-minilm-l6-v2"
    quiet = {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False", "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [str(python), str(script), str(model)],
        input=json.dumps(work), text=True, check=True, stdout=subprocess.PIPE, env=os.environ | quiet,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def quality(some: Sequence[Mapping[str, Any]], way: str, qrels: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    rankings = some[0][way]["rankings"]
    took = [ms for one in some for ms in one[way]["ms"]]
    return {
        "ndcg_at_10": round(mean([ndcg(ranking, qrels[query], 10) for query, ranking in rankings.items()]), 4),
        "p50_ms": round(percentile(took, 0.5), 1),
        "p95_ms": round(percentile(took, 0.95), 1),
    }


if __name__ == "__main__":
    python, corpus, asked, qrels = map(Path, sys.argv[1:5])
    main(python, corpus, asked, qrels, int(sys.argv[5]) if len(sys.argv) > 5 else 3)
