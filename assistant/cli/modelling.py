"""``deskhand models``: list, pull and verify model files; what makes and measures them is beside this."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from assistant.cli import measuring, quantizing
from assistant.cli.session import EXIT_FAILED, console, messages, opened
from assistant.kernel.errors import InputError
from assistant.models.catalogue import CatalogueModel, load_catalogue
from assistant.models.pull import digest, is_whole
from assistant.models.pull import pull as pull_model
from assistant.tiers import missing_files
from assistant.wiring import App

app = typer.Typer(help="List, pull, verify, quantise and measure models.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """The models of the catalogue, and which are here."""
    with opened() as desk:
        rows = [(model, not missing_files(model, desk.settings.models)) for model in desk.catalogue.models.values()]
        used = {model.name for model in desk.tiers.configured()}
    if as_json:
        console.print_json(json.dumps([model.model_dump() | {"present": here} for model, here in rows]))
        return
    columns = [Column(name, no_wrap=True) for name in ("Name", "Role", "Licence", "MB", "Here", "Used")]
    table = Table(*columns, box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for model, here in rows:
        used_mark, here_mark = ("yes" if flag else "" for flag in (model.name in used, here))
        table.add_row(model.name, model.role, model.licence, f"{model.size / 1e6:.0f}", here_mark, used_mark)
    console.print(table)


@app.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Catalogue names. None: the models the settings name.")
    ] = None,
    source: Annotated[Path | None, typer.Option("--from", help="A file or folder that has the model already.")] = None,
) -> None:
    """Fetch models, check their hashes, and put them in place. What is here and whole is kept; a quantisation that is
    made here is made of the model it comes from.
    """
    with opened() as desk:
        if source is not None and len(names or []) != 1:
            raise InputError("--from needs exactly one name", fix="Name the model that the file is.", field="names")
        models = [desk.catalogue.get(name) for name in names or ()] or desk.tiers.configured()
        made = [model for model in models if source is None and _is_made_here(model, desk)]
        fetched = [desk.catalogue.get(model.made_from) if model in made else model for model in models]
        _fetch(list({model.name: model for model in fetched}.values()), desk, source)
        shipped = load_catalogue().models
        for model in made:  # What a shipped one loses was measured; nobody needs to be warned of it.
            say = _say_nothing if model.name in shipped else messages.print
            quantizing.make(desk, desk.catalogue.get(model.made_from), model.type, model.name, say)
        messages.print(f"{len(models)} models are in {desk.settings.models}.")


def _say_nothing(_: str) -> None:
    pass


def _is_made_here(model: CatalogueModel, desk: App) -> bool:
    """Whether it is to be made: it is no file of elsewhere, and not here and whole."""
    return bool(model.made_from) and not model.local and not is_whole(model, desk.settings.models)


def _fetch(models: Sequence[CatalogueModel], desk: App, source: Path | None) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages) as progress:
        for model in models:
            task = progress.add_task(model.name, total=model.size)

            def show(done: int, task_id: TaskID = task) -> None:
                progress.update(task_id, completed=done)

            pull_model(model, desk.settings.models, desk.settings.model_hub, show, source)
            progress.update(task, completed=model.size)


@app.command()
def verify() -> None:
    """Check the hash of every model file the settings name."""
    bad = 0
    with opened() as desk:
        for model in desk.tiers.configured():
            for file in model.files:
                path = model.file_in(desk.settings.models, file)
                found = digest(path)
                state = "ok" if found == file.sha256 else "missing" if not found else "WRONG HASH"
                bad += state != "ok"
                console.print(f"{state:10} {path}", soft_wrap=True)
    if bad:
        messages.print("Fix: run `deskhand models pull`.")
        raise typer.Exit(EXIT_FAILED)


app.command()(quantizing.quantize)
app.command()(measuring.bench)
app.command()(measuring.score)
