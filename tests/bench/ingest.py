"""Ingest of a corpus against the bare embedder on the same chunks, and the same ingest again, unchanged."""

import sys
import tempfile
import time
from pathlib import Path

from assistant.config import Settings
from assistant.kernel.knowledge import Audience
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import IngestReport, ingest
from ingest.wiring import create_ingest
from tests.bench.report import report

SAMPLE = 1_000


def main(corpus: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = App(Settings(data_dir=Path(folder)))
        app.embedder.embed(["warm up"])
        first, seconds = timed(app, corpus)
        _, again_s = timed(app, corpus)
        documents = app.documents.indexed("default", app.documents.hashes("default"))
        texts = sorted((chunk.embedding_text() for document in documents for chunk in document.chunks), key=len)
        sample = texts[:: max(1, len(texts) // SAMPLE)]
        start = time.monotonic()
        app.embedder.embed(sample)
        bare = len(sample) / (time.monotonic() - start)
        app.close()
    rate = first.embedded / seconds
    report(
        "ingest",
        {
            "documents": first.documents,
            "chunks": first.chunks,
            "problems": len(first.problems),
            "seconds": round(seconds, 1),
            "chunks_per_s": round(rate, 1),
            "bare_embedder_chunks_per_s": round(bare, 1),
            "share_of_bare_embedder": round(rate / bare, 3),
            "again_unchanged_s": round(again_s, 2),
        },
    )


def timed(app: App, corpus: Path) -> tuple[IngestReport, float]:
    start = time.monotonic()
    done = ingest(load(corpus), "default", Audience.PUBLIC, create_ingest(app), roots=[root_key(corpus)])
    return done, time.monotonic() - start


if __name__ == "__main__":
    main(Path(sys.argv[1]))
