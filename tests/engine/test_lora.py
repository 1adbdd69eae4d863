"""The adapters that tests are made with are adapters: llama.cpp loads them, and they change what it computes."""

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.models.catalogue import CatalogueModel
from tests.engine.lora import RANK, WIDTH, write_lora

PROMPT = 64


class BareModel:
    """SmolLM2 with nothing of the engine around it."""

    def __init__(self, path: Path) -> None:
        self.model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )  # fmt: skip
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_threads, parameters.n_threads_batch = 128, 2, 2
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        self.size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def use(self, path: Path | None, scale: float = 1.0) -> None:
        adapter = llama_cpp.llama_adapter_lora_init(self.model, str(path).encode()) if path else None
        assert adapter or path is None, "llama.cpp did not take the adapter"
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter) if adapter else None
        scales = (ctypes.c_float * 1)(scale)
        assert llama_cpp.llama_set_adapters_lora(self.context, adapters, 1 if adapter else 0, scales) == 0

    def logits(self) -> NDArray[np.float32]:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        tokens = (llama_cpp.llama_token * PROMPT)(*range(100, 100 + 7 * PROMPT, 7))
        assert llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, PROMPT)) == 0
        row = llama_cpp.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(ctypes.cast(row, ctypes.POINTER(ctypes.c_float)), (self.size,)).copy()


@pytest.fixture(scope="module")
def bare(model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Iterator[BareModel]:
    model = BareModel(model_file("smollm2-135m-instruct-q4_1")[1])
    yield model
    llama_cpp.llama_free(model.context)
    llama_cpp.llama_model_free(model.model)


def test_an_adapter_file_says_what_it_is(tmp_path: Path) -> None:
    reader = gguf.GGUFReader(write_lora(tmp_path / "voice.gguf", seed=1, blocks=(3,)))
    told = {name: reader.fields[name].contents() for name in ("general.type", "general.architecture", "adapter.type")}
    assert told == {"general.type": "adapter", "general.architecture": "llama", "adapter.type": "lora"}
    assert {tensor.name: tuple(map(int, tensor.shape)) for tensor in reader.tensors} == {
        "blk.3.attn_q.weight.lora_a": (WIDTH, RANK),
        "blk.3.attn_q.weight.lora_b": (RANK, WIDTH),
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = (write_lora(tmp_path / f"{n}.gguf", seed).read_bytes() for n, seed in enumerate((1, 1, 2)))
    assert first == again != other


@pytest.mark.models
def test_an_adapter_changes_the_logits_and_taking_it_off_brings_them_back(bare: BareModel, tmp_path: Path) -> None:
    plain = bare.logits()
    seen = []
    for seed in (1, 2):
        bare.use(write_lora(tmp_path / f"{seed}.gguf", seed))
        seen.append(bare.logits())
    bare.use(None)
    assert np.array_equal(bare.logits(), plain)
    assert min(float(np.abs(one - plain).max()) for one in seen) > 0.5
    assert float(np.abs(seen[0] - seen[1]).max()) > 0.5


@pytest.mark.models
def test_a_scale_of_nothing_is_no_adapter(bare: BareModel, tmp_path: Path) -> None:
    plain = bare.logits()
    bare.use(write_lora(tmp_path / "voice.gguf", seed=1), scale=0.0)
    faded = bare.logits()
    bare.use(None)
    assert np.allclose(faded, plain, atol=1e-3)
