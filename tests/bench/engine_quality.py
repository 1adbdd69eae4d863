"""Are the faster ways of drafting as good? Real questions with gold passages, answered in each of them in turns.

For every question the variants draft one after the other, so that whatever else the machine does hits all alike.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from assistant.cli.session import errors_shown, progress_bar
from assistant.config import Settings
from assistant.engine.local import LocalModel, usable_cores
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.evaluation.metrics import mean
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ModelCard
from assistant.wiring import App
from tests.bench.quality.cases import Case, read_cases
from tests.bench.quality.ledger import Figures, Key, Ledger
from tests.bench.quality.measures import ALLOWED_LOSS, METRICS, Row, compare
from tests.bench.quality.variants import BASE, VARIANTS, Variant, Writer
from tests.bench.report import FOLDER

WORK = FOLDER / "quality"
COSTS = ("prompt_tokens", "reused_tokens", "written_tokens", "first_token_s", "total_s")
console = Console(highlight=False)


def main(
    data: Annotated[Path, typer.Argument(help="Folder of corpus.jsonl, queries_dev.jsonl and qrels_dev.tsv.")],
    model: Annotated[Tier, typer.Option(help="Which of the configured models drafts.")] = Tier.SMALL,
    variants: Annotated[str, typer.Option(help="Names with commas between; base is always among them.")] = ",".join(
        VARIANTS
    ),
    limit: Annotated[int, typer.Option(min=1, help="So many questions.")] = 150,
    q4: Annotated[Path | None, typer.Option(help="A Q4_0 file of the model, for the variant q4_0.")] = None,
) -> None:
    """Compare variants of drafting with the base, and write build/bench/engine_quality.json."""
    with errors_shown():
        chosen = _chosen(variants, q4)
        cases = read_cases(data, limit, WORK)
        figures = _drafted(chosen, cases, model, q4)
        rows = [row for v in chosen if v.name != BASE for row in compare(v.name, *_measured(figures, BASE, v.name))]
        _show(figures, rows)
        _write(figures, rows, model, len(cases))


def _chosen(names: str, q4: Path | None) -> list[Variant]:
    """The variants by name, base first. Raises InputError for a name or a file that does not exist."""
    wanted = [BASE, *(name for name in (part.strip() for part in names.split(",")) if name and name != BASE)]
    if unknown := sorted(set(wanted) - set(VARIANTS)):
        raise InputError(f"there is no variant {', '.join(unknown)}", fix=f"Choose from {', '.join(VARIANTS)}.")
    if q4 is not None and not q4.is_file():
        raise InputError(f"{q4} is not there", fix="Give the path of a Q4_0 GGUF file, or leave --q4 out.")
    if q4 is None and "q4_0" in wanted:
        console.print("q4_0 is left out: no file was given with --q4.")
    return [VARIANTS[name] for name in dict.fromkeys(wanted) if q4 is not None or not VARIANTS[name].quantised]


def _drafted(
    variants: Sequence[Variant], cases: Sequence[Case], tier: Tier, q4: Path | None
) -> dict[str, list[Figures]]:
    """Figures by variant, in the order of ``cases``: read from the ledger, or drafted now."""
    app = App(Settings())
    own = _own_file(app, tier)
    files = {variant.name: variant.file(own, q4) for variant in variants}
    distinct = tuple({file.name: file for file in files.values()}.values())
    process = ModelProcess(ChildSettings(models=distinct, threads=app.settings.threads or usable_cores()))
    writers = [Writer(variant, _model(files[variant.name], process), files[variant.name]) for variant in variants]
    ledger = Ledger(WORK / f"{own.name}.jsonl")
    try:
        _draft_missing(writers, cases, ledger, process)
    finally:
        process.close()
        app.close()
    return {
        writer.variant.name: [found for case in cases if (found := ledger.get(_key(writer, case)))]
        for writer in writers
    }


def _draft_missing(writers: Sequence[Writer], cases: Sequence[Case], ledger: Ledger, process: ModelProcess) -> None:
    with progress_bar("Drafting", len(cases) * len(writers)) as on_progress:
        for number, case in enumerate(cases):
            turn = number % len(writers)  # Each variant is first, second … equally often.
            for writer in (*writers[turn:], *writers[:turn]):
                if ledger.get(_key(writer, case)) is None:
                    process.start()  # Loading is not part of a draft's time.
                    ledger.add(_key(writer, case), writer.write(case))
                on_progress(1)


def _key(writer: Writer, case: Case) -> Key:
    return Key(writer.variant.name, case.id, writer.made_with)


def _model(file: ModelFile, process: ModelProcess) -> LocalModel:
    return LocalModel(ModelCard(name=file.name, sha256=file.sha256, context_length=file.context_length), process)


def _own_file(app: App, tier: Tier) -> ModelFile:
    found = app.local_models.get(tier)
    if found is None:
        raise InputError(f"no local {tier} model is configured", fix=f"Set DESKHAND_{tier.upper()}_MODEL.")
    return ModelFile(
        name=found.name,
        path=str(found.path_in(app.settings.models)),
        sha256=found.sha256,
        context_length=min(app.settings.context_length, found.context_length),
        gpu_layers=app.settings.gpu_layers,
    )


def _measured(figures: dict[str, list[Figures]], *names: str) -> list[list[dict[str, float]]]:
    return [[{metric: float(item[metric]) for metric in METRICS} for item in figures[name]] for name in names]


def _base_means(figures: dict[str, list[Figures]]) -> dict[str, float]:
    base = _measured(figures, BASE)[0]
    return {metric: round(100 * mean([item[metric] for item in base]), 2) for metric in METRICS}


def _costs(items: Sequence[Figures]) -> dict[str, float]:
    return {name: round(median(float(item[name]) for item in items), 3) for name in COSTS}


def _show(figures: dict[str, list[Figures]], rows: Sequence[Row]) -> None:
    table = Table("Variant", "Metric", "Mean", "Gain", "95 % interval", "Verdict", title="Quality, in points")
    for metric, value in _base_means(figures).items():
        table.add_row(BASE, metric, f"{value:.1f}")
    for row in rows:
        verdict = "passes" if row.passes else "fails"
        sure = "excluded" if row.loss_excluded else "possible"
        table.add_row(
            row.variant, row.metric, f"{row.mean:.1f}", f"{row.difference:+.1f}",
            f"{row.low:+.1f} to {row.high:+.1f}", f"{verdict}; loss over {ALLOWED_LOSS:g}: {sure}",
        )  # fmt: skip
    console.print(table)
    costs = Table("Variant", *(name.replace("_", " ") for name in COSTS), title="Cost, medians of a question")
    for name, items in figures.items():
        costs.add_row(name, *(f"{value:g}" for value in _costs(items).values()))
    console.print(costs)


def _write(figures: dict[str, list[Figures]], rows: Sequence[Row], tier: Tier, questions: int) -> None:
    report = {
        "model": tier.value,
        "questions": questions,
        "base": _base_means(figures),
        "rows": [row._asdict() for row in rows],
        "cost_medians": {name: _costs(items) for name, items in figures.items()},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "engine_quality.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
