"""One way to show and keep what a benchmark measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path("build/bench")


def report(name: str, rows: dict[str, float | int | str]) -> None:
    """Print ``rows`` as a table and write them to build/bench/NAME.json."""
    show(name, ("Measure", "Value"), list(rows.items()))
    keep(name, rows)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[float | str | None]]) -> None:
    """Print a table; what is None stays empty."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console().print(table)


def keep(name: str, figures: Mapping[str, object], folder: Path = FOLDER) -> Path:
    """Write ``figures`` to NAME.json in ``folder``; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    return path
