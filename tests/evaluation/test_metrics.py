"""Metrics against values worked out by hand, and files in the formats that are evaluated."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from assistant.evaluation.formats import read_qrels, read_queries
from assistant.evaluation.metrics import (
    agreement,
    auroc,
    mean,
    ndcg,
    paired_difference,
    percentile,
    recall,
    reciprocal_rank,
    token_f1,
)  # fmt: skip
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


def test_agreement_is_the_share_of_the_reference_s_content_words() -> None:
    reference = "Hold Clean for 8 seconds to descale."
    assert agreement("You hold the Clean button [1].", reference) == pytest.approx(2 / 5)
    assert agreement("Descaling: holding Clean, eight seconds [2].", reference) == 1.0
    assert agreement("Hold Clean.", "") == 0.0


def test_token_f1_counts_each_shared_word_as_often_as_both_have_it() -> None:
    draft, reference = "The pump primes the pump [1].", "Prime a pump: the pump primes itself"
    # pump, primes, pump against prime, pump, pump, primes, itself: 3 shared of 3 and 5.
    assert token_f1(draft, reference) == pytest.approx(2 * 3 / (3 + 5))
    assert token_f1("Press Clean.", "press clean") == 1.0
    assert token_f1("", "") == token_f1("Press Clean.", "Wait.") == 0.0


def test_a_difference_that_is_the_same_for_every_item_is_certain() -> None:
    assert paired_difference([0.25, 0.5, 0.0], [0.5, 0.75, 0.25]) == (0.25, 0.25, 0.25)


def test_an_interval_is_the_percentiles_of_the_resampled_means() -> None:
    # One of two items gains 1: a resample gains 0, 1/2 or 1 with probability 1/4, 1/2, 1/4, so both tails are reached.
    assert paired_difference([0.0, 0.0], [0.0, 1.0]) == (0.5, 0.0, 1.0)
    # 100 items, 50 of them gain 1: the mean's standard deviation is .05, so 95 % is about .5 +- 1.96 * .05.
    gain = paired_difference([0.0] * 100, [1.0, 0.0] * 50)
    assert gain.mean == 0.5
    assert gain.low == pytest.approx(0.402, abs=0.015)
    assert gain.high == pytest.approx(0.598, abs=0.015)


def test_an_interval_is_the_same_each_time_and_pairs_are_needed() -> None:
    base, other = [0.1, 0.9, 0.4, 0.3], [0.2, 0.7, 0.9, 0.3]
    assert paired_difference(base, other) == paired_difference(base, other)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference([0.1], [])


def test_auroc_is_the_share_of_pairs_in_the_right_order_ties_counting_half() -> None:
    scores, labels = [0.9, 0.5, 0.5, 0.1], [True, True, False, False]
    found = auroc(scores, labels)
    assert found.value == pytest.approx(3.5 / 4)
    assert found.low <= found.value <= found.high
    rng = np.random.default_rng(0)
    drawn, truth = rng.normal(size=200), rng.random(200) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in drawn[truth] for b in drawn[~truth]]
    assert auroc(list(drawn), list(truth)).value == pytest.approx(np.mean(pairs), abs=1e-4)


def test_auroc_needs_both_labels() -> None:
    with pytest.raises(ValueError, match="positives and negatives"):
        auroc([0.1, 0.2], [True, True])
