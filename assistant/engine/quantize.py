"""Makes another quantisation of a GGUF file, in a child process (``quantizer``)."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from assistant.kernel.errors import ModelFileError
from assistant.kernel.value import Value

TYPES = (
    "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0", "IQ4_NL",
    "IQ4_XS", "Q3_K_M",
)  # fmt: skip
"""llama.cpp's types that need no importance matrix, most exact first."""


class Planned(Value):
    """What quantising would do. ``size`` is in bytes; ``fallbacks`` tensors have rows that the type cannot divide, and
    get a larger one; ``source_types`` are those of the source that were rounded before.
    """

    size: int
    tensors: int
    fallbacks: int
    source_types: tuple[str, ...]


class Step(Value):
    """So many tensors were begun."""

    done: int
    of: int


def plan(source: Path, type_: str) -> Planned:
    """What ``quantize`` would make; nothing is written. Raises ModelFileError when the source is not a whole GGUF file."""
    lines: list[str] = []
    _run("plan", source, source, type_, 1, lines.append)
    return Planned.model_validate_json(lines[-1])


def quantize(source: Path, target: Path, type_: str, threads: int, on_step: Callable[[Step], None]) -> None:
    """Write ``source`` as ``type_`` to ``target`` and see that it opens.

    Raises ModelFileError; ``target`` is then of no use. Whatever ``on_step`` raises ends the work.
    """
    _run("write", source, target, type_, threads, lambda line: on_step(Step.model_validate_json(line)))


def _run(
    mode: Literal["plan", "write"], source: Path, target: Path, type_: str, threads: int, on_line: Callable[[str], None]
) -> None:
    command = [
        sys.executable, "-m", "assistant.engine.quantizer", mode, str(source), str(target), type_, str(threads),
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile("w+", errors="replace") as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line)
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        complaints.seek(0)
        said = [line.strip() for line in complaints if line.strip()]
    if code != 0:
        why = f"llama.cpp died with {signal.Signals(-code).name}" if code < 0 else "llama.cpp gave up"
        free = shutil.disk_usage(target.parent).free
        raise ModelFileError(
            f"{source.name} was not made {type_}: {why} ({said[-1] if said else 'without a word'}); "
            f"{free / 1e6:.0f} MB are free at {target.parent}",
            fix="Check the source with `deskhand models verify`, and that the disk has room.",
        )
