"""A small real model in this process, for tests of the engine's parts."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import llama_cpp
import pytest

from assistant.engine.protocol import ModelFile
from assistant.engine.slots import Slots
from assistant.engine.weights import Weights
from assistant.models.catalogue import CatalogueModel
from tests.engine.desk import Desk

SMOL = "smollm2-135m-instruct-q4_1"
TEXT = (
    "Descale the machine every two months. Fill the tank with water and one sachet of descaler, put a bowl under the "
    "spout, and press both buttons for five seconds. The light blinks while it works, which takes twenty minutes. "
    "Rinse the tank twice with fresh water before you make coffee again. "
)


_SILENT = llama_cpp.llama_log_callback(lambda *_: None)
"""llama.cpp tells a great deal; the reference must live as long as it."""


@pytest.fixture(scope="session")
def smol(model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Callable[..., ModelFile]:
    """The test model's file, with other settings where wanted."""
    _, path = model_file(SMOL)
    return lambda **others: ModelFile(name=SMOL, path=str(path), context_length=512, **others)


@pytest.fixture(scope="session")
def weights(smol: Callable[..., ModelFile]) -> Weights:
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))
    return Weights(smol(slots=4))


@pytest.fixture
def slots(weights: Weights) -> Slots:
    return Slots(weights, threads=1)  # Idle threads of a second would spin against the rest of the tests.


@pytest.fixture(scope="session")
def tokens(weights: Weights) -> list[int]:
    """A few hundred tokens of text."""
    return weights.vocabulary.encode(TEXT * 6)


@pytest.fixture
def desk(slots: Slots, tokens: list[int]) -> Desk:
    return Desk(slots, tokens)
