"""Reranker and Embedder on ONNX Runtime: models with 8-bit weights, from folders on disk."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from assistant.kernel.errors import ModelFileError
from assistant.kernel.knowledge import EmbedderIdentity
from assistant.ports import Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class _Loaded(NamedTuple):
    tokenizer: Tokenizer
    session: "InferenceSession"

    def read(self, text: Encoding) -> NDArray[np.float32]:
        """The model's output for one text, or one pair, alone.

        Nothing is padded, and 8-bit activations are not scaled by those of others, which would change it.
        """
        inputs = {"input_ids": text.ids, "attention_mask": text.attention_mask, "token_type_ids": text.type_ids}
        output, *_ = self.session.run(None, {name: np.array([ids], dtype=np.int64) for name, ids in inputs.items()})
        return np.asarray(output, dtype=np.float32)


class OnnxReranker:
    """Loads on first use and then serves any thread, one pair at a time, of which it reads ``max_tokens``."""

    def __init__(self, folder: Path, max_tokens: int, threads: int) -> None:
        self._folder, self._max_tokens, self._threads = folder, max_tokens, threads
        self._lock = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        """A logit for each passage: above 0, it rather answers the question. Raises ModelFileError."""
        with self._lock:
            model = self._model
            return [float(model.read(model.tokenizer.encode(question, each)).reshape(())) for each in passages]

    @cached_property
    def _model(self) -> _Loaded:
        loaded = _load("reranker", self._folder, self._threads)
        loaded.tokenizer.enable_truncation(self._max_tokens, strategy="only_second")
        return loaded


class OnnxEmbedder:
    """Loads on first use and then serves any thread, one text at a time. A text's vector is that of its first token, as BGE has it."""

    def __init__(self, folder: Path, identity: EmbedderIdentity, threads: int) -> None:
        self._folder, self._identity, self._threads = folder, identity, threads
        self._lock = threading.Lock()

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the two that frame it. Not limited to what the model reads."""
        return [len(found) for found in self._whole.encode_batch_fast(list(texts), add_special_tokens=False)]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension), float32. Text past ``max_tokens`` is not read."""
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        with self._lock:
            for place, text in enumerate(texts):
                first = self._model.read(self._model.tokenizer.encode(text))[0, 0]
                vectors[place] = first / max(float(np.linalg.norm(first)), 1e-12)
        return vectors

    @cached_property
    def _whole(self) -> Tokenizer:
        return _tokenizer("embedding model", self._folder)

    @cached_property
    def _model(self) -> _Loaded:
        loaded = _load("embedding model", self._folder, self._threads)
        loaded.tokenizer.enable_truncation(self._identity.max_tokens)
        return loaded


def _load(what: str, folder: Path, threads: int) -> _Loaded:
    tokenizer = _tokenizer(what, folder)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin would take the cores from the language models in between.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Each has a class of its own for each kind of failure, below Exception itself.
        raise ModelFileError(f"the {what} at {folder} cannot be loaded", fix="Run `deskhand models verify`.") from error
    return _Loaded(tokenizer, session)


def _tokenizer(what: str, folder: Path) -> Tokenizer:
    if not (folder / "model.onnx").is_file():
        raise ModelFileError(f"the {what} is not at {folder}", fix="Run `deskhand models pull`.")
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # The library raises Exception itself.
        raise ModelFileError(f"the {what} at {folder} cannot be loaded", fix="Run `deskhand models verify`.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
