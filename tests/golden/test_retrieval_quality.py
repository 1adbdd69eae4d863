"""Retrieval on real labelled questions must not get worse. Thresholds leave room for another CPU's arithmetic."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from assistant.config import Settings
from assistant.evaluation.formats import read_qrels, read_queries
from assistant.evaluation.retrieval import RetrievalReport, evaluate_retrieval
from assistant.kernel.knowledge import Audience, Scope
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest

pytestmark = [pytest.mark.models, pytest.mark.shared_data]


def measure(folder: Path, queries: str, data_dir: Path) -> RetrievalReport:
    app = App(Settings(data_dir=data_dir))
    corpus = folder / "corpus.jsonl"
    ingest(load(corpus), "golden", Audience.PUBLIC, create_ingest(app), roots=[root_key(corpus)])
    report = evaluate_retrieval(
        read_queries(folder / queries), read_qrels(folder / "qrels_dev.tsv"), app.desk, Scope(tenant="golden"),
        lambda key: unquote(key.rsplit("#", 1)[-1]),
    )  # fmt: skip
    app.close()
    return report


def test_multi_turn_questions(shared_data: Path, tmp_path: Path) -> None:
    report = measure(shared_data / "mtrag", "queries_dev.jsonl", tmp_path)
    assert report.ndcg_at_10 >= 0.80
    assert report.recall_at_10 >= 0.88


def test_a_bank_s_scenarios(shared_data: Path, tmp_path: Path) -> None:
    report = measure(shared_data / "banking_kb", "tasks_dev.jsonl", tmp_path)
    assert report.ndcg_at_10 >= 0.39
