"""Every Embedder: unit vectors, equal text equal vectors, near meaning near vectors, any length of text."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from assistant.adapters.embedder import SentenceTransformersEmbedder
from assistant.adapters.memory.models import HashingEmbedder
from assistant.adapters.onnx import OnnxEmbedder
from assistant.engine.lane import ComputeLane, LaneEmbedder
from assistant.kernel.errors import ModelFileError
from assistant.kernel.knowledge import EmbedderIdentity
from assistant.models.catalogue import CatalogueModel
from assistant.ports import Embedder


@pytest.fixture(
    params=[
        "memory", "in turns", pytest.param("minilm", marks=pytest.mark.models),
        pytest.param("bge", marks=pytest.mark.models),
    ],
    scope="module",
)  # fmt: skip
def embedder(request: pytest.FixtureRequest, model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Embedder:
    if request.param == "memory":
        return HashingEmbedder()
    if request.param == "in turns":
        return LaneEmbedder(HashingEmbedder(), ComputeLane())
    model, folder = model_file("bge-small-en-v1.5-int8" if request.param == "bge" else "all-minilm-l6-v2")
    identity = EmbedderIdentity(name=model.name, sha256=model.sha256, dimension=model.dimension, max_tokens=256)
    if request.param == "bge":
        return OnnxEmbedder(folder, identity, threads=1)
    return SentenceTransformersEmbedder(folder, identity, threads=1)


def test_vectors_have_the_identity_s_shape_and_unit_length(embedder: Embedder) -> None:
    vectors = embedder.embed(["Descale the machine every two months.", "", "Ö" * 5_000])
    assert vectors.shape == (3, embedder.identity.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_no_text_gives_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.identity.dimension)


def test_text_about_the_same_thing_is_nearer(embedder: Embedder) -> None:
    asked, near, far = embedder.embed(
        [
            "How do I pause my coffee subscription?",
            "Pause a coffee subscription from your account.",
            "Grinder burr sizes",
        ]
    )
    assert asked @ near > asked @ far + 0.1


def test_order_and_company_of_texts_do_not_matter(embedder: Embedder) -> None:
    texts = ["short", "a somewhat longer text about returns " * 12, "descaling"]
    together = embedder.embed(texts)
    alone = np.stack([embedder.embed([text])[0] for text in texts])
    assert np.min(np.sum(together * alone, axis=1)) > 0.999


def test_tokens_are_counted_past_the_limit(embedder: Embedder) -> None:
    short, long = embedder.count_tokens(["one two three", "word " * 1_000])
    assert 3 <= short < 10
    assert long >= 1_000


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    identity = EmbedderIdentity(name="none", sha256="0" * 64, dimension=4, max_tokens=8)
    with pytest.raises(ModelFileError, match="is not at") as raised:
        SentenceTransformersEmbedder(tmp_path, identity, threads=1).embed(["text"])
    assert "models pull" in raised.value.fix


@pytest.mark.models
def test_the_models_embedder_uses_the_threads_it_is_given(
    model_file: Callable[[str], tuple[CatalogueModel, Path]],
) -> None:
    import torch

    model, folder = model_file("all-minilm-l6-v2")
    identity = EmbedderIdentity(name=model.name, sha256=model.sha256, dimension=model.dimension, max_tokens=256)
    before = torch.get_num_threads()
    try:
        SentenceTransformersEmbedder(folder, identity, threads=before + 1).embed(["Descale the machine."])
        with ThreadPoolExecutor() as another:  # A service embeds on many threads.
            assert another.submit(torch.get_num_threads).result() == before + 1
    finally:
        torch.set_num_threads(before)
