"""Time to the first token of interactive drafts, with and without a batch of summaries running, in turns in one run."""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

import httpx2

from tests.bench.report import report
from tests.bench.serve import HELP_CENTRE, run, wait

ROUNDS, DRAFTS_A_TURN = 3, 6
AT_WORK = {"name": "summarize_batch", "state": ["queued", "running"]}
ASKS = [
    "Which button do I hold to descale the Fernhill Duo?",
    "How do I pause my subscription for two weeks?",
    "How long is the warranty of the Fernhill Duo?",
    "What does E4 on the Duo mean, and what can I do about it?",
    "How many days do I have to return a grinder?",
    "How do I steam milk with the Fernhill Duo?",
    "How do I clean the grinder?",
    "When will I get my money back after a return?",
    "How do I change the address of my next delivery?",
    "What is the weight of the Fernhill Duo?",
]


def main() -> None:
    dialogues = Path(sys.argv[1]).read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = os.environ | {"DESKHAND_DATA_DIR": folder, "DESKHAND_PORT": str(port)}
        run(environment, "ingest", HELP_CENTRE)
        secret = json.loads(run(environment, "keys", "create", "--json"))["secret"]
        service = subprocess.Popen([sys.executable, "-m", "assistant.cli.main", "serve"], env=environment)
        try:
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300) as client:
                wait(client, time.monotonic())
                figures = measure(client, dialogues)
        finally:
            service.terminate()
            service.wait(60)
    report("first-token", figures)


def measure(client: httpx2.Client, dialogues: list[str]) -> dict[str, float | int | str]:
    quiet: list[float] = []
    beside: list[float] = []
    rows = 0
    asks = cycle([text for text in ASKS if first_token(client, text)])  # Those that a model answers; and all is loaded.
    for _ in range(ROUNDS):
        quiet += [first_token(client, next(asks)) for _ in range(DRAFTS_A_TURN)]
        batch = client.post(
            "/v1/summaries/batches", content="\n".join(dialogues), headers={"Content-Type": "application/x-ndjson"}
        ).json()["id"]
        while client.get(f"/v1/summaries/batches/{batch}").json()["done"] < 1:
            time.sleep(0.2)
        beside += [first_token(client, next(asks)) for _ in range(DRAFTS_A_TURN)]
        rows += client.post(f"/v1/summaries/batches/{batch}/cancel").json()["done"]
        while client.get("/v1/jobs", params=AT_WORK).json()["jobs"]:  # The rows at hand end; then it is quiet again.
            time.sleep(0.2)
    medians = statistics.median(quiet), statistics.median(beside)
    return {
        "drafts_each": len(quiet),
        "batch_rows_meanwhile": rows,
        "quiet_s_p50": round(medians[0], 3),
        "beside_a_batch_s_p50": round(medians[1], 3),
        "ratio_p50": round(medians[1] / medians[0], 2),
        "quiet_s_max": round(max(quiet), 3),
        "beside_a_batch_s_max": round(max(beside), 3),
    }


def first_token(client: httpx2.Client, text: str) -> float:
    """Seconds until a model's first token, 0 when none wrote; the draft is read to its end, so that it is not in the next one's way."""
    started, seen = time.monotonic(), 0.0
    body = {"messages": [{"author": "customer", "text": text}]}
    with client.stream("POST", "/v1/drafts", json=body, headers={"Accept": "text/event-stream"}) as response:
        for line in response.iter_lines():
            if line == "event: token" and not seen:
                seen = time.monotonic() - started
    return seen


if __name__ == "__main__":
    main()
