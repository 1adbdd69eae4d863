"""Which LoRA adapter a request takes: the narrowest of the operator's rules that fits its tenant and task."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.value import Value
from assistant.models.catalogue import Catalogue, CatalogueModel

Task = Literal["draft", "summary"]
"""What a model is asked for."""


class AdapterUse(Value):
    """One rule: who takes the adapter. An empty tenant is every tenant, an empty task every task."""

    adapter: str
    tenant: str = ""
    task: Task | Literal[""] = ""

    def fits(self, tenant: str, task: Task) -> bool:
        return self.tenant in ("", tenant) and self.task in ("", task)

    @property
    def narrowness(self) -> tuple[bool, bool]:
        """Orders rules: a tenant's own goes before a task's, and one of both before either."""
        return bool(self.tenant), bool(self.task)


def read_uses(text: str) -> tuple[AdapterUse, ...]:
    """The rules of ``Settings.adapters``, whose pattern has checked their form: ``WHO=NAME`` with commas between."""
    uses = []
    for rule in filter(None, map(str.strip, text.split(","))):
        who, adapter = rule.split("=", 1)
        tenant, _, task = who.removeprefix("tenant:").partition("/") if who.startswith("tenant:") else ("", "", who)
        uses.append(AdapterUse(adapter=adapter, tenant=tenant, task=cast("Task", task)))
    return tuple(uses)


class Adapters:
    """The adapters in use, each with the model it is made for. A model only ever takes its own."""

    def __init__(self, uses: Sequence[AdapterUse], entries: Mapping[str, CatalogueModel]) -> None:
        self._uses = sorted(uses, key=lambda use: use.narrowness, reverse=True)
        self._entries = entries

    @property
    def tell_tasks_apart(self) -> bool:
        """Whether any rule is for one task only."""
        return any(use.task for use in self._uses)

    def of_model(self, model: str) -> list[CatalogueModel]:
        """What ``model`` is loaded with, by name."""
        return [entry for _, entry in sorted(self._entries.items()) if entry.base == model]

    def adapter_for(self, model: str, tenant: str, task: Task) -> str:
        """The name of the adapter that ``model`` takes for this work; empty: the model as it is."""
        for use in self._uses:
            if use.fits(tenant, task) and self._entries[use.adapter].base == model:
                return use.adapter
        return ""


def adapters_in_use(text: str, catalogue: Catalogue, served: Sequence[str]) -> Adapters:
    """The rules in ``text`` with their catalogue entries. ``served`` are the local models there are.

    Raises ConfigurationError for a rule that could never work, or not be told from another.
    """
    uses = read_uses(text)
    entries: dict[str, CatalogueModel] = {}
    taken: dict[tuple[str, str, str], str] = {}
    for use in uses:
        entry = entries[use.adapter] = _entry(use.adapter, catalogue, served)
        other = taken.setdefault((use.tenant, use.task, entry.base), use.adapter)
        if other != use.adapter:
            raise ConfigurationError(
                f"DESKHAND_ADAPTERS names both {other} and {use.adapter} for the same work of {entry.base}",
                fix="Keep one of them.",
            )
    return Adapters(uses, entries)


def _entry(name: str, catalogue: Catalogue, served: Sequence[str]) -> CatalogueModel:
    entry = catalogue.models.get(name)
    if entry is None or entry.role != "adapter":
        known = [model.name for model in catalogue.models.values() if model.role == "adapter"]
        raise ConfigurationError(
            f"DESKHAND_ADAPTERS names {name}, which is {'not in the catalogue' if entry is None else 'no adapter'}",
            fix=f"Adapters are {', '.join(known)}." if known else 'List it in the catalogue with role = "adapter".',
        )
    if entry.base not in served:
        raise ConfigurationError(
            f"the adapter {name} is made for {entry.base}, which is not run here",
            fix="Set DESKHAND_SMALL_MODEL or DESKHAND_LARGE_MODEL to that model, or take the adapter out of DESKHAND_ADAPTERS.",
        )
    return entry
