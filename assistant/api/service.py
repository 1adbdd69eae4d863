"""What the routes share besides the App: admission, metrics, threads, and whether all is ready."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from fastapi import Request

from assistant.api.admission import Admission, Attempts
from assistant.api.metrics import Metrics
from assistant.kernel.errors import DeskhandError
from assistant.kernel.reply import Reply, reply_of
from assistant.kernel.runs import Run
from assistant.wiring import App

T = TypeVar("T")
log = structlog.get_logger()
SIGN_INS_A_MINUTE = 10
SPARE_THREADS = 16
"""For searches and health checks while all places for drafts are taken."""


class Service:
    """The running service around an App."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.metrics = Metrics()
        self.sign_ins = Attempts(SIGN_INS_A_MINUTE, app.clock)
        self.admission = Admission(app.settings.max_waiting, app.clock)
        self.threads = ThreadPoolExecutor(app.settings.max_waiting + 1 + SPARE_THREADS, "request")
        self._warm = threading.Event()
        self._trouble = ""
        self._loading: threading.Thread | None = None

    def warm_up(self) -> None:
        """Load models and embedder on a thread, unless one does, so that no request waits for them."""
        if self._loading is None or not self._loading.is_alive():
            self._loading = threading.Thread(target=self._load, name="warm-up", daemon=True)
            self._loading.start()

    def readiness(self) -> dict[str, str]:
        """What is not ready yet, and why; empty when everything is. What is down is started again."""
        if not self._warm.is_set():
            self.warm_up()
            return {"models": self._trouble or "still loading"}
        app = self.app
        trouble = {}
        if app.local_models and app.model_process.pid is None:
            self.warm_up()
            trouble["models"] = "the model process is being started again"
        try:
            app.ping()
        except DeskhandError as error:
            trouble["database"] = str(error)
        return trouble

    def finished(self, run: Run) -> Reply:
        """Store a run and count it; what is told to the caller."""
        self.app.runs.record(run)
        reply = reply_of(run)
        self.metrics.note(reply)
        return reply

    async def on_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work without holding up other requests."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def _load(self) -> None:
        try:
            if self.app.local_models:
                self.app.model_process.start()
            self.app.embedder.embed(["warm up"])
            if self.app.reranker is not None:
                self.app.reranker.score("warm up", ["warm up"])
            self._warm.set()
            log.info("ready")
        except DeskhandError as error:
            self._trouble = f"{error} {error.fix}".strip()
            log.error("not ready", error=error.code, detail=str(error), fix=error.fix)  # noqa: TRY400  (no trace: it is for the operator)
        except Exception as error:
            self._trouble = f"unexpected {type(error).__name__}"
            log.exception("not ready")


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
