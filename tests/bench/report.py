"""One way to show and keep what a benchmark measured."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path("build/bench")


def report(name: str, rows: dict[str, float | int | str]) -> None:
    """Print ``rows`` as a table and write them to build/bench/NAME.json."""
    table = Table("Measure", "Value", title=name)
    for measure, value in rows.items():
        table.add_row(measure, str(value))
    Console().print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
