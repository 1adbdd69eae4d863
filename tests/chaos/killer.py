"""Kills by a seeded plan: which kind of process next, and after how long."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from assistant.kernel.jobs import JobName
from tests.chaos.processes import Process, Role
from tests.chaos.service import Service

SHARES: Mapping[Role, int] = {
    Role.POOL: 7, Role.WORKER: 4, Role.MODEL: 3, Role.BROKER: 2, Role.LEASH: 3, Role.API: 2,
}  # fmt: skip
"""How often each is killed within one round of the plan."""
FIND_S = 30.0


@dataclass
class Killer:
    """``kills`` SIGKILLs, between ``rest_s`` seconds apart. The plan depends on the seed alone, the victim's id does not."""

    service: Service
    seed: int
    kills: int
    rest_s: tuple[float, float]
    done: list[str] = field(default_factory=list)
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        one_round = [role for role, times in SHARES.items() for _ in range(times)]
        plan: list[Role] = []
        while len(plan) < self.kills:
            plan += chance.sample(one_round, len(one_round))
        self.plan = [(role, chance.uniform(*self.rest_s), chance.random()) for role in plan[: self.kills]]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Until the plan is carried out. Raises what went wrong."""
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def counts(self) -> dict[str, int]:
        return dict(Counter(line.split()[0] for line in self.done))

    def _run(self) -> None:
        try:
            for role, rest_s, choice in self.plan:
                if self._stop.wait(rest_s):
                    return
                self._kill(role, choice)
        except BaseException as error:
            self.failure = error

    def _kill(self, role: Role, choice: float) -> None:
        if role is Role.API:
            self.service.kill()
            self.done.append("api")
            return
        end = time.monotonic() + FIND_S
        while not self._stop.is_set():
            found = self._worth_killing(role)
            if found and found[int(choice * len(found))].signal(signal.SIGKILL):
                victim = found[int(choice * len(found))]
                self.done.append(f"{role} {victim.lane}".strip())
                return
            assert time.monotonic() < end, f"there was no {role} to kill for {FIND_S:.0f} s"
            time.sleep(0.1)

    def _worth_killing(self, role: Role) -> list[Process]:
        """Those of the lanes that are at work, if there are any."""
        found = sorted(self.service.processes(role), key=lambda process: (process.lane, process.pid))
        busy = {JobName(name).lane for _, name, state, *_ in self.service.unfinished() if state == "running"}
        return [process for process in found if process.lane in busy] or found
