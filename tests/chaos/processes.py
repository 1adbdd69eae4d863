"""The processes of a running service, found in /proc by the data folder they work in: strays too."""

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from assistant.engine.host import short_folder


class Role(StrEnum):
    API = "api"
    WORKER = "worker"
    """The parent of a lane's pool; hosts a relay."""
    POOL = "pool"
    """Does the lane's jobs."""
    MODEL = "model"
    BROKER = "broker"
    LEASH = "leash"


@dataclass(frozen=True)
class Process:
    """``lane`` is given for workers, their pools and their leashes."""

    pid: int
    parent: int
    role: Role
    lane: str = ""

    def signal(self, number: signal.Signals) -> bool:
        """Send it, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


_ROLES = (
    (re.compile(r" -m workers\.leash .* worker --lane (\w+)"), Role.LEASH),
    (re.compile(r" -m workers\.leash "), Role.LEASH),
    (re.compile(r" -m assistant\.cli\.main worker --lane (\w+)"), Role.WORKER),
    (re.compile(r" -m assistant\.cli\.main serve"), Role.API),
    (re.compile(r" -m assistant\.engine\.child "), Role.MODEL),
    (re.compile(r"billiard\.spawn import spawn_main"), Role.POOL),
    (re.compile(r"valkey-server"), Role.BROKER),
)


def processes_in(data: Path) -> list[Process]:
    """All processes that serve this data folder, whoever their parent is now."""
    mark = f"DESKHAND_DATA_DIR={data}\0".encode()
    socket = f"{short_folder(data)}/".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            # Valkey writes its title over its environment; the title names its socket.
            if mark not in (entry / "environ").read_bytes() + b"\0" and socket not in command:
                continue
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # It has just ended.
        process = _told(int(entry.name), int(parent), command.replace(b"\0", b" ").decode("utf-8", "replace"))
        if process is not None and state != "Z":
            found.append(process)
    lanes = {process.pid: process.lane for process in found if process.role is Role.WORKER}
    return [Process(p.pid, p.parent, p.role, lanes.get(p.parent, "")) if p.role is Role.POOL else p for p in found]


def _told(pid: int, parent: int, command: str) -> Process | None:
    for pattern, role in _ROLES:
        if match := pattern.search(command):
            return Process(pid, parent, role, match.group(1) if pattern.groups else "")
    return None
