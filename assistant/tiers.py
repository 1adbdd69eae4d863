"""Settings and catalogue → the models that answer: which files run here, how, with which adapters, and who is remote."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from assistant.adapters.openai import OpenAIModel
from assistant.config import KvType, Settings
from assistant.engine.lane import ComputeLane
from assistant.engine.link import Call, MakeRequest, Requests
from assistant.engine.local import LocalModel, usable_cores
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import AdapterFile, ChildSettings, Count, Embed, Generate, ModelFile, Score
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ModelFileError
from assistant.kernel.generation import ModelCard
from assistant.models.adapters import Adapters, Task, adapters_in_use
from assistant.models.by_path import embedder_at, is_path
from assistant.models.catalogue import Catalogue, CatalogueModel
from assistant.ports import LanguageModel

Setting = TypeVar("Setting", int, bool, KvType)


@dataclass(frozen=True)
class Tiers:
    """The small and the large model as the operator wants them. Parts are worked out when first asked for."""

    settings: Settings
    catalogue: Catalogue

    @cached_property
    def local(self) -> dict[Tier, CatalogueModel]:
        """The tiers answered by GGUF files here."""
        return {tier: self.catalogue.get(name) for tier, name in self._named.items() if not self._servers[tier].url}

    @cached_property
    def adapters(self) -> Adapters:
        """The LoRA adapters in use. Raises ConfigurationError when the settings name one that cannot be."""
        served = [model.name for model in self.local.values()]
        return adapters_in_use(self.settings.adapters, self.catalogue, served)

    @cached_property
    def files(self) -> dict[str, ModelFile]:
        """What the model process loads, by name. One model may serve both tiers: it is loaded once, as the large one."""
        return {model.name: self.file(model, tier) for tier, model in self.local.items()}

    def file(self, model: CatalogueModel, tier: Tier) -> ModelFile:
        """``model`` with the settings of ``tier``."""
        given, folder = self.settings, self.settings.models
        return ModelFile(
            name=model.name,
            path=str(model.path_in(folder)),
            sha256=model.sha256,
            context_length=min(self._context_length(tier), model.context_length),
            gpu_layers=_of(tier, given.gpu_layers, given.large_gpu_layers),
            kv_type=_of(tier, given.kv_type, given.large_kv_type),
            slots=_of(tier, given.slots, given.large_slots),
            adapters=tuple(
                AdapterFile(name=entry.name, path=str(entry.path_in(folder)), sha256=entry.sha256, scale=entry.scale)
                for entry in self.adapters.of_model(model.name)
            ),
            reuse_passages=_of(tier, given.reuse_passages, given.large_reuse_passages),
            prompt_lookup=given.prompt_lookup,
        )

    def child_settings(self, *files: ModelFile) -> ChildSettings:
        """How a model process runs ``files``."""
        given = self.settings
        return ChildSettings(
            models=files,
            threads=self.threads,
            states_folder=str(given.states) if given.states_mb else "",
            states_mb=given.states_mb,
            memory_mb=given.states_memory_mb,
            max_queued=given.max_queued,
        )

    @property
    def threads(self) -> int:
        """CPU threads of the models, and of the embedder beside them."""
        return self.settings.threads or usable_cores()

    def new_process(self, lane: ComputeLane) -> ModelProcess:
        """A process for all local models. Raises ModelFileError when a file is not whole."""
        for model in self.configured():
            if model.role not in ("embedder", "reranker"):  # They run elsewhere.
                check_file(model, self.settings.models)
        return ModelProcess(self.child_settings(*self.files.values()), lane=lane)

    @cached_property
    def embedder(self) -> CatalogueModel:
        """The embedding model: the catalogue's, or one in a folder."""
        name = self.settings.embedder
        return embedder_at(name) if is_path(name) else self.catalogue.get(name)

    @property
    def reranker(self) -> CatalogueModel | None:
        """What reads the best passages again, if the settings name it."""
        return self.catalogue.get(self.settings.reranker) if self.settings.reranker else None

    def configured(self) -> list[CatalogueModel]:
        """All model files the settings name: the embedder, the local tiers, their adapters and the reranker."""
        named = (self.embedder, *self.local.values(), self.reranker)
        models = {model.name: model for model in named if model is not None}
        adapters = [entry for name in list(models) for entry in self.adapters.of_model(name)]
        return [*models.values(), *adapters]

    def models(self, local: Requests | None, task: Task, *, bulk: bool = False) -> dict[Tier, LanguageModel]:
        """Each tier that the settings name, behind the same port, for one task. ``local`` answers for the files here."""
        models = dict[Tier, LanguageModel]()
        for tier, name in self._named.items():
            server = self._servers[tier]
            if server.url:
                card = ModelCard(name=name, sha256="", context_length=self._context_length(tier))
                models[tier] = OpenAIModel(card, server.url, server.key)
            else:
                assert local is not None, "a local tier needs somebody who runs it"
                models[tier] = LocalModel(self.card(self.files[name]), _Adapting(local, self.adapters, task), bulk=bulk)
        return models

    def identities(self) -> dict[Tier, str]:
        """Each tier's model: its name with the file's SHA-256, and its adapters'; or its name with the server's address."""
        found = {}
        for tier, name in self._named.items():
            server = self._servers[tier].url
            file = self.files.get(name)
            hashes = [file.sha256, *(adapter.sha256 for adapter in file.adapters)] if file and not server else [server]
            found[tier] = " ".join([name, *hashes])
        return found

    @property
    def summaries_at_once(self) -> int:
        """How many lines of a batch are under way at a time: as many as the model that summarises has slots. A server
        in its place is asked as often at once: what it can take, it does not tell.
        """
        wanted = self.settings.summary_tier
        tier = wanted if wanted in self._named else next(iter(self._named), wanted)
        if tier in self.local:
            return self.files[self._named[tier]].slots
        return _of(tier, self.settings.slots, self.settings.large_slots)

    def card(self, file: ModelFile) -> ModelCard:
        return ModelCard(name=file.name, sha256=file.sha256, context_length=file.context_length)

    def sha256(self) -> str:
        """A hash over all that is set and can change an answer, the content of adapters with it."""
        adapters = {
            entry.name: (entry.sha256, entry.scale)
            for name in self.files
            for entry in self.adapters.of_model(name)
        }  # fmt: skip
        settings = self.settings.sha256()
        if not adapters:
            return settings
        return hashlib.sha256(f"{settings}{json.dumps(adapters, sort_keys=True)}".encode()).hexdigest()

    def _context_length(self, tier: Tier) -> int:
        return _of(tier, self.settings.context_length, self.settings.large_context_length)

    @property
    def _named(self) -> dict[Tier, str]:
        named = {Tier.SMALL: self.settings.small_model, Tier.LARGE: self.settings.large_model}
        return {tier: name for tier, name in named.items() if name}

    @property
    def _servers(self) -> Mapping[Tier, "_Server"]:
        given = self.settings
        return {
            Tier.SMALL: _Server(given.small_base_url, given.small_api_key.get_secret_value()),
            Tier.LARGE: _Server(given.large_base_url, given.large_api_key.get_secret_value()),
        }


class _Server(NamedTuple):
    """An OpenAI-compatible server in place of a local model; an empty URL is none."""

    url: str
    key: str


class _Adapting:
    """Gives each request of a tenant the adapter for it; every other goes on as it is."""

    def __init__(self, requests: Requests, adapters: Adapters, task: Task) -> None:
        self._requests, self._adapters, self._task = requests, adapters, task

    def submit(self, make: MakeRequest) -> Call:
        return self._requests.submit(lambda number: self._adapted(make(number)))

    def _adapted(self, request: Generate | Count | Score | Embed) -> Generate | Count | Score | Embed:
        if not isinstance(request, Generate | Count) or request.tenant is None:
            return request
        adapter = self._adapters.adapter_for(request.model, request.tenant, self._task)
        return request.model_copy(update={"adapter": adapter}) if adapter else request


def missing_files(model: CatalogueModel, models: Path) -> list[str]:
    """Files of ``model`` that are not below ``models`` or not whole, by size."""
    paths = {file.path: (model.file_in(models, file), file.size) for file in model.files}
    return [name for name, (path, size) in paths.items() if not path.is_file() or path.stat().st_size != size]


def check_file(model: CatalogueModel, models: Path) -> None:
    """Raises ModelFileError unless the files of ``model`` are below ``models``, whole by size."""
    missing = missing_files(model, models)
    if missing:
        path = models / model.folder / missing[0]
        raise ModelFileError(
            f"{model.name} is {'only partly' if path.is_file() else 'not'} at {path}",
            fix=f"Run `deskhand models pull {model.name}`.",
        )


def _of(tier: Tier, common: Setting, large: Setting | Literal["same"]) -> Setting:
    """What is set for ``tier``: the large one may have a value of its own."""
    return large if tier is Tier.LARGE and large != "same" else common
