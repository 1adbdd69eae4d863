"""A browser, the real service on 127.0.0.1, and a host page on another origin that frames the sidebar."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Frame, Page, Request, sync_playwright

from assistant.adapters.memory.models import ScriptedModel
from assistant.api.app import create_app
from assistant.config import Settings
from assistant.kernel.access import AGENT_SCOPES, AgentSession, KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import ChatMessage
from assistant.kernel.knowledge import Audience
from assistant.wiring import App
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest
from tests.conftest import HELP_CENTRE, INTERNAL_NOTES, PROJECT
from tests.summaries import written

CHROMIUM = Path("/usr/bin/chromium")
TICKETS = PROJECT / "deploy" / "demo" / "tickets"
WAIT_MS = 15_000
ASK = {
    "id": "T-1001",
    "subject": "Descaling",
    "messages": [{"author": "customer", "text": "How do I descale the Fernhill Duo?"}],
}
GOODWILL = {
    "id": "T-1010",
    "subject": "Goodwill",
    "messages": [{"author": "customer", "text": "What goodwill refund can agents give without approval?"}],
}


SUMMARY = written(
    "The customer asks how to descale the Fernhill Duo.",
    product="Fernhill Duo",
    open_questions=["How does one descale the Duo?"],
    next_step="Send the descaling steps for the Duo.",
)


class PacedModel(ScriptedModel):
    """Writes what a test scripts; at each ``|`` it waits until the test lets it go on."""

    def __init__(self, reply: Callable[[Sequence[ChatMessage]], str], name: str = "paced") -> None:
        super().__init__(reply, name=name)
        self.gate = threading.Semaphore(0)

    def stream(self, messages: Sequence[ChatMessage], sampling: Any, *, tenant: str, deadline_s: float) -> Any:
        stream = super().stream(messages, sampling, tenant=tenant, deadline_s=deadline_s)
        try:
            while True:
                token = next(stream)
                if "|" in token.text:
                    assert self.gate.acquire(timeout=60), "nobody let the model go on"
                yield token.model_copy(update={"text": token.text.replace("|", "")})
        except StopIteration as end:
            return end.value.model_copy(update={"text": end.value.text.replace("|", "")})


def passages_in(messages: Sequence[ChatMessage]) -> list[str]:
    """The passages of a prompt, as they stand in it."""
    parts = messages[-1].content.split("<passage ")[1:]
    return [part.split(">\n", 1)[1].split("\n</passage>", 1)[0] for part in parts]


def sentences_of(text: str) -> list[str]:
    flat = " ".join(text.split())
    return [sentence.strip().rstrip(".") + "." for sentence in flat.split(". ") if len(sentence.split()) > 4]


def copying(messages: Sequence[ChatMessage]) -> str:
    """Two sentences of the first passage and one of the second, if they have as many, a pause after each."""
    found = [(number, sentences_of(text)) for number, text in enumerate(passages_in(messages), start=1)]
    chosen = [(number, sentence) for number, sentences in found for sentence in sentences[: 2 if number == 1 else 1]]
    return " ".join(f"{sentence[:-1]} [{number}].|" for number, sentence in chosen[:3])


def usual(messages: Sequence[ChatMessage]) -> str:
    """Drafts by copying; a summary in the shape that is asked for."""
    if "<ticket" not in messages[-1].content:
        return copying(messages)
    return SUMMARY


@dataclass
class Site:
    """The running service, and what tests need to play with it."""

    app: App
    address: str
    host: str
    """Origin of the page that may frame the sidebar."""
    api: FastAPI
    spoke: list[PacedModel] = field(default_factory=list)

    def says(
        self, script: Callable[[Sequence[ChatMessage]], str], *, paced: bool = False, tier: Tier = Tier.SMALL
    ) -> PacedModel:
        """Let a model say this from now on; without ``paced`` it waits nowhere. The small one is then the only one."""
        model = PacedModel(script if paced else lambda messages: script(messages).replace("|", ""))
        self.spoke.append(model)
        if tier is Tier.SMALL:
            self.app.models.clear()
        self.app.models[tier] = model
        return model

    def token(self, *, internal: bool = False, lifetime: timedelta = timedelta(hours=1), agent: str = "Ines") -> str:
        scopes = AGENT_SCOPES | ({KeyScope.INTERNAL} if internal else set())
        return self.app.keys.create("default", AgentSession(agent=agent).key_name, scopes, lifetime)[1]


@dataclass
class Sidebar:
    """The sidebar in its host page, as a test looks at it."""

    page: Page
    site: Site
    frame: Frame
    complaints: list[str]
    """What the browser found wrong: broken rules of the page, and errors of its scripts."""

    def tell(self, message: dict[str, Any]) -> None:
        """A message from the host page."""
        self.page.evaluate("message => window.tell(message)", message)

    def received(self, kind: str) -> list[dict[str, Any]]:
        """What the sidebar told the host, of one kind."""
        told = self.page.evaluate("() => window.received")
        return [item["data"] for item in told if item["data"].get("type") == f"deskhand:{kind}"]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        self.page.wait_for_function(
            "([kind, count]) => window.received.filter(item => item.data.type === kind).length >= count",
            arg=[f"deskhand:{kind}", count],
        )
        return self.received(kind)

    def sign_in(self, **wanted: Any) -> None:
        self.tell({"type": "deskhand:token", "token": self.site.token(**wanted)})
        self.frame.get_by_text("Signed in as").wait_for()

    def draft(self) -> None:
        self.frame.get_by_role("button", name="Draft a reply").click()


Opened = Callable[..., Sidebar]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs a browser: apt-get install chromium")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=sandbox)
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """A web server of its own for ``folder``; yields its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def serving(api: FastAPI) -> Iterator[str]:
    """The service on a thread; yields its address."""
    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def host_origin() -> Iterator[str]:
    with serving_folder(PROJECT) as origin:
        yield origin


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, host_origin: str) -> Iterator[Site]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("sidebar"), small_model="", large_model="", max_waiting=0,
        sidebar_origins=host_origin, sidebar_demo=TICKETS,
    )  # fmt: skip
    app = App(settings)
    for folder, audience in ((HELP_CENTRE, Audience.PUBLIC), (INTERNAL_NOTES, Audience.INTERNAL)):
        ingest(load(folder), "default", audience, create_ingest(app), roots=[root_key(folder)])
    api = create_app(app)
    with serving(api) as address:
        yield Site(app, address, host_origin, api)
    app.close()


@pytest.fixture(autouse=True)
def usual_model(site: Site) -> Iterator[None]:
    """Every test begins with the usual model and a free place; what still waits at its end goes on."""
    site.says(usual)
    yield
    for model in site.spoke:
        model.gate.release(1_000)
    service = site.api.state.service
    while service.admission.in_flight:
        time.sleep(0.01)
    site.spoke.clear()


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[Opened]:
    """Opens the sidebar in the host page. At the end: nothing was fetched from elsewhere, and nothing popped up."""
    contexts = []
    asked: list[str] = []
    popped: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def make(
        *,
        width: int = 480,
        height: int = 900,
        scheme: Any = "light",
        query: str = "",
        host: str = site.host,
        **more: Any,
    ) -> Sidebar:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **more)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("dialog", lambda dialog: popped.append(dialog.message))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{host}/tests/sidebar/host.html")
        page.evaluate("url => window.show(url)", f"{site.address}/sidebar{query}")
        page.wait_for_function("() => window.received.length > 0")
        frame = next(frame for frame in page.frames if frame.url.startswith(site.address))
        return Sidebar(page, site, frame, complaints)

    yield make
    for context in contexts:
        context.close()
    elsewhere = [url for url in asked if not url.startswith((site.address, "http://127.0.0.1:", "data:"))]
    assert elsewhere == []
    assert popped == []
    assert complaints == []
