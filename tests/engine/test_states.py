"""A prompt's state can be taken out, cut, kept and put back, and the model goes on as if nothing had happened."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from assistant.engine.protocol import ModelFile
from assistant.engine.slots import SLICE, Logits, Row, Slots
from assistant.engine.states import Rotation, State, StateLayout, joined
from assistant.engine.weights import Weights

pytestmark = pytest.mark.models


def read(slots: Slots, slot: int, tokens: Sequence[int]) -> Logits:
    """Read tokens in slices; returns a copy of what may follow the last."""
    for at in range(0, len(tokens), SLICE):
        part = tokens[at : at + SLICE]
        slots.decode([Row(slot, token, wanted=at + number == len(tokens) - 1) for number, token in enumerate(part)])
    return slots.logits(-1).copy()


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_state_cut_in_parts_and_joined_in_another_slot_goes_on_the_same(
    smol: Callable[..., ModelFile], tokens: list[int], kv_type: str
) -> None:
    slots = Slots(Weights(smol(slots=3, kv_type=kv_type)), threads=1)
    read(slots, 0, tokens[:128])
    state = slots.state(0)
    straight = read(slots, 0, tokens[128:200])
    slots.restore(2, joined([state.part(0, 48), state.part(48, 96), state.part(96, 128)]))
    assert slots.length(2) == 128
    assert np.array_equal(read(slots, 2, tokens[128:200]), straight)


def test_texts_in_other_slots_change_nothing(slots: Slots, tokens: list[int]) -> None:
    alone = read(slots, 0, tokens[:100])
    slots.clear(0)
    read(slots, 1, tokens[50:150])
    read(slots, 3, tokens[:77])
    assert np.array_equal(read(slots, 0, tokens[:100]), alone)


def test_keys_are_moved_as_llama_cpp_moves_them(slots: Slots, smol: Callable[..., ModelFile]) -> None:
    assert slots.rotation is None, "nobody wants them moved"
    moving = Slots(Weights(smol(slots=1, reuse_passages=True)), threads=1)
    assert moving.rotation == Rotation(head=64, width=64, base=100_000.0, halves=False)


@pytest.mark.parametrize("halves", [True, False])
def test_moving_there_and_back_is_where_one_was(slots: Slots, tokens: list[int], *, halves: bool) -> None:
    read(slots, 0, tokens[:32])
    state = slots.state(0)
    rotation = Rotation(head=64, width=64, base=10_000.0, halves=halves)
    away = rotation.moved(state, 700)
    assert away.start == 700
    assert not np.array_equal(away.keys, state.keys)
    back = rotation.moved(away, 0).keys.view(np.float16).astype(np.float32)
    assert np.allclose(back, state.keys.view(np.float16), atol=0.05)
    assert np.array_equal(away.values, state.values)


def test_a_layout_that_is_not_understood_is_none(slots: Slots) -> None:
    random = np.random.default_rng(1).integers(0, 255, 4096, dtype=np.uint8)
    assert StateLayout.of(random, slots.count, 5) is None
    assert StateLayout.of(random[:3], slots.count, 5) is None


def test_a_state_in_bytes_and_back_is_the_same(slots: Slots, tokens: list[int]) -> None:
    read(slots, 1, tokens[:40])
    state = slots.state(1)
    assert slots.layout is not None
    again = slots.layout.unpack(slots.layout.pack(state))
    assert isinstance(again, State)
    assert np.array_equal(again.keys, state.keys)
    assert np.array_equal(again.values, state.values)
    assert state.nbytes == 40 * slots.layout.token_bytes
