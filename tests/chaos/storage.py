"""Scenarios that need a disk or a clock of their own: a full disk, and a clock that jumps."""

import importlib.util
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.scenarios import NEVER, mixed
from tests.chaos.service import until
from tests.chaos.stage import Row, staged

DISK_MB = 48
JUMPS = ("+3d", "-2d", "+40d", "-40d", "+0")
"""Where the clock stands, from now."""


@contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """Mounts a small disk of memory; yields why not, or nothing."""
    options = f"size={DISK_MB}m"
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        yield "there is no mount command"
        return
    if done.returncode:
        yield f"no disk can be mounted here: {done.stderr.strip()}"
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def disk_full(folder: Path, seed: int, jobs: int = 40, seconds: float = 45.0) -> Row:
    """The data folder's disk fills up under the jobs, stays full, and is freed. ``folder`` is a small disk."""
    with staged(folder=folder) as stage, stage.scenario("disk full", seed) as (row, traffic):
        traffic.together(mixed(traffic, jobs // 2, drafts=1))
        filling = threading.Event()
        keeper = threading.Thread(target=_keep_full, args=(folder / "filler", filling), daemon=True)
        keeper.start()
        sending = threading.Thread(target=traffic.together, args=(mixed(traffic, jobs // 2, drafts=1),), daemon=True)
        sending.start()
        NEVER.wait(seconds)
        left = len(stage.service.unfinished())
        filling.set()
        keeper.join()
        sending.join()
        row.said = f"for {seconds:.0f} s; {left} jobs waited"
    return row


def _keep_full(path: Path, stop: threading.Event) -> None:
    """Take every byte that becomes free, until told to stop; then give them back."""
    with path.open("wb", buffering=0) as filler:
        while not stop.wait(0.05):
            for size in (1_000_000, 4_096):
                try:
                    while filler.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue  # Full: as wanted.
    path.unlink()


def fake_clock() -> tuple[dict[str, str], str]:
    """The environment of processes whose clock follows a file, or why there is none."""
    found = importlib.util.find_spec("libfaketime")
    if found is None or found.origin is None:
        return {}, "the package libfaketime is not installed"
    library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    if not library.exists():
        return {}, "libfaketime has no library for this system"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_CACHE_DURATION": "1",  # Seconds; to read the file at every look makes everything slow.
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }, ""


def clock_jumps(folder: Path, seed: int, jobs: int = 40, rest_s: float = 4.0, batches: int = 1) -> Row:
    """The wall clock of all the service's processes jumps by days, forwards and back, while jobs wait and run."""
    clock = folder / "clock"
    _set(clock, "+0")
    environment = fake_clock()[0] | {"FAKETIME_TIMESTAMP_FILE": str(clock)}
    with (
        _shared_memory_removed(),
        staged(environment, folder) as stage,
        stage.scenario("clock jumps", seed) as (
            row,
            traffic,
        ),
    ):
        work = mixed(traffic, jobs, batches, drafts=1)
        sending = threading.Thread(
            target=traffic.together, args=(work,), kwargs={"pause_s": rest_s * len(JUMPS) * 4 / len(work)}, daemon=True
        )
        sending.start()
        for jump in JUMPS:
            NEVER.wait(rest_s)
            until(stage.service.unfinished, 60, "no job is there to be disturbed")
            _set(clock, jump)
        sending.join()
        row.said = ", ".join(JUMPS)
    return row


@contextmanager
def _shared_memory_removed() -> Iterator[None]:
    """libfaketime leaves a few bytes of shared memory behind, named by a process that is gone."""
    try:
        yield
    finally:
        for left in Path("/dev/shm").glob("*faketime_s*_*"):
            if not Path("/proc", left.name.rpartition("_")[2]).exists():
                left.unlink(missing_ok=True)


def _set(clock: Path, to: str) -> None:
    beside = clock.with_suffix(".new")
    beside.write_text(f"{to}\n")
    beside.replace(clock)
