"""DESKHAND_EMBEDDER may be the path of any sentence-transformers folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assistant.config import Settings
from assistant.kernel.errors import ConfigurationError
from assistant.models.by_path import embedder_at, is_path
from assistant.models.catalogue import CatalogueModel
from assistant.wiring import App
from ingest.wiring import create_ingest

pytestmark = pytest.mark.models
Listed = Callable[[str], tuple[CatalogueModel, Path]]


@pytest.fixture
def copy(tmp_path: Path, model_file: Listed) -> Path:
    _, folder = model_file("all-minilm-l6-v2")
    return shutil.copytree(folder, tmp_path / "my-model")


@pytest.fixture
def multilingual(copy: Path) -> Path:
    """A small XLM-RoBERTa with weights drawn by chance, as multilingual models are built; it reads 64 tokens and gives 32 numbers."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=30_522, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=514, pad_token_id=0,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(copy)
    (copy / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64, "do_lower_case": False}))
    pooling = json.loads((copy / "1_Pooling" / "config.json").read_text()) | {"word_embedding_dimension": 32}
    (copy / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return copy


def app(path: Path | str, tmp_path: Path) -> App:
    return App(Settings(embedder=str(path), data_dir=tmp_path / "data"))


def test_a_folder_gives_the_vectors_that_the_catalogue_s_model_gives(copy: Path, tmp_path: Path) -> None:
    own, listed = app(copy, tmp_path), app("all-minilm-l6-v2", tmp_path)
    texts = ["How do I descale the Duo?", "Wie entkalke ich die Duo?"]
    assert np.array_equal(own.own_embedder.embed(texts), listed.own_embedder.embed(texts))
    assert own.own_embedder.identity.name == "my-model"
    assert own.own_embedder.identity.sha256 == listed.own_embedder.identity.sha256
    assert own.own_embedder.identity.dimension == 384


def test_other_architectures_are_read_and_chunks_are_no_longer_than_they_read(
    multilingual: Path, tmp_path: Path
) -> None:
    desk = app(multilingual, tmp_path)
    vectors = desk.own_embedder.embed(["Hello", "Grüß Gott " * 500])
    assert vectors.shape == (2, 32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)
    assert desk.own_embedder.identity.max_tokens == 64
    assert create_ingest(desk).chunk_tokens == 64


def test_other_weights_are_another_embedder(copy: Path) -> None:
    before = embedder_at(str(copy)).sha256
    with (copy / "model.safetensors").open("ab") as file:
        file.write(b"x")
    assert embedder_at(str(copy)).sha256 != before


@pytest.mark.parametrize("missing", ["modules.json", "config.json", "tokenizer.json", "model.safetensors", ""])
def test_a_folder_that_holds_no_model_is_named(copy: Path, missing: str) -> None:
    if missing:
        (copy / missing).unlink()
    else:
        (copy / "modules.json").write_text("{")
    with pytest.raises(
        ConfigurationError, match=r"my-model is not the folder of a sentence-transformers model"
    ) as raised:
        embedder_at(str(copy))
    assert "modules.json" in raised.value.fix


@pytest.mark.parametrize(
    ("name", "path"), [("all-minilm-l6-v2", False), ("./models/e5", True), ("/srv/e5", True), ("~/e5", True)]
)
def test_a_path_is_told_from_a_name(name: str, *, path: bool) -> None:
    assert is_path(name) is path
