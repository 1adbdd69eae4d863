"""Questions are gathered by meaning: the same groups for the same questions, and the right ones on real messages."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.config import Settings
from assistant.stages.gather import gather
from assistant.wiring import App
from tests.learning.quality import EVEN, SKEWED, adjusted_rand_index, draw, measure, read_intents


def unit(rows: list[list[float]]) -> NDArray[np.float32]:
    array = np.array(rows, dtype=np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(array, axis=1, keepdims=True)
    return array / lengths


def test_alike_rows_are_one_group_the_most_typical_first() -> None:
    groups = gather(unit([[0, 1], [1, 0.3], [1, 0], [1, -0.3]]))
    assert [group.members[0] for group in groups] == [2, 0]
    assert set(groups[0].members) == {1, 2, 3}


@pytest.mark.parametrize("count", [0, 1])
def test_few_questions_are_no_trouble(count: int) -> None:
    assert len(gather(unit([[1.0, 0.0]])[:count])) == count


def test_equal_questions_are_one_group() -> None:
    (group,) = gather(unit([[1.0, 0.0]] * 5))
    assert group.members == (0, 1, 2, 3, 4)
    assert group.similarity == pytest.approx(1)


def test_the_rand_index_is_that_of_the_paper() -> None:
    assert adjusted_rand_index("aabb", "xxyy") == 1
    assert adjusted_rand_index("aabb", "xyxy") == pytest.approx(-0.5)
    assert adjusted_rand_index("aaabbb", "xxyyzz") == pytest.approx(0.2424, abs=1e-4)


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.parametrize("sizes", [EVEN, SKEWED])
@pytest.mark.parametrize(("name", "ari", "purity"), [("BANKING77-OOS", 0.5, 0.7), ("CLINC150", 0.5, 0.9)])
def test_real_messages_are_gathered_by_intent(
    shared_data: Path, name: str, ari: float, purity: float, sizes: tuple[int, ...]
) -> None:
    texts, labels = draw(read_intents(shared_data / "intents" / "intents_dev.jsonl.gz")[name], sizes, seed=7)
    quality = measure(App(Settings()).own_embedder.embed(texts), labels)
    assert quality.ari >= ari
    assert quality.purity >= purity
