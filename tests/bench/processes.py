"""What a process and all below it cost: memory and time of cores, read from /proc."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

SAMPLE_EVERY_S = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int, kind: Literal["Pss", "Rss"] = "Pss") -> int:
    """Resident memory in kilobytes; ``Pss`` splits pages that are shared. A process that ended counts nothing."""
    return sum(_memory_kb(member, kind) for member in _family(pid))


def core_seconds(pid: int) -> float:
    """Seconds that cores worked for it so far, in user and in system mode, with children that ended."""
    return sum(_ticks(member) for member in _family(pid)) / _TICKS


class Meter:
    """Counts what a process costs between entering and leaving: ``core_s``, and ``peak_kb`` as it was sampled."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._sampling = threading.Thread(target=self._sample, daemon=True)
        self.core_s, self.peak_kb = 0.0, 0

    def __enter__(self) -> Self:
        self._before = core_seconds(self._pid)
        self._sampling.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sampling.join()
        self.peak_kb = max(self.peak_kb, memory_kb(self._pid))
        self.core_s = core_seconds(self._pid) - self._before

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            self.peak_kb = max(self.peak_kb, memory_kb(self._pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _memory_kb(pid: int, kind: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")), 0)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
