"""Keeps the states of prompts to be taken up again: in memory within a budget, and on disk those used more than once."""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.engine.slots import GRAIN
from assistant.engine.state_file import StateFile
from assistant.engine.states import State

_ROOM_MADE = 0.9
"""Of the budget, once it is full: sorting all entries for each new one would cost more than it saves."""


@dataclass
class _Entry:
    state: State
    worth: float
    on_disk: bool


class Shelf:
    """States by key. What is used often stays; what was used long ago goes first (least frequently used, with ageing).

    All states cost about the same to make for a byte, so how often one is used is what it is worth.
    """

    def __init__(self, budget_bytes: int, disk: StateFile | None = None) -> None:
        self._budget, self._disk = budget_bytes, disk
        self._entries: dict[bytes, _Entry] = {}
        self._age = 0.0
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> State | None:
        entry = self._entries.get(key)
        if entry is None:
            data = self._disk.read(key) if self._disk else None
            state = _decoded(data) if data is not None else None
            if state is None:
                return None
            entry = self._add(key, state, on_disk=True)
        entry.worth += 1
        if self._disk and not entry.on_disk:
            entry.on_disk = self._disk.write(key, lambda: _encoded(entry.state))
        return entry.state

    def put(self, key: bytes, state: State) -> None:
        if key not in self._entries:
            self._add(key, state, on_disk=False)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def has(self, key: bytes) -> bool:
        """Whether ``get`` would find it, here or on the disk. Safe from any thread."""
        return key in self._entries or (self._disk is not None and key in self._disk)

    def _add(self, key: bytes, state: State, *, on_disk: bool) -> _Entry:
        entry = self._entries[key] = _Entry(state, self._age + 1, on_disk)
        self.nbytes += state.nbytes
        if self.nbytes > self._budget:
            self._make_room()
        return entry

    def _make_room(self) -> None:
        for key, entry in sorted(self._entries.items(), key=lambda item: item[1].worth):
            if self.nbytes <= self._budget * _ROOM_MADE:
                return
            self._age = entry.worth
            self.nbytes -= entry.state.nbytes
            del self._entries[key]


class Prefixes:
    """The shelf as one model, adapter and tenant see it: nobody is served from another's states, nor timed by them."""

    def __init__(self, shelf: Shelf, *owners: str) -> None:
        self._shelf = shelf
        self._root = hashlib.blake2b("\0".join(owners).encode(), digest_size=16).digest()

    def longest(self, tokens: Sequence[int]) -> list[State]:
        """States that make up the longest kept beginning of ``tokens``, in order."""
        found = []
        for key in self._chain(tokens):
            state = self._shelf.get(key)
            if state is None:
                break
            found.append(state)
        return found

    def known(self, tokens: Sequence[int]) -> int:
        """How many of ``tokens`` are a kept beginning. Other than ``longest`` it may be asked from any thread."""
        chain = self._chain(tokens)
        return GRAIN * next((number for number, key in enumerate(chain) if not self._shelf.has(key)), len(chain))

    def keep(self, tokens: Sequence[int], state: State) -> None:
        """Keep the state of the beginning of ``tokens``, as far as it goes in whole grains."""
        chain = self._chain(tokens)
        for number, key in reversed(list(enumerate(chain))):  # So that of equals the end of a chain goes first.
            if key not in self._shelf:
                self._shelf.put(key, state.part(number * GRAIN, (number + 1) * GRAIN))

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether the state of all of ``tokens``, in whole grains, is in memory."""
        return all(key in self._shelf for key in self._chain(tokens))

    def piece(self, before: Sequence[int], piece: Sequence[int]) -> State | None:
        """The state of ``piece`` as it is when it stands right after ``before``."""
        return self._shelf.get(self._piece_key(before, piece))

    def keep_piece(self, before: Sequence[int], piece: Sequence[int], state: State) -> None:
        self._shelf.put(self._piece_key(before, piece), state)

    def _chain(self, tokens: Sequence[int]) -> list[bytes]:
        """A key for each whole grain, made from its tokens and the key before it."""
        keys, data = [self._root], np.asarray(tokens, dtype=np.int32).tobytes()
        for at in range(0, len(tokens) // GRAIN * GRAIN * 4, GRAIN * 4):
            keys.append(hashlib.blake2b(keys[-1] + data[at : at + GRAIN * 4], digest_size=16).digest())
        return keys[1:]

    def _piece_key(self, before: Sequence[int], piece: Sequence[int]) -> bytes:
        data = struct.pack("<I", len(before)) + np.asarray([*before, *piece], dtype=np.int32).tobytes()
        return hashlib.blake2b(self._root + data, digest_size=16).digest()


_RECORD = struct.Struct("<IiIIIII")


def _encoded(state: State) -> bytes:
    """Checksum, start and shapes, then keys and values. A width of 0 says that values are not transposed."""
    layers, tokens, key_row = state.keys.shape
    width = state.values.shape[1] if state.values.ndim == 4 else 0
    content = state.keys.tobytes() + state.values.tobytes()
    shape = (state.start, layers, tokens, key_row, width, state.values.shape[-1])
    return _RECORD.pack(zlib.crc32(content), *shape) + content


def _decoded(data: bytes) -> State | None:
    """The state, or None when the record is damaged."""
    if len(data) < _RECORD.size:
        return None
    checksum, start, layers, tokens, key_row, width, value_row = _RECORD.unpack_from(data)
    content = np.frombuffer(data, dtype=np.uint8, offset=_RECORD.size)
    if (
        len(content) != layers * tokens * (key_row + max(1, width) * value_row)
        or zlib.crc32(data[_RECORD.size :]) != checksum
    ):
        return None
    keys, values = np.split(content, [layers * tokens * key_row])
    shape = (layers, width, tokens, value_row) if width else (layers, tokens, value_row)
    return State(start, keys.reshape(layers, tokens, key_row), values.reshape(shape))
