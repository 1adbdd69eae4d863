"""A folder → its files, in a stable order: of a Git checkout those that are tracked, else all that are not hidden."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from assistant.kernel.errors import UnreadableDocument
from ingest.sources.kinds import is_passed_over

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "ls-files", "-z", "--cached")
"""Only reads the index. A checkout's own settings may name programs to run; that one is switched off."""


def files(folder: Path) -> Iterator[Path]:
    """Files below ``folder``. What a checkout ignores (builds, dependencies) or has not added is left out."""
    found = _tracked(folder) if (folder / ".git").exists() else None
    for file in sorted(folder.rglob("*") if found is None else found):
        if not is_passed_over(str(file.relative_to(folder))) and file.is_file():
            yield file


def refuse_escape(file: Path, root: Path) -> None:
    """Raises UnreadableDocument for a link that leads out of ``root``."""
    if file.is_symlink() and not file.resolve().is_relative_to(root.resolve()):
        raise UnreadableDocument("a link that leads out of the folder", fix="Ingest its target itself.")


def _tracked(folder: Path) -> list[Path] | None:
    """The checkout's files, or None where Git is not installed or does not take it for one."""
    environment = os.environ | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    try:
        listed = subprocess.run(_GIT, cwd=folder, env=environment, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [folder / os.fsdecode(name) for name in set(listed.stdout.split(b"\0")) if name]
