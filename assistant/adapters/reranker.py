"""Reranker on ONNX Runtime: a cross-encoder with 8-bit weights, from a folder on disk."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Encoding, Tokenizer

from assistant.kernel.errors import ModelFileError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxReranker:
    """Loads on first use and then serves any thread, one pair at a time, of which it reads ``max_tokens``."""

    def __init__(self, folder: Path, max_tokens: int, threads: int) -> None:
        self._folder, self._max_tokens, self._threads = folder, max_tokens, threads
        self._lock = threading.Lock()
        self._loaded: tuple[Tokenizer, InferenceSession] | None = None

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        """A logit for each passage: above 0, it rather answers the question. Raises ModelFileError."""
        with self._lock:
            tokenizer, session = self._loaded or self._load()
            return [self._read(session, tokenizer.encode(question, passage)) for passage in passages]

    @staticmethod
    def _read(session: "InferenceSession", pair: Encoding) -> float:
        """One pair alone: nothing is padded, and 8-bit activations are not scaled by those of others, which would change its score."""
        inputs = {"input_ids": pair.ids, "attention_mask": pair.attention_mask, "token_type_ids": pair.type_ids}
        (logits,) = session.run(None, {name: np.array([ids], dtype=np.int64) for name, ids in inputs.items()})
        return float(np.asarray(logits).reshape(()))

    def _load(self) -> "tuple[Tokenizer, InferenceSession]":
        path = self._folder / "model.onnx"
        if not path.is_file():
            raise ModelFileError(f"the reranker is not at {self._folder}", fix="Run `deskhand models pull`.")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Threads that spin would take the cores from the language models in between.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # Each has a class of its own for each kind of failure, below Exception itself.
            raise ModelFileError(
                f"the reranker at {self._folder} cannot be loaded", fix="Run `deskhand models verify`."
            ) from error
        tokenizer.enable_truncation(self._max_tokens, strategy="only_second")
        tokenizer.no_padding()
        self._loaded = tokenizer, session
        return self._loaded
