"""What a rival's process does with its pipeline: ingest, then answer, timed. It runs in a Python that has no Deskhand."""

import json
import sys
import time
from typing import Protocol, TypedDict

DEPTH = 100
"""Chunks looked for, so that there are twenty documents among them."""
KEPT = 20


class Row(TypedDict):
    id: str
    title: str
    text: str


class Pipeline(Protocol):
    def warm_up(self) -> None: ...
    def ingest(self, rows: list[Row]) -> int: ...
    def near(self, question: str) -> list[str]: ...
    def hybrid(self, question: str) -> list[str]: ...


def run(pipeline: Pipeline) -> None:
    """Read rows and questions from standard input, and write what was found and how long it took."""
    work = json.load(sys.stdin)
    pipeline.warm_up()
    start = time.monotonic()
    chunks = pipeline.ingest(work["rows"])
    result: dict[str, object] = {"chunks": chunks, "ingest_s": time.monotonic() - start}
    for name in ("near", "hybrid"):
        search = getattr(pipeline, name)
        rankings, took = {}, []
        for question_id, text in work["questions"].items():
            start = time.monotonic()
            found = search(text)
            took.append((time.monotonic() - start) * 1000)
            rankings[question_id] = list(dict.fromkeys(found))[:KEPT]
        result[name] = {"rankings": rankings, "ms": took}
    sys.stdout.write(json.dumps(result))
