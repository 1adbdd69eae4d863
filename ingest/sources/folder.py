"""A folder → its files, in a stable order: of a Git checkout those that are tracked, else all that are not hidden."""

import os
from collections.abc import Iterator
from pathlib import Path

from dulwich.index import Index

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import is_passed_over


def files(folder: Path) -> Iterator[Path | Problem]:
    """Files below ``folder``, and a Problem for each folder that cannot be listed.

    What a checkout ignores (builds, dependencies) or has not added is left out. Raises InputError when it cannot be told
    what a checkout tracks: what it leaves out may be for nobody's eyes.
    """
    tracked = _tracked(folder)
    for found in _walk(folder) if tracked is None else tracked:
        if isinstance(found, Problem) or (not is_passed_over(str(found.relative_to(folder))) and found.is_file()):
            yield found


def refuse_escape(file: Path, root: Path) -> None:
    """Raises UnreadableDocument for what a link leads to out of ``root``."""
    if not file.resolve().is_relative_to(root.resolve()):
        raise UnreadableDocument("a link that leads out of the folder", fix="Ingest its target itself.")


def in_checkout(folder: Path) -> bool:
    """Whether files here are tracked by Git, and so as old as the checkout, whatever they say."""
    try:
        return _tracked(folder) is not None
    except InputError:
        return True


def _walk(folder: Path) -> Iterator[Path | Problem]:
    refused: list[OSError] = []
    found = [Path(place, name) for place, _, names in os.walk(folder, onerror=refused.append) for name in names]
    yield from sorted(found)
    for error in refused:
        place = Path(error.filename)
        reason = f"the folder cannot be listed: {error.strerror}"
        yield Problem(
            name=str(place.relative_to(folder)),
            reason=reason,
            fix="Check its permissions.",
            covers=f"{place.as_uri()}/",
        )


def _tracked(folder: Path) -> list[Path] | None:
    """Files of the checkout that ``folder`` is, or is part of; None when it is neither, or nothing in it is tracked.

    Read from Git's index by dulwich: git itself runs programs that a checkout's own settings name.
    """
    for top in (folder, *folder.parents):
        index = _index(top / ".git")
        if index is not None:
            found = [top / os.fsdecode(name) for name in _names(index)]
            within = sorted(file for file in found if file.is_relative_to(folder) and ".." not in file.parts)
            return within if within or top == folder else None
    return None


def _index(git: Path) -> Path | None:
    """The index of a checkout by its ``.git``, which is a file where it is a submodule or one of several work trees."""
    try:
        if git.is_file() and (line := git.read_text()).startswith("gitdir: "):
            git = git.parent / line.removeprefix("gitdir: ").strip()
        return git / "index" if (git / "index").is_file() else None
    except (OSError, ValueError):
        return None


def _names(index: Path) -> list[bytes]:
    try:
        return list(Index(str(index)).paths())
    except Exception as error:  # dulwich has no class of its own for a damaged index.
        raise InputError(
            f"what the Git checkout at {index.parent.parent} tracks cannot be read ({type(error).__name__})",
            fix="Run `git status` there, or copy what is to be read to a folder of its own.",
            field="path",
        ) from error
