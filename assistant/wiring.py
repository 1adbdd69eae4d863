"""Settings → App: the only place where adapters are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import uuid4

from assistant import __version__
from assistant.adapters.embedder import SentenceTransformersEmbedder
from assistant.adapters.helpdesks.catalogue import create_helpdesk
from assistant.adapters.helpdesks.events import WebhookSender
from assistant.adapters.onnx import OnnxEmbedder, OnnxReranker
from assistant.adapters.pgvector.reader import PostgresIndexReader
from assistant.adapters.pgvector.writer import PostgresIndexWriter
from assistant.adapters.queue import CeleryQueue
from assistant.adapters.snapshot.reader import FolderIndexReader
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.adapters.store.learning import SqlLessonReader, SqlProposalStore
from assistant.batches.lines import TicketRef
from assistant.batches.stored import Summaries
from assistant.connections import Connections, load_connections
from assistant.engine.guest import HostedEmbedder, HostedModels, find_host
from assistant.engine.host import ModelHost, socket_path
from assistant.engine.lane import ComputeLane, LaneEmbedder, LaneReranker
from assistant.engine.link import Requests
from assistant.engine.process import ModelProcess
from assistant.kernel.calibration import Basis
from assistant.kernel.conversation import Ticket, Tier
from assistant.kernel.errors import ConfigurationError, NotFound
from assistant.kernel.jobs import Job
from assistant.kernel.knowledge import EmbedderIdentity
from assistant.kernel.policy import Policy
from assistant.kernel.runs import RunManifest
from assistant.learning.in_force import CalibrationWatch
from assistant.learning.parts import Learning
from assistant.learning.scope import ScopeGuard
from assistant.learning.teams import Teams
from assistant.logs import log_alarms
from assistant.models.catalogue import Catalogue, CatalogueModel, load_catalogue
from assistant.pipeline import Desk
from assistant.policies import load_policy
from assistant.ports import (
    Embedder,
    EventSender,
    Helpdesk,
    IndexReader,
    IndexWriter,
    LanguageModel,
    Reranker,
)
from assistant.prompts import Prompt, load_prompt
from assistant.stores import Stores
from assistant.ticketing import FrontDesk
from assistant.tiers import Tiers


@dataclass(frozen=True)
class App(Stores):
    """Everything one process of Deskhand is made of. Parts are built when first asked for."""

    hosting: bool = False
    """Whether this process is the service, which others are guests of."""

    @cached_property
    def catalogue(self) -> Catalogue:
        own = self.settings.own_catalogue
        return load_catalogue(own if self.settings.catalogue or own.exists() else None)

    @cached_property
    def tiers(self) -> Tiers:
        return Tiers(self.settings, self.catalogue)

    @cached_property
    def learning(self) -> Learning:
        return Learning(
            SqlLessonReader(self.sessions), SqlProposalStore(self.sessions), self.uploads, self.jobs,
            self.transactions, self.index, self.embedder, self.policy[0], self.clock,
        )  # fmt: skip

    @cached_property
    def connections(self) -> Connections:
        return load_connections(self.settings.connections)

    @cached_property
    def helpdesks(self) -> dict[str, Helpdesk]:
        """The helpdesks the connections file names, by its names for them."""
        return {name: create_helpdesk(connection) for name, connection in self.connections.helpdesks.items()}

    @cached_property
    def sender(self) -> EventSender:
        return WebhookSender(self.clock)

    @cached_property
    def front_desk(self) -> FrontDesk:
        return FrontDesk(
            desk=self.desk,
            connections=self.connections.helpdesks,
            helpdesks=self.helpdesks,
            receivers=self.connections.receivers,
            runs=self.runs,
            letters=self.letters,
            outbox=self.outbox,
            jobs=self.jobs,
        )

    @cached_property
    def summaries(self) -> Summaries:
        return Summaries(
            desk=self.bulk_desk,
            batches=self.batches,
            resolve=self.resolve,
            clock=self.clock,
            at_once=self.tiers.summaries_at_once,
        )

    def resolve(self, tenant: str, reference: TicketRef) -> Ticket:
        """A ticket of one of the tenant's helpdesks, read now."""
        found = self.connections.helpdesks.get(reference.connection)
        if found is None or found.tenant != tenant:
            raise NotFound(f"there is no helpdesk {reference.connection!r}", fix="Name one of the connections file.")
        return self.helpdesks[found.name].read(reference.ticket_id).conversation()

    @cached_property
    def queue(self) -> CeleryQueue | None:
        """Celery, or None when this process runs its jobs itself."""
        return CeleryQueue(self.settings.redis_url) if self.settings.redis_url else None

    def wake(self, job: Job) -> None:
        """Tell the workers of a job that was just committed. Without a broker, or without luck, the relay does it."""
        if self.queue is not None:
            self.queue.wake(job.id, job.name.lane)

    @cached_property
    def own_embedder(self) -> Embedder:
        """The embedder in this process, loaded when first asked to embed."""
        model = self.tiers.embedder
        reads = min(self.settings.chunk_tokens, model.context_length)
        identity = EmbedderIdentity(name=model.name, sha256=model.sha256, dimension=model.dimension, max_tokens=reads)
        kind = OnnxEmbedder if model.files[0].path.endswith(".onnx") else SentenceTransformersEmbedder
        return kind(model.path_in(self.settings.models), identity, self.tiers.threads)

    @cached_property
    def lane(self) -> ComputeLane:
        """What keeps the embedder and the models of this process from each other's cores."""
        return ComputeLane()

    @cached_property
    def host(self) -> HostedModels | None:
        """The service on this machine, when it has what this process would load; None for the service itself.

        A guest does not ask now: it may be there a moment before the service, and would load all models for good.
        """
        if self.hosting:
            return None
        if self.settings.guest:
            return HostedModels(socket_path(self.settings.data))
        return find_host(
            socket_path(self.settings.data), tuple(self.tiers.files.values()), self.own_embedder.identity.sha256
        )

    @cached_property
    def embedder(self) -> Embedder:
        return self._embedder(bulk=False)

    @cached_property
    def bulk_embedder(self) -> Embedder:
        """The same, standing aside for drafts and questions."""
        return self._embedder(bulk=True)

    def _embedder(self, *, bulk: bool) -> Embedder:
        if self.host is None:
            return LaneEmbedder(self.own_embedder, self.lane, bulk=bulk)
        return HostedEmbedder(self.host, self.own_embedder, bulk=bulk)

    @cached_property
    def reranker(self) -> Reranker | None:
        """What reads the best passages again, in this process; None when the settings name none."""
        if (model := self.tiers.reranker) is None:
            return None
        own = OnnxReranker(model.path_in(self.settings.models), model.context_length, self.tiers.threads)
        return LaneReranker(own, self.lane)

    @cached_property
    def index(self) -> IndexReader:
        if self.settings.index == "postgres":
            return PostgresIndexReader(self.postgres, self.own_embedder.identity)
        return FolderIndexReader(self.settings.snapshots, self.own_embedder.identity)

    @cached_property
    def index_writer(self) -> IndexWriter:
        if self.settings.index == "postgres":
            return PostgresIndexWriter(self.postgres, self.clock)
        return FolderIndexWriter(self.settings.snapshots, self.clock)

    @cached_property
    def model_process(self) -> ModelProcess:
        """The child that owns all local models of this machine."""
        return self.tiers.new_process(self.lane)

    @property
    def local_models(self) -> dict[Tier, CatalogueModel]:
        """The tiers answered by GGUF files here."""
        return self.tiers.local

    @cached_property
    def models(self) -> dict[Tier, LanguageModel]:
        """Each tier that the settings name, behind the same port."""
        return self.tiers.models(self._requests, "draft")

    @cached_property
    def _requests(self) -> Requests | None:
        """Whoever runs the local models: the service on this machine, or a process of this one's own."""
        return (self.host or self.model_process) if self.local_models else None

    @cached_property
    def policy(self) -> tuple[Policy, str]:
        loaded = load_policy(self.settings.policy)
        if loaded[0].select.passage_tokens and (
            self.settings.reuse_passages or self.settings.large_reuse_passages is True
        ):
            raise ConfigurationError(
                f"passages cannot be joined (DESKHAND_REUSE_PASSAGES) with policy {loaded[0].name}: it cuts them for each question",
                fix="Set DESKHAND_POLICY=whole-10, which leaves them whole, or leave DESKHAND_REUSE_PASSAGES off.",
            )
        return loaded

    @cached_property
    def prompts(self) -> dict[str, Prompt]:
        return {"draft": load_prompt(self.settings.draft_prompt), "summary": load_prompt(self.settings.summary_prompt)}

    @cached_property
    def basis(self) -> Basis:
        """What drafts are made and appraised with now."""
        reranker, given = self.tiers.reranker, self.settings
        return Basis(
            models=self.tiers.identities(),
            prompt=self.prompts["draft"].sha256,
            policy=self.policy[1],
            embedder=self.own_embedder.identity.sha256,
            reranker=reranker.sha256 if reranker else "",
            passages=f"{given.chunk_tokens} tokens, {given.overlap_tokens} repeated",
        )

    @cached_property
    def watch(self) -> CalibrationWatch:
        return CalibrationWatch(self.calibrations, lambda: self.basis, self.clock, log_alarms)

    @cached_property
    def scope_guard(self) -> ScopeGuard:
        return ScopeGuard(self.scopes, self.embedder)

    @cached_property
    def teams(self) -> Teams:
        return Teams(self.connections.teams, self.embedder)

    @cached_property
    def desk(self) -> Desk:
        return self._desk(self.models, bulk=False)

    @cached_property
    def bulk_desk(self) -> Desk:
        """A desk whose models stand aside for every other."""
        return self._desk(self.tiers.models(self._requests, "draft", bulk=True), bulk=True)

    def model_host(self) -> ModelHost:
        """What shares this process's models and embedder with the workers of this machine."""
        process = self.model_process if self.local_models else None
        return ModelHost(socket_path(self.settings.data), process, self.own_embedder, self.lane)

    def _desk(self, models: Mapping[Tier, LanguageModel], *, bulk: bool) -> Desk:
        tasks = self.tiers.adapters.tell_tasks_apart
        return Desk(
            index=self.index,
            embedder=self.embedder,
            reranker=self.reranker,
            models=models,
            prompts=self.prompts,
            policy=self.policy[0],
            clock=self.clock,
            provenance=self._provenance,
            new_id=lambda: uuid4().hex,
            default_language=self.settings.default_language,
            in_force=self.watch.in_force,
            in_scope=self.scope_guard.in_scope,
            team_for=self.teams.propose,
            summary_tier=self.settings.summary_tier,
            summary_models=self.tiers.models(self._requests, "summary", bulk=bulk) if tasks else None,
        )

    def close(self) -> None:
        """Stop the model process and let go of the database."""
        if "model_process" in self.__dict__:
            self.model_process.close()
        self.disconnect()

    def _provenance(self, generation: int) -> RunManifest:
        policy, policy_sha256 = self.policy
        draft = self.prompts["draft"]
        return RunManifest(
            code_version=__version__,
            config_sha256=self.tiers.sha256(),
            prompt=draft.name,
            prompt_sha256=draft.sha256,
            policy=policy.name,
            policy_sha256=policy_sha256,
            calibration=policy.calibration,
            embedder_sha256=self.own_embedder.identity.sha256,
            snapshot_generation=generation,
        )
