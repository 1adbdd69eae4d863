"""One GGUF model in this process: read a prompt, write a reply.

Not safe for threads: llama.cpp aborts the whole process when two calls meet in one context.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Literal

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from assistant.engine.protocol import ModelFile
from assistant.engine.sampler import Sampler
from assistant.engine.text_stream import TextStream
from assistant.engine.vocabulary import Vocabulary
from assistant.kernel.errors import InputError, ModelFileError, ModelUnavailable
from assistant.kernel.generation import ChatMessage, Completion, Sampling

SLICE = 64
"""Tokens of a prompt read in one step, cut at multiples of this.

State is reused only up to such a cut, so every token is always computed in a batch of the same shape,
and a reply is the same with and without reuse. It also bounds how long a cancellation waits.
"""

INTERACTIVE, BULK = 0, 1
"""Sequences of a context: one for each lane, so that bulk work can be left in the middle and taken up again."""

OnToken = Callable[[str, float], None]
OnSlice = Callable[[], None]


class GgufModel:
    """A loaded model with a sequence a lane; the prompt read last in each is kept to be reused by the next."""

    def __init__(self, file: ModelFile, threads: int) -> None:
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = file.gpu_layers
        self._model = llama_cpp.llama_model_load_from_file(file.path.encode(), parameters)
        if not self._model:
            raise ModelFileError(f"{file.name} cannot be loaded", fix="Run `deskhand models verify`.")
        context = llama_cpp.llama_context_default_params()
        context.n_seq_max = len((INTERACTIVE, BULK))
        context.n_ctx = file.context_length * context.n_seq_max  # llama.cpp divides it among the sequences.
        context.kv_unified = False
        context.n_batch = context.n_ubatch = SLICE
        context.n_threads = context.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, context)
        if not self._context:
            raise ModelFileError(
                f"there is not enough memory for {file.name} with a context of {file.context_length} tokens",
                fix="Set a smaller DESKHAND_CONTEXT_LENGTH.",
            )
        self.vocabulary = Vocabulary(self._model)
        self.context_length = file.context_length
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(SLICE, 0, 1)
        self._seen: dict[int, list[int]] = {INTERACTIVE: [], BULK: []}

    def generate(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        on_token: OnToken,
        on_slice: OnSlice,
        lane: int = INTERACTIVE,
    ) -> Completion:
        """Read the chat and write until the end of turn, a stop string or ``max_tokens``.

        ``on_slice`` is called before each step: it cancels by raising, and may generate in another lane. Raises InputError when prompt and
        reply do not fit the context.
        """
        prompt = self.vocabulary.encode_chat(messages)
        if len(prompt) + sampling.max_tokens > self.context_length:
            raise InputError(
                f"{len(prompt)} prompt tokens and {sampling.max_tokens} reply tokens exceed the context of "
                f"{self.context_length}",
                field="messages",
            )
        stream = TextStream(sampling.stop)
        logprobs: list[float] = []
        with Sampler(sampling, self.vocabulary) as sampler:
            reused = self._read(lane, prompt, on_slice)
            finish = self._write(lane, sampler, stream, sampling.max_tokens, logprobs, on_token, on_slice)
        return Completion(
            text=stream.text,
            finish=finish,
            prompt_tokens=len(prompt),
            reused_tokens=reused,
            completion_tokens=len(logprobs),
            logprobs=tuple(logprobs),
        )

    def _write(
        self,
        lane: int,
        sampler: Sampler,
        stream: TextStream,
        max_tokens: int,
        logprobs: list[float],
        on_token: OnToken,
        on_slice: OnSlice,
    ) -> Literal["stop", "length"]:
        for _ in range(max_tokens):
            token, logprob = sampler.choose(self._logits())
            logprobs.append(logprob)
            if self.vocabulary.ends(token):
                break
            on_token(stream.push(self.vocabulary.piece(token)), logprob)
            if stream.stopped:
                return "stop"
            on_slice()
            self._decode(lane, [token])
        else:
            on_token(stream.end(), 0.0)
            return "length"
        if rest := stream.end():
            on_token(rest, 0.0)
        return "stop"

    def _read(self, lane: int, prompt: Sequence[int], on_slice: OnSlice) -> int:
        """Prefill all of ``prompt`` that is not still in the lane; returns how much was."""
        seen = self._seen[lane]
        shared = 0
        limit = (len(prompt) - 1) // SLICE * SLICE
        while shared < min(limit, len(seen)) and seen[shared] == prompt[shared]:
            shared += 1
        shared = shared // SLICE * SLICE
        llama_cpp.llama_memory_seq_rm(self._memory, lane, shared, -1)
        del seen[shared:]
        for start in range(shared, len(prompt), SLICE):
            on_slice()
            self._decode(lane, prompt[start : start + SLICE])
        return shared

    def _decode(self, lane: int, tokens: Sequence[int]) -> None:
        """Append ``tokens`` to the lane's sequence; logits of the last one are kept until the next decode."""
        batch, start = self._batch, len(self._seen[lane])
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = start + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = lane
            batch.logits[index] = index == len(tokens) - 1
        code = llama_cpp.llama_decode(self._context, batch)
        if code != 0:
            llama_cpp.llama_memory_seq_rm(self._memory, lane, -1, -1)
            self._seen[lane].clear()
            raise ModelUnavailable(f"llama_decode failed with code {code}")
        self._seen[lane].extend(tokens)

    def _logits(self) -> NDArray[np.float32]:
        """Logits of the last token, shape (vocabulary,); llama.cpp's memory, valid until the next decode."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (self.vocabulary.size,))
