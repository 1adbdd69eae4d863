"""Metrics against values worked out by hand, and files in the formats that are evaluated."""

import json
import math
from pathlib import Path

import pytest

from assistant.evaluation.formats import read_qrels, read_queries
from assistant.evaluation.metrics import mean, ndcg, percentile, recall, reciprocal_rank
from assistant.kernel.errors import InputError

RANKING = ["d3", "d1", "d9", "d2"]


def test_ndcg_by_hand() -> None:
    relevance = {"d1": 1.0, "d2": 1.0}
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 / math.log2(2) + 1 / math.log2(3)
    assert ndcg(RANKING, relevance, 10) == pytest.approx(gained / ideal)
    assert ndcg(RANKING, relevance, 1) == 0.0
    assert ndcg(["d1", "d2"], relevance, 10) == 1.0


def test_graded_relevance_counts() -> None:
    assert ndcg(["a", "b"], {"a": 1.0, "b": 3.0}, 2) < ndcg(["b", "a"], {"a": 1.0, "b": 3.0}, 2) == 1.0


def test_a_document_that_is_ranked_twice_counts_once() -> None:
    assert ndcg(["a", "a", "b"], {"a": 1.0, "b": 1.0}, 10) == ndcg(["a", "b"], {"a": 1.0, "b": 1.0}, 10) == 1.0
    assert ndcg(["a", "a"], {"a": 1.0, "b": 1.0}, 10) < 1.0
    assert recall(["x", "x", "a"], {"a": 1.0}, 2) == 1.0
    assert reciprocal_rank(["x", "x", "a"], {"a": 1.0}) == 0.5


def test_recall_and_reciprocal_rank() -> None:
    assert recall(RANKING, {"d1": 1, "d2": 1, "d7": 1, "d8": 0}, 2) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKING, {"d9": 1}) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKING, {"none": 1}) == 0.0


def test_percentiles_are_nearest_ranks() -> None:
    assert [percentile([4, 1, 3, 2], share) for share in (0.25, 0.5, 0.95, 1.0)] == [1, 2, 4, 4]
    assert percentile([], 0.5) == mean([]) == 0.0


def test_questions_are_read_with_history_label_and_reference(tmp_path: Path) -> None:
    row = {
        "_id": "q1", "text": "And the Mill?", "answerability": "UNANSWERABLE", "reference_answer": "I do not know.",
        "history": [{"role": "user", "text": "How long is the warranty?"}, {"role": "agent", "text": "Two years."}],
    }  # fmt: skip
    path = tmp_path / "queries.jsonl"
    path.write_text(json.dumps(row) + "\n\n" + json.dumps({"_id": 2, "scenario": "You lost your card."}))
    first, second = read_queries(path)
    assert [message.author for message in first.ticket.messages] == ["customer", "agent", "customer"]
    assert (first.answerability, first.reference) == ("unanswerable", "I do not know.")
    assert (second.id, second.answerability) == ("2", "unknown")


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"_id": "x"}', '{"_id": "x", "text": 3}', '{"_id": "x", "text": "y", "history": [1]}']
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text('{"_id": "1", "text": "fine"}\n' + line)
    with pytest.raises(InputError, match=r"queries\.jsonl:2"):
        read_queries(path)


def test_judgements_are_read_with_and_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t2\n")
    assert read_qrels(path) == {"q1": {"d1": 1.0, "d2": 2.0}}
    path.write_text("q1\t0\td1\t1\n")
    assert read_qrels(path) == {"q1": {"d1": 1.0}}
    path.write_text("q1 d1 1\n")
    with pytest.raises(InputError, match=r"qrels\.tsv:1"):
        read_qrels(path)
