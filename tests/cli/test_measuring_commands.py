"""`deskhand models bench` and `score` as they are typed."""

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import deskhand, environment

__all__ = ["environment"]

SMALLEST = "smollm2-135m-instruct-q4_1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bench", "gpt-9"), "there is no model"),
        (("bench", "all-minilm-l6-v2"), "writes nothing"),
        (("score",), "give a text or --file"),
        (("score", "Hello.", "--file", "README.md"), "give a text or --file"),
        (("score", "--file", "/no/such.txt"), "cannot be read"),
        (("score", "   "), "the text is empty"),
        (("quantize", SMALLEST, "Q4_9"), "there is no type"),
    ],
)
def test_mistakes_end_with_a_message_and_a_fix(
    environment: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    done = deskhand(environment, "models", *arguments)
    assert done.returncode == 1
    assert message in done.stderr.replace("\n", " ")
    assert "Fix:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.models
def test_a_model_is_measured_through_the_engine(environment: dict[str, str]) -> None:
    settings = environment | {"DESKHAND_CONTEXT_LENGTH": "512", "DESKHAND_SLOTS": "2"}
    done = deskhand(settings, "models", "bench", SMALLEST, "--tokens", "12", "--json")
    assert done.returncode == 0, done.stderr
    (speed,) = json.loads(done.stdout)
    assert speed["model"] == SMALLEST
    assert [round(read["prompt_tokens"] / 64) for read in speed["prefill"]] == [1, 4]
    assert [wrote["replies"] for wrote in speed["decode"]] == [1, 2]
    assert all(figure["tokens_per_s"] > 0 for figure in (*speed["prefill"], *speed["decode"]))
    assert speed["load_s"] > 0
    if Path("/proc/self/smaps_rollup").exists():
        assert speed["memory_mb"] > 50
