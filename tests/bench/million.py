"""A million vectors searched by one thread: recall of the ten nearest, latency, memory, and a tenant that has two in a hundred.

Real ones are those of some 50,000 chunks; the others lie between a real one and one of its nearest, with some noise, so that a
million of them crowd as real ones do. Questions are people's, and sentences of the documents. Vectors of a million documents of different
companies would crowd less evenly. A tenant's own two in a hundred are few enough to be compared one by one.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from assistant.adapters.snapshot.tuning import EFFORTS
from assistant.adapters.snapshot.vectors import VectorFile, write_vectors
from assistant.cli.evaluating import WORK, indexed
from assistant.config import Settings
from assistant.evaluation.formats import read_queries
from assistant.ports import Vectors
from assistant.wiring import App
from ingest.tune import sentences
from tests.bench.report import report

MILLION, SHARE = 1_000_000, 0.02
NEIGHBOURS = 10
NOISE = 0.15
AT, WANTED = 10, 0.97
FILE, QUESTIONS = "vectors.faiss", "questions.npy"


def main(corpora: Sequence[Path], asked: Path) -> None:
    real, questions = known(corpora, asked)
    vectors = crowd(real, MILLION)
    nearest = exact(vectors, questions)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / QUESTIONS, questions)
        start = time.monotonic()
        write_vectors(folder / FILE, np.arange(len(vectors)), vectors)
        built_s = time.monotonic() - start
        rows: dict[str, float | int | str] = {
            "real_vectors": len(real),
            "vectors": len(vectors),
            "questions": len(questions),
            "build_s": round(built_s),
            "file_mb": round((folder / FILE).stat().st_size / 1e6),
        }
        file = VectorFile(folder / FILE)
        for effort in EFFORTS:
            reached = recall(file, questions, nearest, effort)
            if reached >= WANTED:
                break
        rows |= {"effort": effort, "recall_at_10": round(reached, 4)}
        rows |= searched_elsewhere(folder, effort)
        few = np.sort(np.random.default_rng(1).permutation(len(vectors))[: int(SHARE * len(vectors))])
        write_vectors(folder / FILE, np.arange(len(few)), vectors[few])
        of_few = exact(vectors[few], questions)
        rows["tenant_vectors"] = len(few)
        rows["tenant_recall_at_10"] = round(recall(VectorFile(folder / FILE), questions, of_few, effort), 4)
        rows |= {f"tenant_{key}": value for key, value in searched_elsewhere(folder, effort).items()}
    report("million", rows)


def known(corpora: Sequence[Path], asked: Path) -> tuple[Vectors, Vectors]:
    """Vectors of all chunks, and of questions: people's and sentences of the documents."""
    app = App(Settings(data_dir=WORK))
    tenant = indexed(corpora, app).tenant
    store, embedder = app.documents, app.bulk_embedder
    documents = store.indexed(tenant, store.published(tenant))
    texts = sorted({chunk.embedding_text() for document in documents for chunk in document.chunks})
    vectors = np.stack(list(store.vectors(embedder.identity, texts).values()))
    people = [query.ticket.messages[-1].text for query in read_queries(asked)]
    questions = embedder.embed(people + sentences(tenant, store, 500))
    app.close()
    return vectors, questions


def crowd(real: Vectors, count: int) -> Vectors:
    """``real`` and others among them, ``count`` in all."""
    drawn = np.random.default_rng(0)
    flat = faiss.IndexFlatIP(real.shape[1])
    flat.add(real)
    _, near = flat.search(real, NEIGHBOURS + 1)
    of = drawn.integers(len(real), size=count - len(real))
    towards = near[of, drawn.integers(1, NEIGHBOURS + 1, size=len(of))]
    way = drawn.random((len(of), 1), dtype=np.float32)
    others = real[of] + way * (real[towards] - real[of])
    others += NOISE / np.sqrt(real.shape[1]) * drawn.standard_normal(others.shape, dtype=np.float32)
    vectors = np.concatenate([real, others]).astype(np.float32)
    faiss.normalize_L2(vectors)
    return vectors


def exact(vectors: Vectors, questions: Vectors) -> NDArray[np.int64]:
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    found: NDArray[np.int64] = flat.search(questions, AT)[1]
    return found


def recall(file: VectorFile, questions: Vectors, nearest: NDArray[np.int64], effort: float) -> float:
    found = [{row for row, _ in file.best(question, None, AT, effort)} for question in questions]
    return float(np.mean([len(rows & set(truth)) / AT for rows, truth in zip(found, nearest.tolist(), strict=True)]))


def searched_elsewhere(folder: Path, effort: float) -> dict[str, float]:
    """Latency and memory of a process that does nothing else, with one thread."""
    command = [sys.executable, "-m", "tests.bench.million", "--search", str(folder), str(effort)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def search(folder: Path, effort: float) -> None:
    faiss.omp_set_num_threads(1)
    before = resident_mb()
    file, questions = VectorFile(folder / FILE), np.load(folder / QUESTIONS)
    for question in questions:  # Pages that were never touched come from the disk.
        file.best(question, None, AT, effort)
    took = []
    for question in questions:
        start = time.perf_counter()
        file.best(question, None, AT, effort)
        took.append((time.perf_counter() - start) * 1000)
    found = {f"p{percent}_ms": round(float(np.percentile(took, percent)), 2) for percent in (50, 95, 99)}
    print(json.dumps(found | {"memory_mb": round(resident_mb() - before)}))


def resident_mb() -> float:
    """Memory of this process in MB, pages of mapped files included."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    if sys.argv[1] == "--search":
        search(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        *corpora, asked = map(Path, sys.argv[1:])
        main(corpora, asked)
