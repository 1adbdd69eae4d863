"""Messages about something else are told by the examples they are near to."""

import gzip
import json
from pathlib import Path

import pytest

from assistant.adapters.memory.models import HashingEmbedder
from assistant.evaluation.scope import Example, evaluate_scope, read_examples
from assistant.kernel.errors import InputError

INSIDE = [
    "how do I descale my machine",
    "the machine shows error E4",
    "my machine leaks water",
    "clean the milk pipe of my machine",
]
NEAR = ["do you sell a machine for tea", "do you sell a machine for bread", "do you sell spare beans"]
FAR = ["who won the chess final", "what is the capital of Peru"]


def example(text: str, kind: str, split: str = "train") -> Example:
    return Example.model_validate({"dataset": "coffee", "split": split, "kind": kind, "text": text})


def rows() -> list[Example]:
    held_out = [example(f"please {text}", "in_scope", "valid") for text in INSIDE]
    held_out += [example(f"please {text}", "near", "valid") for text in NEAR]
    held_out += [example(text, "far", "valid") for text in FAR]
    return [example(text, "in_scope") for text in INSIDE] + [example(text, "near") for text in NEAR] + held_out


def test_what_is_far_needs_no_examples_and_what_is_near_does() -> None:
    found = {told.kind: told for told in evaluate_scope(rows(), HashingEmbedder()).told}
    assert found["far"].by_inside.value == 1
    assert found["far"].by_both is None
    assert found["near"].by_both is not None
    assert found["near"].by_both.value == 1
    assert (found["near"].inside, found["near"].outside) == (4, 3)


def test_what_a_fit_declines_is_told_where_the_examples_are_enough() -> None:
    few = {told.kind: told for told in evaluate_scope(rows(), HashingEmbedder()).told}
    assert few["near"].declined == ()
    enough = [example(f"{text} number {count}", "in_scope") for text in INSIDE for count in range(30)]
    found = {told.kind: told for told in evaluate_scope(rows() + enough, HashingEmbedder()).told}
    assert [one.lost for one in found["near"].declined] == [0.01, 0.02, 0.05]
    assert found["near"].declined[-1].outside == 1


def test_a_dataset_without_both_kinds_held_out_tells_nothing() -> None:
    with pytest.raises(InputError, match="no dataset has what is needed"):
        evaluate_scope([one for one in rows() if one.kind == "in_scope"], HashingEmbedder())
    with pytest.raises(InputError, match="no dataset has what is needed"):
        evaluate_scope([], HashingEmbedder())


def test_lines_are_read_plain_and_packed(tmp_path: Path) -> None:
    line = json.dumps(rows()[0].model_dump() | {"label": "descale"})
    plain, packed, broken = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl"
    nothing = json.dumps(rows()[0].model_dump() | {"text": " "})
    plain.write_text(f"{line}\n\n{nothing}\n")
    packed.write_bytes(gzip.compress(f"{line}\n".encode()))
    broken.write_text(f'{line}\n{{"dataset": "x"}}\n')
    assert read_examples(plain) == read_examples(packed) == [rows()[0]]
    with pytest.raises(InputError, match=r"b.jsonl:2 is not a message"):
        read_examples(broken)
    for odd in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_examples(odd)
    truncated = tmp_path / "c.jsonl.gz"
    truncated.write_bytes(packed.read_bytes()[:20])
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(truncated)
