"""A batch of dialogues through the command: one line at a time against several, in turns; then a long one, killed with
its models in the middle, run again, and scored.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.batching import summarize_file
from assistant.cli.session import errors_shown
from assistant.config import load_settings
from assistant.evaluation.summaries import Dialogue, read_dialogues, score
from assistant.wiring import App
from tests.bench.report import report

KILL_AFTER_ROWS = 0.4
WORK = Path("build/evaluation/batch")
Figures = dict[str, float | int | str]


def main(
    dialogues: Annotated[Path, typer.Argument(help="JSON lines of dialogue and summary1, summary2 …")],
    limit: Annotated[int | None, typer.Option(min=5, help="At most so many dialogues in the long batch.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often both ways get their turn.")] = 3,
    lines: Annotated[int, typer.Option(min=1, help="Dialogues a turn.")] = 12,
) -> None:
    """Write build/bench/batch.json."""
    WORK.mkdir(parents=True, exist_ok=True)
    with errors_shown():
        read = read_dialogues(dialogues)
        report("batch", in_turns(read, rounds, lines) | killed(read[:limit]))


def in_turns(dialogues: Sequence[Dialogue], rounds: int, lines: int) -> Figures:
    """Rows a minute of a model with one slot and of one with as many as are set, loaded beside each other."""
    settings = load_settings(data_dir=WORK, states_mb=0)
    one = App(settings.model_copy(update={"slots": 1, "large_slots": 1}))
    several = App(settings)
    spent_s = {id(one): 0.0, id(several): 0.0}
    with closing(one), closing(several):
        for app in (one, several):
            _seconds(dialogues[-1:], app)  # It loads the model, and reads what all prompts begin with.
        for turn in range(rounds):
            mine = dialogues[turn * lines : (turn + 1) * lines]
            for app in (one, several) if turn % 2 else (several, one):
                spent_s[id(app)] += _seconds(mine, app)
    rows = len(dialogues[: rounds * lines])
    return {
        "turns_rows": rows,
        "turns_one_at_a_time_rows_per_minute": round(rows / spent_s[id(one)] * 60, 1),
        "turns_several_rows_per_minute": round(rows / spent_s[id(several)] * 60, 1),
        "turns_several": several.tiers.summaries_at_once,
        "turns_several_to_one_ratio": round(spent_s[id(one)] / spent_s[id(several)], 2),
    }


def killed(dialogues: Sequence[Dialogue]) -> Figures:
    """Rows a minute and quality of a batch that is killed in the middle and gone on with."""
    lines, out = _written(dialogues)
    command = [sys.executable, "-m", "assistant.cli.main", "--data-dir", str(WORK), "summarize", "--batch", str(lines)]
    command += ["--out", str(out)]
    started = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True)
    while _rows(out) < KILL_AFTER_ROWS * len(dialogues):
        if process.poll() is not None:
            sys.exit("the batch ended before it could be killed")
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = out.read_text("utf-8")
    kept = before[: before.rfind("\n") + 1]
    done = subprocess.run(command, check=False)
    spent = time.monotonic() - started
    after = out.read_text("utf-8")
    return score(dialogues, after.splitlines()).model_dump() | {
        "exit_code": done.returncode,
        "rows_before_the_kill": kept.count("\n"),
        "finished_rows_redone": 0 if after.startswith(kept) else "some",
        "rows_per_minute": round(len(dialogues) / spent * 60, 1),
        "seconds": round(spent, 1),
    }


def _seconds(dialogues: Sequence[Dialogue], app: App) -> float:
    lines, out = _written(dialogues)
    started = time.monotonic()
    summarize_file(lines, out, app)
    return time.monotonic() - started


def _written(dialogues: Sequence[Dialogue]) -> tuple[Path, Path]:
    """A file of the dialogues, and a path where nothing is for the rows."""
    lines, out = WORK / "in.jsonl", WORK / "out.jsonl"
    lines.write_text("".join(dialogue.source + "\n" for dialogue in dialogues), "utf-8")
    out.unlink(missing_ok=True)
    return lines, out


def _rows(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


if __name__ == "__main__":
    typer.run(main)
