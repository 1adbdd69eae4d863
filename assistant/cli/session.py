"""What every command shares: the App it works with, and how errors reach a person."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assistant.config import load_settings
from assistant.kernel.errors import DeskhandError, RetryLater, Stopped
from assistant.wiring import App

OVERRIDES: dict[str, object] = {}
"""Settings given as options of ``deskhand`` itself; they go before the environment."""

EXIT_FAILED, EXIT_PARTLY, EXIT_TRY_AGAIN = 1, 3, 4
"""Exit codes beside 0: the command failed, it did all but what it reports, trying again may work."""

console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)


@contextmanager
def opened(*, hosting: bool = False, **overrides: object) -> Iterator[App]:
    """An App for one command, closed at its end. ``hosting``: it is the service, which others are guests of."""
    app = App(load_settings(**(OVERRIDES | overrides)), hosting=hosting)
    try:
        yield app
    finally:
        app.close()


Advance = Callable[[int], None]
"""Told how many more are done."""


@contextmanager
def progress_bars(unit: Literal["s", "min"] = "s") -> Iterator[Callable[[str, int | None, int], Advance]]:
    """Bars with rate and time left on standard error; yields what adds one: of what, how many in all if known, how many done."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    scale, window_s = (1, 30.0) if unit == "s" else (60, 180.0)
    with Progress(*columns, console=messages, speed_estimate_period=window_s) as progress:

        def add(what: str, total: int | None, done: int) -> Advance:
            task = progress.add_task(what, total=total, completed=done, rate="")

            def advance(more: int) -> None:
                speed = progress.tasks[task].speed
                progress.update(task, advance=more, rate=f"{speed * scale:.1f}/{unit}" if speed else "")

            return advance

        yield add


@contextmanager
def progress_bar(what: str, total: int, done: int = 0, unit: Literal["s", "min"] = "s") -> Iterator[Advance]:
    """A single one of ``progress_bars``."""
    with progress_bars(unit) as add:
        yield add(what, total, done)


def show_error(error: DeskhandError) -> None:
    messages.print(f"[bold red]Error:[/] {_escaped(str(error))}", soft_wrap=True)
    if error.fix:
        messages.print(f"[bold]Fix:[/] {_escaped(error.fix)}", soft_wrap=True)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Turn Deskhand's own errors into a message and an exit code."""
    try:
        yield
    except DeskhandError as error:
        show_error(error)
        sys.exit(EXIT_TRY_AGAIN if isinstance(error, RetryLater | Stopped) else EXIT_FAILED)
    except KeyboardInterrupt:
        messages.print("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
