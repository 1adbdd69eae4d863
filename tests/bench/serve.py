"""The running service: time from start to ready, memory with both models loaded, and how fast it refuses when full."""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import httpx2

from tests.bench.processes import memory_kb
from tests.bench.report import report

HELP_CENTRE = "deploy/demo/help-centre"
ASKS = [
    "Which button do I hold to descale the Fernhill Duo?",
    "How do I pause my subscription?",
    "How long is the warranty of the Fernhill Duo? How do I book a repair?",
    "What does E4 on the Duo mean?",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = os.environ | {
            "DESKHAND_DATA_DIR": folder,
            "DESKHAND_PORT": str(port),
            "DESKHAND_MAX_WAITING": "1",
        }
        run(environment, "ingest", HELP_CENTRE)
        secret = json.loads(run(environment, "keys", "create", "--json"))["secret"]
        started = time.monotonic()
        service = subprocess.Popen([sys.executable, "-m", "assistant.cli.main", "serve"], env=environment)
        try:
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300) as client:
                up, ready = wait(client, started)
                idle = memory_mb(service.pid)
                first_tokens, totals = draft(client)
                refusals = refuse(client)
                report(
                    "serve",
                    {
                        "start_to_listening_s": round(up, 2),
                        "start_to_ready_s": round(ready, 2),
                        "memory_idle_mb": idle,
                        "memory_after_drafts_mb": memory_mb(service.pid),
                        "evidence_then_first_token_s_p50": round(statistics.median(first_tokens), 2),
                        "draft_total_s_p50": round(statistics.median(totals), 2),
                        "refusal_when_full_ms_max": round(max(refusals) * 1000, 1),
                    },
                )
        finally:
            service.terminate()
            service.wait()


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "assistant.cli.main", *arguments]
    return subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout


def wait(client: httpx2.Client, started: float) -> tuple[float, float]:
    """Seconds until the service listens, and until it is ready."""
    up = 0.0
    while True:
        try:
            code = client.get("/readyz").status_code
        except httpx2.TransportError:
            code = 0
        if code and not up:
            up = time.monotonic() - started
        if code == httpx2.codes.OK:
            return up, time.monotonic() - started
        time.sleep(0.05)


def draft(client: httpx2.Client) -> tuple[list[float], list[float]]:
    """Seconds to the first token and to the end, a question each."""
    first_tokens, totals = [], []
    for text in ASKS:
        start = time.monotonic()
        first = 0.0
        body = {"messages": [{"author": "customer", "text": text}]}
        with client.stream("POST", "/v1/drafts", json=body, headers={"Accept": "text/event-stream"}) as response:
            for line in response.iter_lines():
                if line == "event: token" and not first:
                    first = time.monotonic() - start
        totals.append(time.monotonic() - start)
        if first:
            first_tokens.append(first)
    return first_tokens, totals


def refuse(client: httpx2.Client) -> list[float]:
    """Seconds each of twenty requests took to be refused while two others fill the service."""
    body = {"messages": [{"author": "customer", "text": ASKS[2]}]}
    busy = [threading.Thread(target=lambda: client.post("/v1/drafts", json=body)) for _ in range(2)]
    for thread in busy:
        thread.start()
    time.sleep(1.0)
    spent = []
    for _ in range(20):
        start = time.monotonic()
        if client.post("/v1/drafts", json=body).status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            spent.append(time.monotonic() - start)
    for thread in busy:
        thread.join()
    return spent


def memory_mb(pid: int) -> int:
    """Proportional resident memory of a process and all below it, in megabytes (pages shared are split)."""
    return memory_kb(pid) // 1024


if __name__ == "__main__":
    main()
