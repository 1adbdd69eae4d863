"""The state of a prompt: the keys and values a model holds for each of its tokens, as arrays that can be cut and joined.

llama.cpp gives a sequence's state as bytes (``llama_kv_cache::state_write`` in 0.3.36). ``StateLayout`` learns how
they are laid out for a model from a sample and takes them apart. A model whose states look otherwise (sliding
windows, recurrent layers) has no layout, and its states are not kept.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
_CELL = struct.Struct("<iIi")
"""A token's position, the number of its sequences (always 1) and the sequence, which is ignored when read."""
_HEADER = 12
"""Bytes before the keys, and before the values, of each layer: type, and size of a row (and of a column)."""
_PREFIX = 8
"""Bytes before all of it: a magic number and the sequence."""


@dataclass(frozen=True)
class State:
    """Keys, shape (layers, tokens, bytes), and values, the same, or (layers, width, tokens, bytes) when transposed.

    Keys hold the positions they were made for; ``start`` is that of the first.
    """

    start: int
    keys: Bytes
    values: Bytes

    @property
    def tokens(self) -> int:
        return int(self.keys.shape[1])

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def part(self, first: int, last: int) -> "State":
        """A copy of the tokens from ``first`` up to ``last``, counted from the state's own beginning."""
        values = self.values[:, :, first:last] if self.values.ndim == 4 else self.values[:, first:last]
        return State(self.start + first, self.keys[:, first:last].copy(), values.copy())


def joined(parts: Sequence[State]) -> State:
    """One state of parts that follow each other."""
    axis = 2 if parts[0].values.ndim == 4 else 1
    keys = np.concatenate([part.keys for part in parts], axis=1)
    return State(parts[0].start, keys, np.concatenate([part.values for part in parts], axis=axis))


@dataclass(frozen=True)
class Rotation:
    """How a model writes positions into keys: RoPE over ``width`` of each head's ``head`` numbers.

    Su et al., "RoFormer", 2021. ``halves``: number i is turned with i + width/2 (NeoX), else with its neighbour.
    """

    head: int
    width: int
    base: float
    halves: bool

    def moved(self, state: State, start: int) -> State:
        """``state``, F16, as if its first token stood at ``start``: every key is turned by the difference."""
        if start == state.start:
            return state
        layers, tokens, size = state.keys.shape
        keys = state.keys.view(np.float16).reshape(layers, tokens, size // (2 * self.head), self.head)
        turned = keys.astype(np.float32)
        one, other = self._pairs(turned)
        angle = (start - state.start) * self._frequencies
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        first, second = one * cos - other * sin, one * sin + other * cos
        one[...], other[...] = first, second
        return State(start, turned.astype(np.float16).reshape(layers, tokens, size // 2).view(np.uint8), state.values)

    @cached_property
    def _frequencies(self) -> NDArray[np.float64]:
        frequencies: NDArray[np.float64] = self.base ** (-np.arange(0, self.width, 2) / self.width)
        return frequencies

    def _pairs(self, keys: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        half = self.width // 2
        if self.halves:
            return keys[..., :half], keys[..., half : self.width]
        return keys[..., 0 : self.width : 2], keys[..., 1 : self.width : 2]


@dataclass(frozen=True)
class StateLayout:
    """Where things are in the bytes of one model's states. ``width`` is 0 when values are not transposed."""

    prefix: bytes
    streams: int
    layers: int
    key_type: int
    key_row: int
    value_type: int
    value_row: int
    width: int

    @classmethod
    def of(cls, sample: Bytes, streams: int, tokens: int) -> "StateLayout | None":
        """The layout of a ``sample`` of ``tokens`` tokens in sequence 0, or None when it is not understood."""
        try:
            layout = cls._read(bytes(sample[:_PREFIX]), bytes(sample[_PREFIX:]), streams, tokens)
        except struct.error:
            return None
        if len(sample) != layout.size(tokens):
            return None
        return layout if np.array_equal(layout.pack(layout.unpack(sample)), sample) else None

    @classmethod
    def _read(cls, prefix: bytes, sample: bytes, streams: int, tokens: int) -> "StateLayout":
        found, count = struct.unpack_from("<II", sample)
        at = 8 + tokens * _CELL.size
        transposed, layers = struct.unpack_from("<II", sample, at)
        key_type, key_row = struct.unpack_from("<iQ", sample, at + 8)
        if (found, count) != (streams, tokens) or not 0 < layers * key_row < len(sample):
            raise struct.error("not the state of one sequence")
        at += 8 + layers * (_HEADER + tokens * key_row)
        if transposed:
            value_type, value_row, width = struct.unpack_from("<iII", sample, at)
        else:
            value_type, value_row = struct.unpack_from("<iQ", sample, at)
            width = 0
        return cls(prefix, streams, layers, key_type, key_row, value_type, value_row, width)

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in all layers."""
        return self.layers * (self.key_row + self.value_row * max(1, self.width))

    def unpack(self, data: Bytes) -> State:
        """The state in llama.cpp's bytes of a sequence that has tokens."""
        data = data[_PREFIX:]
        counts = data[4 : 4 + 4 * self.streams].view(np.uint32)
        place = int(np.flatnonzero(counts)[0])
        tokens = int(counts[place])
        at = 4 + 4 * (place + 1)
        (start,) = struct.unpack_from("<i", data[at : at + 4].tobytes())
        at += tokens * _CELL.size + 8
        keys = self._sections(data[at:], _HEADER, tokens * self.key_row)
        at += self.layers * (_HEADER + tokens * self.key_row)
        values = self._sections(data[at:], _HEADER, tokens * self.value_row * max(1, self.width))
        shape = (self.layers, self.width, tokens, self.value_row) if self.width else (self.layers, tokens, -1)
        return State(start, keys.reshape(self.layers, tokens, self.key_row), values.reshape(shape))

    def _sections(self, data: Bytes, header: int, size: int) -> Bytes:
        """The parts of all layers, without the header in front of each."""
        rows = data[: self.layers * (header + size)].reshape(self.layers, header + size)
        return np.ascontiguousarray(rows[:, header:])

    def pack(self, state: State) -> Bytes:
        """llama.cpp's bytes of ``state``, for any sequence."""
        tokens = state.tokens
        head = self.prefix + struct.pack("<II", self.streams, tokens)
        cells = np.zeros((tokens, 3), dtype=np.int32)
        cells[:, 0], cells[:, 1] = np.arange(state.start, state.start + tokens), 1
        sizes = struct.pack("<II", 1 if self.width else 0, self.layers)
        keys = self._with_headers(struct.pack("<iQ", self.key_type, self.key_row), state.keys)
        header = (
            struct.pack("<iII", self.value_type, self.value_row, self.width)
            if self.width
            else struct.pack("<iQ", self.value_type, self.value_row)
        )
        values = self._with_headers(header, state.values)
        rest = b"\0\0\0\0" * (self.streams - 1)
        small = (np.frombuffer(part, dtype=np.uint8) for part in (head, cells.tobytes() + sizes, rest))
        first, second, last = small
        return np.concatenate([first, second, keys, values, last])

    def _with_headers(self, header: bytes, content: Bytes) -> Bytes:
        rows = content.reshape(self.layers, -1)
        headers = np.broadcast_to(np.frombuffer(header, dtype=np.uint8), (self.layers, len(header)))
        return np.concatenate([headers, rows], axis=1).ravel()

    def size(self, tokens: int) -> int:
        """Bytes of the state of ``tokens`` tokens."""
        meta = _PREFIX + 4 + 4 * self.streams + 8
        return meta + tokens * (_CELL.size + self.token_bytes) + 2 * self.layers * _HEADER
