"""A guest of the service on this machine: it waits for it, and never loads what the service has."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.adapters.memory.models import HashingEmbedder
from assistant.config import Settings
from assistant.engine.host import ModelHost, socket_path
from assistant.engine.lane import ComputeLane
from assistant.kernel.errors import ModelAway, ModelUnavailable
from assistant.ports import Vectors
from assistant.wiring import App

EMBEDDER = HashingEmbedder(dimension=384)


def test_a_guest_that_is_there_before_the_service_waits_for_it(tmp_path: Path) -> None:
    guest = App(Settings(data_dir=tmp_path, guest=True))
    with pytest.raises(ModelAway):
        guest.embedder.embed(["warranty"])
    host = ModelHost(socket_path(tmp_path), None, EMBEDDER, ComputeLane())
    host.start()
    assert (guest.embedder.embed(["warranty"]) == EMBEDDER.embed(["warranty"])).all()
    host.close()
    guest.close()


def test_the_service_itself_is_nobodys_guest(tmp_path: Path) -> None:
    assert App(Settings(data_dir=tmp_path, guest=True), hosting=True).host is None


def test_a_guest_hears_of_a_request_that_broke(tmp_path: Path) -> None:
    class Broken(HashingEmbedder):
        def embed(self, texts: object) -> Vectors:
            raise RuntimeError("out of memory")

    host = ModelHost(socket_path(tmp_path), None, Broken(dimension=384), ComputeLane())
    host.start()
    with pytest.raises(ModelUnavailable, match="unexpected RuntimeError"):
        App(Settings(data_dir=tmp_path, guest=True)).embedder.embed(["warranty"])
    host.close()


def test_calls_that_share_a_guest_s_connection_each_get_their_own_answer(tmp_path: Path) -> None:
    texts = ["warranty", "descaling", "refund", "delivery"]
    host = ModelHost(socket_path(tmp_path), None, EMBEDDER, ComputeLane())
    host.start()
    guest = App(Settings(data_dir=tmp_path, guest=True))
    with ThreadPoolExecutor(len(texts)) as threads:
        answers = list(threads.map(lambda text: guest.embedder.embed([text]), texts))
    assert all((answer == EMBEDDER.embed([text])).all() for text, answer in zip(texts, answers, strict=True))
    guest.close()
    host.close()
