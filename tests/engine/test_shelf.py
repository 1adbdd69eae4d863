"""States are kept by what they are worth, within a budget, in memory and on disk."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from assistant.engine.shelf import Prefixes, Shelf
from assistant.engine.slots import GRAIN
from assistant.engine.state_file import StateFile
from assistant.engine.states import State, joined

BYTES = 3 * 2 * 8 * 2


def state(tokens: int, *, transposed: bool = False, seed: int = 0) -> State:
    random = np.random.default_rng(seed)
    shape = (3, 4, tokens, 2) if transposed else (3, tokens, 8)
    return State(0, random.integers(0, 255, (3, tokens, 8), np.uint8), random.integers(0, 255, shape, np.uint8))


def test_the_longest_beginning_is_found_and_joins_to_what_was_kept() -> None:
    prefixes = Prefixes(Shelf(10**6), "model", "acme")
    tokens, whole = list(range(100)), state(96)
    prefixes.keep(tokens, whole)
    found = prefixes.longest([*tokens[:70], 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    assert sum(part.tokens for part in found) == 70 // GRAIN * GRAIN
    assert np.array_equal(joined(found).keys, whole.keys[:, : 70 // GRAIN * GRAIN])
    assert prefixes.longest([5, *tokens]) == []


def test_of_a_chain_that_does_not_fit_the_beginning_stays() -> None:
    shelf = Shelf(8 * GRAIN * 48)
    prefixes = Prefixes(shelf, "model", "acme")
    tokens = list(range(20 * GRAIN))
    prefixes.keep(tokens, state(20 * GRAIN))
    assert len(prefixes.longest(tokens)) == len(shelf) > 4
    assert not prefixes.has(tokens)


def test_a_piece_is_found_only_behind_what_it_stood_behind() -> None:
    shelf = Shelf(10**6)
    prefixes = Prefixes(shelf, "model", "acme")
    prefixes.keep_piece((1, 2), (3, 4, 5), state(3))
    assert prefixes.piece((1, 2), (3, 4, 5)) is not None
    assert prefixes.piece((1,), (2, 3, 4, 5)) is None
    assert Prefixes(shelf, "model", "umbrella").piece((1, 2), (3, 4, 5)) is None


def test_what_is_used_often_outlives_what_came_later() -> None:
    shelf = Shelf(20 * BYTES)
    shelf.put(b"often", state(2))
    for number in range(200):
        shelf.get(b"often")
        shelf.put(bytes([number]), state(2))
    assert shelf.get(b"often") is not None
    assert shelf.get(bytes([0])) is None
    assert shelf.nbytes <= 20 * BYTES


def test_what_was_used_often_long_ago_goes_in_the_end() -> None:
    shelf = Shelf(20 * BYTES)
    shelf.put(b"once", state(2))
    for _ in range(30):
        shelf.get(b"once")
    for number in range(2000):
        key = number.to_bytes(2, "big")
        shelf.put(key, state(2))
        shelf.get(key)
    assert b"once" not in shelf


@pytest.mark.parametrize("transposed", [True, False])
def test_a_state_used_again_comes_back_from_disk(tmp_path: Path, *, transposed: bool) -> None:
    disk = StateFile(tmp_path, 10**6)
    shelf = Shelf(10**6, disk)
    shelf.put(b"hot", state(4, transposed=transposed, seed=5))
    shelf.put(b"cold", state(4))
    shelf.get(b"hot")
    disk.flush()
    later = Shelf(10**6, StateFile(tmp_path, 10**6))
    found = later.get(b"hot")
    assert found is not None
    assert np.array_equal(found.keys, state(4, transposed=transposed, seed=5).keys)
    assert np.array_equal(found.values, state(4, transposed=transposed, seed=5).values)
    assert later.get(b"cold") is None


def test_a_record_that_was_damaged_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    disk = StateFile(tmp_path, 10**6)
    shelf = Shelf(10**6, disk)
    shelf.put(b"hot", state(4))
    shelf.get(b"hot")
    disk.flush()
    with sqlite3.connect(tmp_path / "states.sqlite") as file:
        (data,) = file.execute("SELECT data FROM state").fetchone()
        file.execute("UPDATE state SET data = ?", (data[:-1] + bytes([data[-1] ^ 1]),))
    assert Shelf(10**6, StateFile(tmp_path, 10**6)).get(b"hot") is None


def test_the_file_keeps_to_its_budget_and_the_longest_unused_go(tmp_path: Path) -> None:
    disk = StateFile(tmp_path, 5_000)
    for number in range(20):
        disk.write(bytes([number]), lambda: b"x" * 1_000)
        disk.flush()
        assert disk.read(bytes([0])) is not None
        disk.flush()
    assert disk.read(bytes([19])) is not None
    assert disk.read(bytes([1])) is None
    assert sum(disk.read(bytes([number])) is not None for number in range(20)) <= 5


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    (tmp_path / "states").mkdir(mode=0o755)
    disk = StateFile(tmp_path / "states", 10**6)
    disk.write(b"key", lambda: b"what a tenant's passage says")
    disk.flush()
    assert (tmp_path / "states").stat().st_mode & 0o077 == 0
    files = list((tmp_path / "states").iterdir())
    assert len(files) == 3
    assert not any(file.stat().st_mode & 0o077 for file in files)
