"""``deskhand scope``: what is answered here is learned from examples, looked at, and forgotten."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.test_commands import deskhand

IN_SCOPE = [f"My {thing} {what}." for thing in ("coffee machine", "grinder", "kettle", "milk frother", "mill")
            for what in ("leaks", "is broken", "makes noise", "needs cleaning")]  # fmt: skip
ELSEWHERE = [
    "Who won the football match?",
    "What is the capital of Peru?",
    "Book me a flight to Rome.",
    "Sing me a song.",
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "120"}


def rows(folder: Path, inside: list[str] = IN_SCOPE, outside: list[str] = ELSEWHERE) -> Path:
    path = folder / "rows.jsonl"
    lines = [{"kind": "in_scope", "text": text} for text in inside] + [
        {"kind": "else", "text": text} for text in outside
    ]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return path


@pytest.mark.models
def test_what_was_learned_declines_until_it_is_dropped(environment: dict[str, str], tmp_path: Path) -> None:
    nothing = deskhand(environment, "scope", "show")
    assert "Nothing was learned" in nothing.stdout
    fitted = deskhand(environment, "scope", "fit", "--rows", str(rows(tmp_path)), "--lost", "0.1")
    assert "from 20 messages in scope and 4 that are not" in fitted.stdout
    assert "Of the examples out of scope 100% would be" in fitted.stdout
    shown = json.loads(deskhand(environment, "scope", "show", "--json").stdout)
    assert (shown["inside"], shown["outside"], shown["lost"]) == (20, 4, 0.1)
    draft = deskhand(environment, "draft", "--json", "--text", "Who won the tennis match yesterday?")
    told = json.loads(draft.stdout)
    assert (told["decision"], told["reasons"][0]["code"]) == ("refuse", "out_of_scope")
    assert told["refusal"]["text"].startswith("Thank you")
    assert "forgotten" in deskhand(environment, "scope", "drop").stdout
    assert "There was none" in deskhand(environment, "scope", "drop").stdout


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        (IN_SCOPE, ELSEWHERE, "20 examples in scope are too few"),
        (IN_SCOPE, IN_SCOPE[:2], "2 messages of .* are both in scope and not"),
        ([], ELSEWHERE, "has no examples of what is in scope"),
    ],
)
@pytest.mark.models
def test_what_cannot_be_learned_from_says_why(
    environment: dict[str, str], tmp_path: Path, inside: list[str], outside: list[str], message: str
) -> None:
    done = deskhand(environment, "scope", "fit", "--rows", str(rows(tmp_path, inside, outside)))
    assert done.returncode == 1
    assert re.search(message, " ".join(done.stderr.split()))
    assert "Fix:" in done.stderr
