"""Where a scenario plays: service, helpdesk and receiver together, traffic of its own, and the count at its end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.ledger import Tally, count
from tests.chaos.receiver import Receiver, receiving
from tests.chaos.service import Service, serving
from tests.chaos.traffic import Traffic, connections
from tests.helpdesks.desk import FakeDesk
from tests.helpdesks.server import running

APART = 10_000
"""Numbers of documents and tickets of one scenario are this far from those of the next."""


@dataclass
class Row:
    """What a scenario came to."""

    scenario: str
    seed: int
    jobs: int = 0
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    dead: int = 0
    again: int = 0
    given_up: int = 0
    seconds: float = 0.0
    said: str = ""
    evidence: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.dead or self.evidence)

    def measures(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        head = f"{self.scenario} (seed {self.seed}): {self.jobs} jobs, {self.kills} kills, {self.said}"
        counts = f"lost {self.lost}, doubled {self.doubled}, dead {self.dead}"
        return "\n".join([head, counts, *self.evidence])


@dataclass
class Stage:
    service: Service
    desk: FakeDesk
    receiver: Receiver
    played: int = 0

    @contextmanager
    def scenario(self, name: str, seed: int, quiet_s: float = 150.0) -> Iterator[tuple[Row, Traffic]]:
        """A scenario's own traffic; when the block is done, waits until all is quiet and counts into the row.

        ``row.said`` is what to tell of it. A job that is left, or anything missing, is evidence and no exception,
        so that the row is always whole; the end of the log goes with it.
        """
        self.played += 1
        self.receiver.forget()
        row, before = Row(name, seed), len(self.service.rows("SELECT id FROM job"))
        traffic = Traffic(self.service, self.desk, seed, self.played * APART)
        started = time.monotonic()
        yield row, traffic
        try:
            self.service.wait_until_quiet(quiet_s)
        except AssertionError as error:
            row.evidence.append(str(error))
        row.seconds = round(time.monotonic() - started, 1)
        row.evidence += [f"one process too many: {process}" for process in self.service.strays()]
        self._count(row, count(self.service, self.receiver, traffic.sent, traffic.state(), before))

    def _count(self, row: Row, tally: Tally) -> None:
        row.jobs, row.again, row.given_up = tally.jobs, tally.again, tally.given_up
        row.lost, row.doubled, row.dead = tally.lost, tally.doubled, tally.dead
        row.evidence += tally.evidence
        if row.evidence:
            row.evidence += ["The log ends:", self.service.log_tail()]


@contextmanager
def staged(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Iterator[Stage]:
    """A stage whose service is ready; nothing of it stays."""
    with (
        running("zammad", log_level="critical") as desk,
        receiving() as receiver,
        serving(connections(desk.url, receiver), environment, folder) as service,
    ):
        yield Stage(service, desk, receiver)
