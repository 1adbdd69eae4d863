"""A batch of dialogues through the command: killed with its models in the middle, run again, and scored."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from assistant.evaluation.summaries import read_dialogues, score
from tests.bench.report import report

KILL_AFTER_ROWS = 0.4
WORK = Path("build/evaluation/batch")


def main() -> None:
    source, limit = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
    dialogues = read_dialogues(source)[:limit]
    WORK.mkdir(parents=True, exist_ok=True)
    lines, out = WORK / "in.jsonl", WORK / "out.jsonl"
    lines.write_text("".join(dialogue.source + "\n" for dialogue in dialogues), "utf-8")
    out.unlink(missing_ok=True)
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

    scores = score(dialogues, after.splitlines())
    figures: dict[str, Any] = scores.model_dump() | {
        "exit_code": done.returncode,
        "rows_before_the_kill": kept.count("\n"),
        "finished_rows_redone": 0 if after.startswith(kept) else "some",
        "rows_per_minute": round(len(dialogues) / spent * 60, 1),
        "seconds": round(spent, 1),
    }
    report("batch", figures)


def _rows(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


if __name__ == "__main__":
    main()
