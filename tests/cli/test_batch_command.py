"""``deskhand summarize --batch``: rows out for lines in, gone on from where a crash left it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.kernel.summary import TicketSummary
from tests.cli.test_commands import deskhand, environment
from tests.conftest import PROJECT
from tests.model_servers import Habits, running_model_server
from tests.summaries import written

__all__ = ["environment"]
SUMMARY = written("E4.")
WAIT_S = 60.0
BAD = ["not JSON", '{"messages": []}', '{"id": "x", "unknown": 1}']


@pytest.fixture
def small(environment: dict[str, str]) -> dict[str, str]:
    """The smallest model, alone: what it writes is poor, and always of the right shape."""
    return environment | {"DESKHAND_SMALL_MODEL": "smollm2-135m-instruct-q4_1", "DESKHAND_LARGE_MODEL": ""}


def batch(environment: dict[str, str], source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return deskhand(environment, "summarize", "--batch", str(source), "--out", str(out))


def rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def ticket(number: int) -> str:
    text = f"My Duo, number {number}, shows E4 since Monday. I have descaled it twice and rinsed the tank."
    return json.dumps({"id": f"T-{number}", "messages": [{"author": "customer", "text": text}]})


def test_bad_lines_are_error_rows_that_name_their_line(environment: dict[str, str], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes("\n\n".join(BAD).encode() + b"\n\xff\xfe{}\n")
    done = batch(environment, source, out)
    assert done.returncode == 3, done.stderr
    assert "4 rows" in done.stderr
    assert [row["line"] for row in rows(out)] == [1, 3, 5, 6]
    assert all(row["summary"] is None and row["error"] for row in rows(out))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch", "README.md"), "needs --batch and --out"),
        (("--out", "x.jsonl"), "needs --batch and --out"),
        (("--batch", "README.md", "--out", "x", "--text", "a"), "neither --text nor --file"),
        (("--batch", "/no/such", "--out", "x"), "cannot be read"),
    ],
)
def test_mistakes_are_told(environment: dict[str, str], arguments: tuple[str, ...], message: str) -> None:
    done = deskhand(environment, "summarize", *arguments)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())


def test_an_empty_batch_is_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("\n\n")
    assert "no lines" in batch(environment, source, tmp_path / "out.jsonl").stderr


def test_a_file_that_is_no_result_is_not_overwritten(environment: dict[str, str], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(BAD))
    out.write_text("Dear diary\nof many lines\n")
    done = batch(environment, source, out)
    assert done.returncode == 1
    assert "no result of a batch" in " ".join(done.stderr.split())
    assert out.read_text() == "Dear diary\nof many lines\n"


def test_a_changed_line_is_done_again_and_all_after_it(environment: dict[str, str], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(BAD))
    batch(environment, source, out)
    first = out.read_text().splitlines()
    source.write_text("\n".join([BAD[0], "still not JSON", BAD[2]]))
    assert "1 rows are in" in batch(environment, source, out).stderr
    again = out.read_text().splitlines()
    assert again[0] == first[0]
    assert again[1] != first[1]
    assert len(again) == 3


@pytest.fixture
def served(environment: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """A model server in place of the models, which is asked for three lines at once."""
    alone = {"DESKHAND_LARGE_MODEL": "", "DESKHAND_SLOTS": "3"}
    return lambda url: environment | alone | {"DESKHAND_SMALL_BASE_URL": url}


def test_several_lines_are_asked_for_at_once(served: Callable[[str], dict[str, str]], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(ticket(n) for n in range(1, 7)))
    three = threading.Barrier(3)
    habits = Habits(words=[SUMMARY], before=lambda _: three.wait(WAIT_S), context=4096)
    with running_model_server(habits) as url:
        done = batch(served(url), source, out)
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in rows(out)] == [f"T-{n}" for n in range(1, 7)]
    assert len(habits.asked) == 6


HEARS_CTRL_C = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('assistant.cli.main', run_name='__main__', alter_sys=True)"
)
"""The command, also where tests run in the background, whose children ignore Ctrl-C."""


def test_ctrl_c_waits_for_no_line_and_leaves_whole_rows(
    served: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(ticket(n) for n in range(1, 10)))
    two_done, go_on = threading.Event(), threading.Event()

    def hang(message: str) -> None:
        """On line 3. Line 8 is begun when 3 is the first without a row: twice three lines are the most."""
        if "number 3," in message:
            go_on.wait(WAIT_S)
        if "number 8," in message:
            two_done.set()

    with running_model_server(Habits(words=[SUMMARY], before=hang, context=4096)) as url:
        command = [sys.executable, "-c", HEARS_CTRL_C, "summarize", "--batch", str(source), "--out", str(out)]
        process = subprocess.Popen(command, env=served(url), cwd=PROJECT)
        assert two_done.wait(WAIT_S)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 130
        go_on.set()
        kept = out.read_bytes()
        assert [row["id"] for row in rows(out)] == ["T-1", "T-2"]
        assert kept.endswith(b"\n")
        assert batch(served(url), source, out).returncode == 0
    assert out.read_bytes().startswith(kept)
    assert [row["id"] for row in rows(out)] == [f"T-{n}" for n in range(1, 10)]


@pytest.mark.models
def test_a_batch_killed_in_the_middle_goes_on_without_redoing_a_row(small: dict[str, str], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(ticket(n) for n in range(1, 9)))
    command = [sys.executable, "-m", "assistant.cli.main", "summarize", "--batch", str(source), "--out", str(out)]
    process = subprocess.Popen(command, env=small, cwd=PROJECT, start_new_session=True)
    end = time.monotonic() + 120
    while not out.exists() or out.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with out.open("ab") as file:
        file.write(b'{"line":')  # As much of the next row as had reached the disk.
    kept = out.read_bytes().rpartition(b"\n")[0]
    done = batch(small, source, out)
    assert "rows are in" in done.stderr
    assert out.read_bytes().startswith(kept)
    assert [row["id"] for row in rows(out)] == [f"T-{n}" for n in range(1, 9)]
    for row in rows(out):
        assert row["error"] is not None or set(row["summary"]) == set(TicketSummary.model_fields)  # type: ignore[call-overload]
