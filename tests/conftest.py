"""Fixtures of all tests: real documents, in-memory twins, real models where they are on this disk."""

import gzip
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder, ManualClock, ScriptedModel
from assistant.config import Settings
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import ChatMessage
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.runs import RunManifest
from assistant.models.catalogue import CatalogueModel, load_catalogue
from assistant.pipeline import Desk
from assistant.policies import load_policy
from assistant.prompts import load_prompt
from ingest.load import load, root_key
from ingest.pipeline import Ingest, ingest

PROJECT = Path(__file__).parents[1]
HELP_CENTRE = PROJECT / "deploy" / "demo" / "help-centre"
INTERNAL_NOTES = PROJECT / "deploy" / "demo" / "internal"
SHARED = PROJECT.parent / "shared" / "data"
TENANT = "default"

Script = Callable[[Sequence[ChatMessage]], str]


@pytest.fixture(scope="session")
def help_centre() -> Path:
    """The demo's documents: 40 articles of an invented company."""
    return HELP_CENTRE


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real corpora with labels. A user's clone does not have them; tests that need them are then left out."""
    if not SHARED.is_dir():
        pytest.skip("needs the corpora in ../shared/data")
    return SHARED


@pytest.fixture(scope="session")
def support_rows(shared_data: Path) -> list[dict[str, str]]:
    """Documentation of LibreOffice, GNOME and Request Tracker, one row a document."""
    with gzip.open(shared_data / "docs" / "support_kb.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in itertools.islice(lines, 400)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return Settings().models


@pytest.fixture(scope="session")
def model_file(models_dir: Path) -> Callable[[str], tuple[CatalogueModel, Path]]:
    """A catalogue model that `make` has pulled. Its absence is an error of the set-up, not a reason to skip."""

    def find(name: str) -> tuple[CatalogueModel, Path]:
        model = load_catalogue().get(name)
        path = model.path_in(models_dir)
        assert path.exists(), f"{name} is not at {path}: run `make models`"
        return model, path

    return find


@pytest.fixture(scope="session")
def knowledge(help_centre: Path) -> tuple[MemoryIndex, HashingEmbedder]:
    """The help centre and its internal notes, ingested into memory."""
    index, embedder = MemoryIndex(), HashingEmbedder(dimension=8192)
    desk = Ingest(MemoryDocumentStore(), index, embedder, chunk_tokens=200, overlap_tokens=24)
    for folder, audience in ((help_centre, Audience.PUBLIC), (INTERNAL_NOTES, Audience.INTERNAL)):
        report = ingest(load(folder), TENANT, audience, desk, roots=[root_key(folder)])
        assert report.problems == ()
    return index, embedder


def with_outdated(index: MemoryIndex, name: str, scope: Scope) -> MemoryIndex:
    """Another index with the same documents, of which those whose key ends in ``name`` are outdated."""
    snapshot = index.snapshot(scope.tenant)
    assert snapshot is not None
    marked = {
        chunk_id: chunk.model_copy(update={"outdated": chunk.document_key.endswith(name)})
        for chunk_id, chunk in snapshot.by_id.items()
    }
    other = MemoryIndex()
    other._snapshots[scope.tenant] = replace(snapshot, by_id=marked)
    return other


@pytest.fixture
def make_desk(knowledge: tuple[MemoryIndex, HashingEmbedder], clock: ManualClock) -> Callable[..., Desk]:
    """A desk whose models say what the test scripts, over the help centre in memory."""
    numbers = itertools.count(1)

    def make(small: Script | None = None, large: Script | None = None) -> Desk:
        scripts = {Tier.SMALL: small, Tier.LARGE: large}
        policy, policy_sha256 = load_policy("default-10")
        relaxed = policy.route.model_copy(update={"min_similarity": 0.25, "vague_similarity": 0.5})
        return Desk(
            index=knowledge[0],
            embedder=knowledge[1],
            models={tier: ScriptedModel(script, name=tier) for tier, script in scripts.items() if script},
            prompts={"draft": load_prompt("draft/5"), "summary": load_prompt("summary/3")},
            policy=policy.model_copy(update={"route": relaxed}),
            clock=clock,
            provenance=lambda generation: RunManifest(
                code_version="test",
                config_sha256="",
                prompt="draft/5",
                prompt_sha256="",
                policy="default-10",
                policy_sha256=policy_sha256,
                calibration="none",
                embedder_sha256="",
                snapshot_generation=generation,
            ),
            new_id=lambda: f"run-{next(numbers)}",
        )

    return make


@pytest.fixture
def scope() -> Scope:
    return Scope(tenant=TENANT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were left out, and why, where a reader sees it."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_line("Left out:")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"  {report.nodeid}: {reason}")
