"""Uses the models and the embedder of the service that runs on this machine, instead of loading them again."""

import base64
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assistant.engine.host import is_private
from assistant.engine.lane import BATCH
from assistant.engine.link import Call, Link, MakeRequest
from assistant.engine.local import answered, error_of
from assistant.engine.protocol import Embed, Embedded, Failed, ModelFile, Ready
from assistant.kernel.errors import ModelAway, ModelUnavailable
from assistant.kernel.knowledge import EmbedderIdentity
from assistant.ports import Embedder, Vectors

CONNECT_TIMEOUT_S = 2.0
GREETING_TIMEOUT_S = 10.0
EMBED_TIMEOUT_S = 300.0
"""For one batch: bulk ones wait for drafts, and for the batches of other guests."""


class HostedModels:
    """Requests to a host; connects again when the service was restarted. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._link: Link | None = None

    def greeting(self) -> Ready | None:
        """What the host has, or None when no service runs here."""
        try:
            return self._connected()[1]
        except ModelUnavailable:
            return None

    def submit(self, make: MakeRequest) -> Call:
        """Send a request. Raises ModelAway while no service runs."""
        return self._connected()[0].send(make)

    def _connected(self) -> tuple[Link, Ready]:
        with self._lock:
            if self._link is None or not self._link.alive:
                self._link = self._connect()
            ready = self._link.wait_ready(GREETING_TIMEOUT_S)
            if ready is None:
                raise ModelAway("the service that shares its models does not answer", retry_after_s=2.0)
            return self._link, ready

    def _connect(self) -> Link:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(CONNECT_TIMEOUT_S)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise ModelAway("the service that shares its models is not running", retry_after_s=2.0) from error
        connection.settimeout(None)
        return Link(connection.makefile("rb"), connection.makefile("wb"), lambda: "the service has stopped", "away")


class HostedEmbedder:
    """Embedder whose vectors are made by the host; tokens are counted here, which needs no torch.

    A batch is asked for at a time: nothing of a guest that is gone keeps the host busy for longer.
    """

    def __init__(self, models: HostedModels, own: Embedder, *, bulk: bool = False) -> None:
        self._models, self._own, self._bulk = models, own, bulk

    @property
    def identity(self) -> EmbedderIdentity:
        return self._own.identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._own.count_tokens(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the port says. Raises ModelAway while no service runs."""
        parts = [self._embed(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        empty = np.zeros((0, self.identity.dimension), dtype=np.float32)
        return np.concatenate(parts) if parts else empty

    def _embed(self, texts: Sequence[str]) -> Vectors:
        call = self._models.submit(lambda number: Embed(id=number, texts=tuple(texts), bulk=self._bulk))
        event = answered(call, EMBED_TIMEOUT_S)
        if isinstance(event, Failed):
            raise error_of(event)
        if not isinstance(event, Embedded):
            raise ModelUnavailable("the service answered another question")
        flat = np.frombuffer(base64.b64decode(event.vectors), dtype=np.float32)
        return flat.reshape(len(texts), self.identity.dimension)


def find_host(path: Path, files: Sequence[ModelFile], embedder_sha256: str) -> HostedModels | None:
    """The service on this machine, if it has the very models and embedder wanted."""
    if not path.exists() or not is_private(path.parent):
        return None
    models = HostedModels(path)
    ready = models.greeting()
    if ready is None or ready.embedder_sha256 != embedder_sha256 or not set(files) <= set(ready.models):
        return None
    return models
