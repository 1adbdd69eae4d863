"""``deskhand models quantize``: another quantisation of a model that is here, listed in the operator's own catalogue."""

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.session import messages, opened, progress_bar
from assistant.engine.quantize import TYPES, Planned, Step, plan
from assistant.engine.quantize import quantize as write
from assistant.kernel.errors import HeldElsewhere, InputError, ModelFileError
from assistant.models.catalogue import CatalogueFile, CatalogueModel
from assistant.models.own import register
from assistant.models.pull import digest
from assistant.tiers import check_file
from assistant.wiring import App

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TYPE_AT_END = re.compile(r"[-.](f16|bf16|f32)$", re.IGNORECASE)
Say = Callable[[str], None]


def quantize(
    name: Annotated[str, typer.Argument(help="Catalogue name of a model that is here.")],
    type_: Annotated[str, typer.Argument(metavar="TYPE", help=f"One of {', '.join(TYPES)}.")],
    new: Annotated[str, typer.Option("--name", help="What to call the new one.")] = "",
) -> None:
    """Make another quantisation of a model: smaller, or faster on this CPU. `deskhand models bench` tells which it is."""
    with opened() as desk:
        source, new_name = check_wish(desk, name, type_.upper(), new)
        made = make(desk, source, type_.upper(), new_name, messages.print)
        messages.print(f"{made.name} is in {desk.settings.models} and in {desk.settings.own_catalogue}.")
        messages.print(f"Use it with DESKHAND_SMALL_MODEL={made.name}, or DESKHAND_LARGE_MODEL.", soft_wrap=True)


def check_wish(desk: App, name: str, type_: str, new: str) -> tuple[CatalogueModel, str]:
    """The source, and the new one's name. Raises InputError or ModelFileError when they cannot be used."""
    if type_ not in TYPES:
        raise InputError(f"there is no type {type_!r}", fix=f"Types are {', '.join(TYPES)}.", field="type")
    source = desk.catalogue.get(name)
    if source.role in ("embedder", "reranker", "adapter"):
        raise InputError(
            f"{name} is of the role {source.role}, which is not quantised",
            fix="Name a small or a large model of `deskhand models list`.",
            field="name",
        )
    check_file(source, desk.settings.models)
    new = new or new_name(name, type_)
    if not _NAME.fullmatch(new):
        raise InputError(f"{new!r} cannot name a model", fix="Use letters, digits, '.', '-' and '_'.", field="name")
    taken = desk.catalogue.models.get(new)
    if taken is not None and (taken.made_from, taken.type) != (name, type_):
        raise InputError(f"there is a model {new} already", fix="Choose another --name.", field="name")
    if taken is None and (desk.settings.models / f"{new}.gguf").exists():
        raise InputError(
            f"{desk.settings.models / f'{new}.gguf'} is there already and not in the catalogue",
            fix="Move it away, or choose another --name.",
            field="name",
        )
    return source, new


def new_name(source: str, type_: str) -> str:
    """What a quantisation is called when nobody says. One of a file that was rounded before says so."""
    exact = _TYPE_AT_END.sub("", source)
    return f"{exact}-{type_.lower()}" if exact != source else f"{source}-to-{type_.lower()}"


def make(desk: App, source: CatalogueModel, type_: str, new: str, say: Say) -> CatalogueModel:
    """The new model, written beside, then listed, then renamed: a listed file that is not there can be made again.

    One that the shipped catalogue lists is listed anew when it came out another here, as it may on another kind of CPU.

    Raises ModelFileError, ConfigurationError or HeldElsewhere.
    """
    models = desk.settings.models
    target = models / f"{new}.gguf"
    known = desk.catalogue.models.get(new)
    if known is not None and digest(target) == known.sha256:
        say(f"{new} was made before and is whole.")
        return known
    given = source.path_in(models)
    planned = plan(given, type_)
    _warn(source, type_, planned, say)
    _need_room(models, planned, new)
    with _held(target) as partial:
        with progress_bar(f"{new}", planned.tensors) as advance:
            write(given, partial, type_, desk.tiers.threads, _counting(advance))
        made = entry(source, type_, new, partial)
        if made != known:
            register(made, desk.settings.own_catalogue)
        partial.replace(target)
    return made


def entry(source: CatalogueModel, type_: str, new: str, made: Path) -> CatalogueModel:
    file = CatalogueFile(path=f"{new}.gguf", size=made.stat().st_size, sha256=digest(made))
    return CatalogueModel(
        name=new, role=source.role, licence=source.licence, context_length=source.context_length,
        chat_template=source.chat_template, files=(file,), made_from=source.name, type=type_,
    )  # fmt: skip


def _warn(source: CatalogueModel, type_: str, planned: Planned, say: Say) -> None:
    if planned.source_types:
        say(
            f"[yellow]Warning:[/] {source.name} is quantised already ({', '.join(planned.source_types)}). What it lost "
            "does not come back, and rounding again costs more quality: prefer an F16 file as the source."
        )
    if planned.fallbacks:
        say(
            f"[yellow]Note:[/] {planned.fallbacks} of {planned.tensors} tensors have rows that {type_} cannot divide, and get "
            "another, mostly larger, type."
        )


def _need_room(models: Path, planned: Planned, new: str) -> None:
    free = shutil.disk_usage(models).free
    if free < planned.size:
        raise ModelFileError(
            f"{new} needs {planned.size / 1e6:.0f} MB on the disk of {models}, {free / 1e6:.0f} MB are free",
            fix="Free some space, or set DESKHAND_MODELS_DIR to a larger disk.",
        )


@contextmanager
def _held(target: Path) -> Iterator[Path]:
    """A file beside ``target`` to write to, locked against a second run; gone at the end unless it was renamed."""
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HeldElsewhere(f"{target.name} is being made by another process", fix="Wait for it.") from error
            try:
                yield partial
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(
            f"{target} cannot be written: {error.strerror}", fix="Set DESKHAND_MODELS_DIR to a folder you may write."
        ) from error


def _counting(advance: Callable[[int], None]) -> Callable[[Step], None]:
    """Tells a bar that counts increments of steps that count from the beginning."""
    seen = 0

    def on_step(step: Step) -> None:
        nonlocal seen
        advance(step.done - seen)
        seen = step.done

    return on_step
