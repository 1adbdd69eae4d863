"""A model's places to read and write texts in: one llama.cpp context with a stream of keys and values for each.

Streams are apart from each other, so a step costs what its own texts cost, however many others stand there. Not
safe for threads: llama.cpp aborts the whole process when two calls meet in one context.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from assistant.engine.states import Rotation, State, StateLayout
from assistant.engine.weights import Weights
from assistant.kernel.errors import ModelFileError, ModelUnavailable

SLICE = 128
"""Most tokens of a prompt in one step; more is hardly faster (64: 256, 128: 271, 512: 268 tokens/s, 0.5B, 2026-11-22)."""
GRAIN = 16
"""States are kept and taken up again at multiples of this, and prompts are cut at multiples of 8.

Then a token is always computed by the same kernels, and a reply is the same with and without reuse: ggml takes
other ones for the last rows of a batch that are not a multiple of its block (differences of .3 in logits, measured).
"""
TAIL = 8
"""The last step of a prompt has at least this many tokens, for the same reason."""
_ROOM = SLICE + GRAIN
_TYPES = {"f16": 1, "q8_0": 8}
_PROBE = 5
Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """A token to append to a slot, and whether what may follow it is wanted."""

    slot: int
    token: int
    wanted: bool


class Slots:
    """``count`` slots of ``context_length`` tokens each. ``slice`` is how many tokens of a prompt its next step may have.

    ``layout`` is None when states cannot be kept, ``rotation`` when they cannot be moved or need not be. ``can_cut``:
    whether a part of a text can be forgotten, which models with a running state cannot.
    """

    def __init__(self, weights: Weights, threads: int) -> None:
        file = weights.file
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_seq_max = file.slots
        parameters.n_ctx = file.context_length * file.slots  # llama.cpp divides it among the sequences.
        parameters.kv_unified = False
        parameters.n_batch = parameters.n_ubatch = max(_ROOM, file.slots)
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.type_k = parameters.type_v = _TYPES[file.kv_type]
        # Off for F16 on a CPU: as fast, and its kernels change at every multiple of 64 rows, not of 8.
        parameters.flash_attn_type = 0 if file.kv_type == "f16" and not weights.on_gpu else 1
        self._context = llama_cpp.llama_init_from_model(weights.handle, parameters)
        if not self._context:
            raise ModelFileError(
                f"there is not enough memory for {file.name} with {file.slots} slots of {file.context_length} tokens",
                fix="Set a smaller DESKHAND_CONTEXT_LENGTH, or fewer slots.",
            )
        self.count, self.context_length = file.slots, file.context_length
        self._weights = weights
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(parameters.n_batch, 0, 1)
        self._lengths = [0] * file.slots
        self._adapter = ""
        self.slice = SLICE
        self.layout = self._learn_layout()
        self.rotation = (
            self._checked_rotation() if file.reuse_passages and self.layout and file.kv_type == "f16" else None
        )
        self.can_cut = self._learn_can_cut()

    def length(self, slot: int) -> int:
        """Tokens in the slot."""
        return self._lengths[slot]

    def clear(self, slot: int) -> None:
        self.cut(slot, 0)

    def cut(self, slot: int, length: int) -> None:
        """Forget what stands after the first ``length`` tokens."""
        llama_cpp.llama_memory_seq_rm(self._memory, slot, length, -1)
        self._lengths[slot] = min(length, self._lengths[slot])

    def use(self, adapter: str) -> None:
        """Run all that follows with this adapter; an empty name is the model as it is."""
        if adapter == self._adapter:
            return
        if adapter:
            handle, scale = self._weights.adapter(adapter)
            handles = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(handle)
            code = llama_cpp.llama_set_adapters_lora(self._context, handles, 1, (ctypes.c_float * 1)(scale))
        else:
            code = llama_cpp.llama_set_adapters_lora(self._context, None, 0, None)
        if code != 0:
            raise ModelUnavailable(f"the adapter could not be set (code {code})")
        self._adapter = adapter

    def decode(self, rows: Sequence[Row]) -> None:
        """Append each row's token to its slot. Raises ModelUnavailable, and clears these slots, when it fails."""
        batch, slots = self._batch, {row.slot for row in rows}
        ends = {slot: self._lengths[slot] for slot in slots}
        batch.n_tokens = len(rows)
        for index, row in enumerate(rows):
            batch.token[index] = row.token
            batch.pos[index] = ends[row.slot]
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = row.slot
            batch.logits[index] = row.wanted
            ends[row.slot] += 1
        code = llama_cpp.llama_decode(self._context, batch)
        if code != 0:
            for slot in slots:
                self.clear(slot)
            raise ModelUnavailable(f"llama_decode failed with code {code}")
        for slot, end in ends.items():
            self._lengths[slot] = end

    def logits(self, row: int) -> Logits:
        """What may follow row ``row`` of the last decode, shape (vocabulary,); llama.cpp's memory, valid until the next."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        if not pointer:
            raise ModelUnavailable("llama.cpp has no logits of that row")
        size = self._weights.vocabulary.size
        return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (size,))

    def state(self, slot: int) -> State:
        """A copy of the slot's state."""
        assert self.layout is not None
        return self.layout.unpack(self._raw_state(slot))

    def restore(self, slot: int, state: State) -> None:
        """Put ``state`` in place of what stands in the slot. Raises ModelUnavailable when llama.cpp refuses it."""
        assert self.layout is not None
        data = self.layout.pack(state)
        pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        read = llama_cpp.llama_state_seq_set_data(self._context, pointer, len(data), slot)
        if read != len(data):
            self.clear(slot)
            raise ModelUnavailable("llama.cpp refused a kept state")
        self._lengths[slot] = state.start + state.tokens

    def _raw_state(self, slot: int) -> NDArray[np.uint8]:
        size = llama_cpp.llama_state_seq_get_size(self._context, slot)
        data = np.empty(size, dtype=np.uint8)
        pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        written = llama_cpp.llama_state_seq_get_data(self._context, pointer, size, slot)
        return data[:written]

    def _learn_can_cut(self) -> bool:
        self.decode([Row(0, token, wanted=False) for token in range(_PROBE)])
        can = bool(llama_cpp.llama_memory_seq_rm(self._memory, 0, _PROBE - 1, -1))
        self.clear(0)
        return can

    def _learn_layout(self) -> StateLayout | None:
        self.decode([Row(0, token, wanted=False) for token in range(_PROBE)])
        layout = StateLayout.of(self._raw_state(0), self.count, _PROBE)
        self.clear(0)
        return layout

    def _checked_rotation(self) -> Rotation | None:
        """The model's rotation, if it moves keys as llama.cpp's own shift does."""
        rotation = self._weights.rotation()
        if rotation is None or not llama_cpp.llama_memory_can_shift(self._memory):
            return None
        self.decode([Row(0, token, wanted=False) for token in range(_PROBE)])
        before = self.state(0)
        llama_cpp.llama_memory_seq_add(self._memory, 0, 0, -1, 1000)
        self._lengths[0] += 1000
        self.decode([Row(0, 0, wanted=False)])  # The shift is done with the next step.
        after = self.state(0).part(0, _PROBE)
        self.clear(0)
        ours = rotation.moved(before, 1000).keys.view(np.float16).astype(np.float32)
        theirs = after.keys.view(np.float16).astype(np.float32)
        scale = float(np.abs(theirs).mean())
        return rotation if float(np.abs(ours - theirs).mean()) < 0.01 * scale else None
