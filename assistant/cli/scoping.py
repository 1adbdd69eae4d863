"""``deskhand evaluate scope``: whether messages about something else are told from those that are answered here."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.evaluating import AsJson, Out, written
from assistant.cli.session import console, opened, progress_bar
from assistant.evaluation.scope import comparable, evaluate_scope, read_examples


def scope(
    rows: Annotated[
        Path, typer.Option(help="JSON lines of dataset, split (train, valid), kind (in_scope, or another) and text.")
    ],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Whether held-out messages out of scope are told from those in scope, by examples of one kind and of both."""
    examples = comparable(read_examples(rows))
    with opened() as desk, progress_bar("Embedding", len(examples)) as on_progress:
        report = evaluate_scope(examples, desk.embedder, on_progress)
    written(report, out or Path("build/bench/scope.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    table = Table("Dataset", "Out of scope", "Messages", "By examples in scope", "By examples of both", title="AUROC")
    for told in report.told:
        both = f"{told.by_both.value:.3f} ({told.by_both.low:.3f} to {told.by_both.high:.3f})" if told.by_both else ""
        inside = f"{told.by_inside.value:.3f} ({told.by_inside.low:.3f} to {told.by_inside.high:.3f})"
        table.add_row(told.dataset, told.kind, f"{told.inside} against {told.outside}", inside, both)
    console.print(table)
