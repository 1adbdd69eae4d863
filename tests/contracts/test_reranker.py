"""Every Reranker: a score for each passage, in their order, the same in any company; what answers is above what does not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.adapters.memory.models import OverlapReranker
from assistant.adapters.onnx import OnnxReranker
from assistant.engine.lane import ComputeLane, LaneReranker
from assistant.kernel.errors import ModelFileError
from assistant.models.catalogue import CatalogueModel
from assistant.ports import Reranker

PASSAGES = [
    "Descale the Duo every two months with citric acid.",
    "You can pause your coffee subscription for up to three months under Account > Subscription.",
    "Parcels leave our warehouse every morning at nine. " * 60,
    "",
]


@pytest.fixture(params=["memory", "in turns", pytest.param("onnx", marks=pytest.mark.models)], scope="module")
def reranker(request: pytest.FixtureRequest, model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Reranker:
    if request.param == "memory":
        return OverlapReranker()
    if request.param == "in turns":
        return LaneReranker(OverlapReranker(), ComputeLane())
    model, folder = model_file("ms-marco-minilm-l12-int8")
    return OnnxReranker(folder, model.context_length, threads=1)


def test_what_answers_is_above_what_does_not(reranker: Reranker) -> None:
    scores = reranker.score("How can I pause my coffee subscription?", PASSAGES)
    assert len(scores) == len(PASSAGES)
    assert max(range(len(scores)), key=scores.__getitem__) == 1


def test_no_passages_have_no_scores(reranker: Reranker) -> None:
    assert reranker.score("How can I pause?", []) == []


def test_order_and_company_do_not_matter(reranker: Reranker) -> None:
    question = "When do parcels leave?"
    together = reranker.score(question, PASSAGES)
    alone = [reranker.score(question, [passage])[0] for passage in PASSAGES]
    assert together == alone
    assert reranker.score(question, PASSAGES[::-1])[::-1] == together


def test_threads_may_ask_at_once(reranker: Reranker) -> None:
    with ThreadPoolExecutor(4) as threads:
        scores = list(threads.map(lambda _: reranker.score("When do parcels leave?", PASSAGES), range(8)))
    assert all(each == scores[0] for each in scores)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="reranker is not at"):
        OnnxReranker(tmp_path, 384, threads=1).score("a", ["b"])


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        OnnxReranker(tmp_path, 384, threads=1).score("a", ["b"])
