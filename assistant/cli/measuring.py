"""``deskhand models bench`` and ``score``: how fast a model is here, and how likely it finds a text."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from assistant.cli.session import console, messages, opened
from assistant.engine.host import socket_path
from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ModelFile
from assistant.evaluation.likelihood import Likelihood, Scorer, likelihood
from assistant.evaluation.speed import Speed, measure_decode, measure_prefill, memory_mb
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.tiers import check_file
from assistant.wiring import App

LENGTHS = (64, 256, 1024)
REPLIES = (1, 2, 4, 8, 16)
SCORE_DEADLINE_S = 600.0


def bench(
    name: Annotated[str, typer.Argument(help="Catalogue name. None: the local models the settings name.")] = "",
    tokens: Annotated[int, typer.Option(min=8, help="Tokens of each reply.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure reading and writing speed, load time and memory, with the settings in force. Stop the service first."""
    with opened() as desk:
        if socket_path(desk.settings.data).exists():
            messages.print("[yellow]Warning:[/] a service runs on these cores; figures are lower beside it.")
        names = [name] if name else list(desk.tiers.files)
        if not names:
            raise ConfigurationError("no local model is configured", fix="Name one of `deskhand models list`.")
        speeds = [_measured(desk, model_file(desk, wanted), tokens) for wanted in names]
    if as_json:
        print("[" + ",\n".join(speed.model_dump_json() for speed in speeds) + "]")
        return
    for speed in speeds:
        show_speed(speed)


def score(
    text: Annotated[str | None, typer.Argument(help="What to score.")] = None,
    file: Annotated[Path | None, typer.Option(help="Score the text of this file.")] = None,
    model: Annotated[str, typer.Option(help="Catalogue name. None: the small model of the settings.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines, with every token's log-probability.")] = False,
) -> None:
    """How likely a model finds a text: log-likelihood, perplexity, and how its tokens' log-probabilities are spread."""
    if (text is None) == (file is None):
        raise InputError(
            "give a text or --file, one of them", fix='For example `deskhand models score "Hello there."`.'
        )
    content = text if text is not None else _read(file) if file is not None else ""
    with opened() as desk, _scorer(desk, model or desk.settings.small_model) as scorer:
        show_likelihood(likelihood(content, scorer, SCORE_DEADLINE_S), as_json=as_json)


def model_file(desk: App, name: str) -> ModelFile:
    """How ``name`` is run here: as the tier it is, else as the small one. Raises InputError or ModelFileError."""
    entry = desk.catalogue.get(name)
    if entry.role in ("embedder", "reranker", "adapter"):
        raise InputError(
            f"{name} is of the role {entry.role} and writes nothing", fix="Name a model that writes.", field="name"
        )
    check_file(entry, desk.settings.models)
    return desk.tiers.files.get(name) or desk.tiers.file(entry, Tier.SMALL)


def show_speed(speed: Speed) -> None:
    memory = f", {speed.memory_mb} MB" if speed.memory_mb is not None else ""
    console.print(f"[bold]{speed.model}[/]: loaded in {speed.load_s:.1f} s{memory}")
    table = Table("What", "Tokens/s", "Each", "Seconds", box=box.SIMPLE_HEAD)
    for read in speed.prefill:
        table.add_row(f"reading {read.prompt_tokens} tokens", f"{read.tokens_per_s:.1f}", "", f"{read.seconds:.2f}")
    for wrote in speed.decode:
        several = "replies" if wrote.replies > 1 else "reply"
        table.add_row(
            f"writing {wrote.replies} {several} at once", f"{wrote.tokens_per_s:.1f}", f"{wrote.tokens_per_s_each:.1f}"
        )
    console.print(table)


def show_likelihood(found: Likelihood, *, as_json: bool) -> None:
    if as_json:
        print(found.model_dump_json())
        return
    table = Table("Measure", "Value", title=found.model, box=box.SIMPLE_HEAD)
    table.add_row("tokens", str(found.tokens))
    table.add_row("log-likelihood", f"{found.log_likelihood:.3f}")
    table.add_row("perplexity", "none: too short" if found.perplexity is None else f"{found.perplexity:.3f}")
    for name, value in found.quantiles.items():
        table.add_row(f"log-probability of a token, {name}", f"{value:.3f}")
    console.print(table)


def _measured(desk: App, file: ModelFile, tokens: int) -> Speed:
    """A process of its own, which keeps no states: a second run must not find what the first has read."""
    settings = desk.tiers.child_settings(file).model_copy(update={"states_folder": ""})
    process = ModelProcess(settings)
    try:
        started = monotonic()
        process.start()
        load_s = monotonic() - started
        model = LocalModel(desk.tiers.card(file), process)
        measure_prefill(model, LENGTHS[0])  # The first step faults the weights in.
        lengths = [length for length in LENGTHS if length < file.context_length]
        prefill = []
        for length in lengths:
            messages.print(f"{file.name}: reading {length} tokens")
            prefill.append(measure_prefill(model, length))
        decode = []
        for replies in (count for count in REPLIES if count <= file.slots):
            messages.print(f"{file.name}: writing {replies} at once")
            decode.append(measure_decode(model, replies, tokens))
        memory = memory_mb(process.pid) if process.pid is not None else None
    finally:
        process.close()
    return Speed(
        model=file.name, load_s=round(load_s, 2), memory_mb=memory, prefill=tuple(prefill), decode=tuple(decode)
    )


@contextmanager
def _scorer(desk: App, name: str) -> Iterator[Scorer]:
    """``name`` in the service on this machine if that has it, else in a process of its own."""
    if not name:
        raise InputError("no model is named", fix="Give --model, or set DESKHAND_SMALL_MODEL.", field="model")
    file = model_file(desk, name)
    if name in desk.tiers.files and desk.host is not None:
        yield LocalModel(desk.tiers.card(file), desk.host)
        return
    process = ModelProcess(desk.tiers.child_settings(file))
    try:
        yield LocalModel(desk.tiers.card(file), process)
    finally:
        process.close()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 text: {error}", fix="Give another file.", field="file"
        ) from error
