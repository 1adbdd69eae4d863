"""``deskhand evaluate summaries``: what summaries are worth beside references, and beside the same model asked plainly."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.batching import TENANT, summarize_file
from assistant.cli.evaluating import AsJson, Out, written
from assistant.cli.session import console, opened, progress_bar
from assistant.evaluation.summaries import (
    Dialogue,
    SummariesReport,
    ask_plainly,
    compare_plain,
    read_dialogues,
    score,
)
from assistant.wiring import App

MADE = Path("build/evaluation/summaries/rows.jsonl")


def summaries(
    rows: Annotated[Path, typer.Option(help="JSON lines of dialogue and summary1, …; or of turns and references.")],
    made: Annotated[
        Path | None, typer.Option(help="What `deskhand summarize --batch` made of them; without it they are made now.")
    ] = None,
    plain: Annotated[bool, typer.Option(help="Ask the same model plainly, too, and compare.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many dialogues, the first ones.")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """ROUGE-L against references, what stands in the dialogue, valid rows; beside the same model asked plainly."""
    dialogues = read_dialogues(rows)[:limit]
    with opened() as desk:
        lines = _lines(made or _made(dialogues, desk))[:limit]
        scores = score(dialogues, lines)
        compared = compare_plain(dialogues, lines, _plainly(dialogues, desk)) if plain else None
    report = SummariesReport(scores=scores, plain=compared)
    written(report, out or Path("build/bench/summaries.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    table = Table("Measure", "Ours", "The same model, asked plainly", title=f"Summaries of {rows}")
    beside = compared.model_dump() if compared else {}
    for name, value in scores.model_dump().items():
        table.add_row(name, str(value), str(beside.get(name, "")))
    if compared:
        table.add_row(
            "gain in rouge_l", f"{compared.gain:+.3f} ({compared.gain_low:+.3f} to {compared.gain_high:+.3f})", ""
        )
    console.print(table)


def _made(dialogues: list[Dialogue], desk: App) -> Path:
    """Made anew: what an earlier version made of the same lines would be kept."""
    MADE.parent.mkdir(parents=True, exist_ok=True)
    source = MADE.with_name("dialogues.jsonl")
    source.write_text("".join(f"{one.source}\n" for one in dialogues), "utf-8")
    MADE.unlink(missing_ok=True)
    summarize_file(source, MADE, desk)
    return MADE


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").strip().split("\n")


def _plainly(dialogues: list[Dialogue], desk: App) -> list[str]:
    models = desk.desk.summary_models or desk.models
    model = models.get(desk.settings.summary_tier) or next(iter(models.values()))
    with (
        progress_bar("Asking plainly", len(dialogues), 0, "min") as advance,
        ThreadPoolExecutor(desk.tiers.summaries_at_once) as threads,
    ):

        def ask(one: Dialogue) -> str:
            text = ask_plainly(one.ticket, model, TENANT)
            advance(1)
            return text

        return list(threads.map(ask, dialogues))
