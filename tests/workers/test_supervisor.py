"""The processes of one machine: kept alive, ended whole, and not confused with those of the service before."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from assistant.adapters.memory.jobs import MemoryJobStore
from assistant.adapters.memory.models import ManualClock
from assistant.kernel.jobs import Lane, LaneLoad
from workers.supervisor import STUCK_S, Child, LaneWatch, Supervisor, broker


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """It does not run; a zombie that nobody has reaped is as good as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def started(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def child_that_logs(log: Path) -> Child:
    code = f"import os, time; open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    return Child("sleeper", [sys.executable, "-c", code])


def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "pids"
    supervisor = Supervisor([child_that_logs(log)])
    supervisor.start()
    until(lambda: len(started(log)) == 1)
    os.kill(started(log)[0], signal.SIGKILL)
    until(lambda: len(started(log)) == 2)
    supervisor.close()
    assert all(gone(pid) for pid in started(log))


def test_a_supervisor_outlives_what_its_watch_stumbles_over(tmp_path: Path) -> None:
    log = tmp_path / "pids"
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise OSError("out of memory")

    supervisor = Supervisor([child_that_logs(log)], look)
    supervisor.start()
    until(lambda: len(looks) >= 2 and started(log))
    os.kill(started(log)[0], signal.SIGKILL)
    until(lambda: len(started(log)) == 2)
    supervisor.close()


def test_what_a_killed_command_had_started_ends_with_it(tmp_path: Path) -> None:
    """As the pool of a worker whose parent was killed while the pool was busy."""
    log = tmp_path / "pids"
    inner = "import time; time.sleep(600)"
    outer = (
        "import os, subprocess, sys, time; "
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}]); "
        f"open({str(log)!r}, 'w').write(f'{{os.getpid()}}\\n{{child.pid}}\\n'); time.sleep(600)"
    )
    leash = subprocess.Popen(
        [sys.executable, "-m", "workers.leash", sys.executable, "-c", outer], stdin=subprocess.PIPE
    )
    until(lambda: len(started(log)) == 2)
    parent, child = started(log)
    os.kill(parent, signal.SIGKILL)
    assert leash.wait(20) != 0
    until(lambda: gone(child))


def test_the_broker_of_a_killed_service_that_ends_late_takes_nothing_from_the_next(tmp_path: Path) -> None:
    before, _ = broker(tmp_path)
    old = Supervisor([before])
    old.start()
    until(lambda: len(list(tmp_path.glob("broker*.sock"))) == 1)
    after, url = broker(tmp_path)
    new = Supervisor([after])
    new.start()
    path = url.removeprefix("redis+socket://")
    until(lambda: Path(path).exists())
    old.close()
    with redis.Redis(unix_socket_path=path) as client:
        assert client.ping()
    new.close()


def test_a_command_that_is_asked_to_end_may_let_its_own_processes_finish(tmp_path: Path) -> None:
    """As a worker does with the job its pool is at."""
    log, go, finished = tmp_path / "pids", tmp_path / "go", tmp_path / "finished"
    inner = (
        "import pathlib, time\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
        f"pathlib.Path({str(finished)!r}).touch()"
    )
    outer = (
        "import os, pathlib, signal, subprocess, sys\n"
        f"signal.signal(signal.SIGTERM, lambda *_: pathlib.Path({str(go)!r}).touch())\n"
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        f"open({str(log)!r}, 'w').write(str(child.pid))\n"
        "child.wait()"
    )
    leash = subprocess.Popen(
        [sys.executable, "-m", "workers.leash", sys.executable, "-c", outer], stdin=subprocess.PIPE
    )
    until(lambda: started(log))
    assert leash.stdin is not None
    leash.stdin.close()
    assert leash.wait(20) == 0
    assert finished.exists()


class Watched(Child):
    """Counts how often it was told to end."""

    ended = 0

    def end(self) -> None:
        self.ended += 1


class Looks(MemoryJobStore):
    """A board that tells of the bulk lane what it is given, look by look."""

    def __init__(self, running: list[int]) -> None:
        super().__init__(ManualClock())
        self.running = running

    def load(self) -> list[LaneLoad]:
        return [LaneLoad(lane=Lane.BULK, waiting=4, running=self.running.pop(0), oldest_due_s=3 * STUCK_S)]


@pytest.mark.parametrize(("running", "ended"), [([0, 0, 1, 0, 0, 1], 0), ([0, 0, 0, 1, 0, 0], 1)])
def test_a_lane_must_look_stuck_for_a_while(running: list[int], ended: int) -> None:
    child = Watched("worker bulk", [])
    child.started_at = time.monotonic() - 3 * STUCK_S
    watch = LaneWatch(Looks(list(running)), {Lane.BULK: child}, every_s=0)
    for _ in running:
        watch.look()
    assert child.ended == ended
