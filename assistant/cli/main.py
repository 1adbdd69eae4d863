"""``deskhand``: one Typer application, its commands in the modules beside this one."""

from pathlib import Path
from typing import Annotated

import typer

from assistant import __version__
from assistant.cli import (
    admin,
    answering,
    attacking,
    calibrating,
    cascading,
    documents,
    evaluating,
    indexing,
    ingesting,
    learning,
    modelling,
    retelling,
    scoping,
    serving,
    sidebar,
    working,
)
from assistant.cli.session import OVERRIDES, errors_shown

app = typer.Typer(
    name="deskhand",
    help="Draft cited replies to support tickets from your own documents, or hand them to a human.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the database and the snapshots.")] = None,
) -> None:
    """Options of every command."""
    OVERRIDES["data_dir"] = data_dir


def version() -> None:
    """Print the version."""
    typer.echo(f"deskhand {__version__}")


app.command()(admin.init)
app.add_typer(modelling.app, name="models")
app.command()(ingesting.ingest)
app.command()(indexing.status)
app.add_typer(indexing.app, name="index")
app.add_typer(documents.app, name="documents")
app.command()(answering.search)
app.command()(answering.draft)
app.command()(answering.summarize)
app.command()(answering.replay)
app.command()(serving.serve)
app.command()(serving.worker)
app.add_typer(admin.keys, name="keys")
app.add_typer(working.app, name="jobs")
app.add_typer(sidebar.app, name="sidebar")
app.add_typer(learning.feedback, name="feedback")
app.add_typer(learning.gaps, name="gaps")
app.add_typer(calibrating.calibrating, name="calibrate")
app.add_typer(scoping.scoping, name="scope")
evaluating.app.command()(cascading.cascade)
evaluating.app.command()(attacking.injection)
evaluating.app.command()(scoping.scope)
evaluating.app.command()(retelling.summaries)
app.add_typer(evaluating.app, name="evaluate")
app.command()(admin.doctor)
app.command()(admin.settings)
app.command()(version)


def main() -> None:
    """Run the command; an error of ours is a message and a fix, not a traceback."""
    with errors_shown():
        app()


if __name__ == "__main__":
    main()
