"""A Workshop of twins: everything in memory, models that say what a test scripts."""

from collections.abc import Sequence

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.jobs import MemoryJobStore, MemoryUploadStore
from assistant.adapters.memory.letters import MemoryBatchStore, MemoryCorrespondence, MemoryOutbox, MemorySender
from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.memory.runs import MemoryRunStore
from assistant.batches.lines import Resolve
from assistant.batches.stored import Summaries
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import NotFound
from assistant.kernel.helpdesks import Connection
from assistant.kernel.outgoing import Receiver
from assistant.pipeline import Desk
from assistant.ports import Helpdesk
from assistant.ticketing import FrontDesk
from ingest.pipeline import Ingest
from workers.tasks import Workshop


class Shop:
    """The parts of a Workshop by their own types, so that a test can look into them."""

    def __init__(
        self,
        clock: ManualClock,
        index: MemoryIndex,
        desk: Desk | None = None,
        helpdesks: Sequence[tuple[Connection, Helpdesk]] = (),
        receivers: Sequence[Receiver] = (),
        resolve: Resolve | None = None,
        jobs: MemoryJobStore | None = None,
        at_once: int = 1,
    ) -> None:
        self.jobs, self.uploads = jobs or MemoryJobStore(clock), MemoryUploadStore()
        self.runs, self.letters, self.outbox = MemoryRunStore(), MemoryCorrespondence(), MemoryOutbox(clock)
        self.batches, self.sender = MemoryBatchStore(clock), MemorySender()
        self.parts = Ingest(MemoryDocumentStore(), index, HashingEmbedder(), chunk_tokens=100, overlap_tokens=10)
        self._desk, self._clock, self._receivers, self._helpdesks = desk, clock, receivers, helpdesks
        self._resolve, self._at_once = resolve or _unknown, at_once

    @property
    def desk(self) -> Desk:
        assert self._desk is not None
        return self._desk

    def front_desk(self) -> FrontDesk:
        return FrontDesk(
            desk=self.desk,
            connections={connection.name: connection for connection, _ in self._helpdesks},
            helpdesks={connection.name: helpdesk for connection, helpdesk in self._helpdesks},
            receivers=self._receivers,
            runs=self.runs,
            letters=self.letters,
            outbox=self.outbox,
            jobs=self.jobs,
        )

    def workshop(self) -> Workshop:
        return Workshop(
            jobs=self.jobs,
            uploads=self.uploads,
            ingest=self.parts,
            front_desk=self.front_desk,
            summaries=lambda: Summaries(self.desk, self.batches, self._resolve, self._clock, self._at_once),
            sender=self.sender,
        )


def _unknown(*_: object) -> Ticket:
    raise NotFound("there is no such ticket")
