"""The real service in this process: SQLite, snapshots and the real embedder; models that say what a test scripts."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assistant.adapters.memory.models import ScriptedModel
from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.access import KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import ChatMessage
from assistant.kernel.knowledge import Audience
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest
from tests.conftest import HELP_CENTRE, INTERNAL_NOTES
from workers.app import create_workshop
from workers.tasks import Workshop

MakeClient = Callable[..., TestClient]


def copying(messages: Sequence[ChatMessage]) -> str:
    """Repeats the first sentence of the first passage."""
    passage = messages[-1].content.split(">\n", 1)[1].split("\n</passage>", 1)[0]
    return passage.replace("\n", " ").split(". ")[0].rstrip(".") + " [1]."


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(Settings(data_dir=tmp_path_factory.mktemp("api"), small_model="", large_model="", max_waiting=1))
    for folder, audience in ((HELP_CENTRE, Audience.PUBLIC), (INTERNAL_NOTES, Audience.INTERNAL)):
        ingest(load(folder), "default", audience, create_ingest(app), roots=[root_key(folder)])
    app.models[Tier.SMALL] = ScriptedModel(copying)
    yield app
    app.close()


@pytest.fixture
def shop(app: App) -> Workshop:
    return create_workshop(app)


@pytest.fixture
def client(app: App) -> Iterator[MakeClient]:
    """Makes clients with a key of the given scopes (none: everything but internal), or without a key."""
    with TestClient(create_app(app), raise_server_exceptions=False) as plain:

        def make(*scopes: KeyScope, tenant: str = "default", keyless: bool = False) -> TestClient:
            plain.headers.pop("Authorization", None)
            if not keyless:
                wanted = scopes or tuple(set(KeyScope) - {KeyScope.INTERNAL})
                _, secret = app.keys.create(tenant, "test", wanted, timedelta(hours=1))
                plain.headers["Authorization"] = f"Bearer {secret}"
            return plain

        yield make


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "christmas-hours.md"
    path.write_text("# Christmas opening hours\n\nFrom 24 to 27 December the workshop in Leeds is closed.\n")
    return path
