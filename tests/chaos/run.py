"""``make chaos``: every scenario at full size. A table, build/bench/chaos.json, and exit code 1 if anything is wrong.

``python -m tests.chaos.run --seed 7 kills poison`` runs some of them with another seed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.report import FOLDER
from tests.chaos import scenarios, storage
from tests.chaos.stage import Row, Stage, staged

SHARED: dict[str, Callable[[Stage, int], Row]] = {
    "kills": lambda stage, seed: scenarios.kills(stage, seed, jobs=400, times=46, lines=(20, 8)),
    "broker hangs": scenarios.broker_hangs,
    "broker gone": scenarios.broker_gone,
    "delivered twice": scenarios.delivered_twice,
    "poison": scenarios.poison,
    "database locked": scenarios.database_locked,
    "helpdesk fails": lambda stage, seed: scenarios.helpdesk_fails(stage, seed, tickets=60, hangs=2),
}
"""These play on one service, one after the other."""
COLUMNS = ("scenario", "jobs", "kills", "lost", "doubled", "dead", "again", "given_up", "seconds", "said")
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description="Attack a running service and count what is lost or doubled.")
    parser.add_argument("scenarios", nargs="*", help=f"of: {', '.join([*SHARED, 'disk full', 'clock jumps'])}")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    wanted = [name.replace("_", " ").replace("-", " ") for name in chosen.scenarios]
    console.print(f"Seed {chosen.seed}")
    rows: list[Row] = []
    try:
        _play(wanted, chosen.seed, rows)
    finally:
        _report(rows)
    if not all(row.clean for row in rows):
        sys.exit(1)


def _play(wanted: list[str], seed: int, rows: list[Row]) -> None:
    def note(row: Row) -> None:
        rows.append(row)
        console.print(str(row), markup=False, soft_wrap=True)

    shared = {name: play for name, play in SHARED.items() if not wanted or name in wanted}
    if shared:
        with staged() as stage:
            for play in shared.values():
                note(play(stage, seed))
    if not wanted or "disk full" in wanted:
        with tempfile.TemporaryDirectory() as made, storage.small_disk(Path(made)) as why_not:
            if why_not:
                console.print(f"disk full: left out, {why_not}", markup=False)
            else:
                note(storage.disk_full(Path(made), seed))
    if not wanted or "clock jumps" in wanted:
        why_not = storage.fake_clock()[1]
        if why_not:
            console.print(f"clock jumps: left out, {why_not}", markup=False)
        else:
            with tempfile.TemporaryDirectory() as made:
                note(storage.clock_jumps(Path(made), seed))


def _report(rows: list[Row]) -> None:
    table = Table(*COLUMNS, title="Jobs under attack")
    for row in rows:
        table.add_row(*(str(row.measures()[column]) for column in COLUMNS), style="" if row.clean else "red")
    console.print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "chaos.json").write_text(json.dumps([row.measures() for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
