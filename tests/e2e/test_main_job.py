"""The main job with the real models and no network: documents in, a cited draft or a human out.

Every socket to another machine is refused in the command and in the processes it starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.kernel.summary import TicketSummary
from tests.conftest import HELP_CENTRE, PROJECT

pytestmark = pytest.mark.models
TICKETS = PROJECT / "deploy" / "demo" / "tickets"
REFUSE = """
import socket
def _refused(self, address):
    if self.family != socket.AF_UNIX:
        raise OSError("the network is refused in this test")
    return _connect(self, address)
_connect = socket.socket.connect
socket.socket.connect = _refused
socket.socket.connect_ex = _refused
socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(OSError("the network is refused in this test"))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data folder of its own, and a sitecustomize that refuses the network in every Python process."""
    place = tmp_path_factory.mktemp("offline")
    (place / "sitecustomize.py").write_text(REFUSE)
    return os.environ | {"PYTHONPATH": str(place), "DESKHAND_DATA_DIR": str(place / "data")}


def deskhand(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assistant.cli.main", *arguments]
    return subprocess.run(
        command, check=False, env=environment, input=stdin, capture_output=True, text=True, timeout=300, cwd=PROJECT
    )


@pytest.fixture(scope="module")
def ingested(environment: dict[str, str]) -> dict[str, str]:
    done = deskhand(environment, "ingest", str(HELP_CENTRE), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["documents"] == len(list(HELP_CENTRE.iterdir()))
    return environment


def test_the_network_is_really_refused(environment: dict[str, str]) -> None:
    probe = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    done = subprocess.run([sys.executable, "-c", probe], check=False, env=environment, capture_output=True, text=True)
    assert "refused in this test" in done.stderr


def test_tickets_end_as_the_demo_promises(ingested: dict[str, str]) -> None:
    """What code decides is exact. What models write may differ between CPUs, so of three one must be answered."""
    names = ["07-it-does-not-work", "08-student-discount", "10-angry-call-refund"]
    written = ["01-descale-duo", "04-error-e4", "06-follow-up-mill"]
    files = [part for name in names + written for part in ("--file", str(TICKETS / f"{name}.json"))]
    done = deskhand(ingested, "draft", "--json", *files)
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(reply["decision"], reply["reasons"][0]["code"]) for reply in replies[:3]] == [
        ("clarify", "underspecified"),
        ("handoff", "no_evidence"),
        ("handoff", "person_requested"),
    ]
    answers = [reply for reply in replies[3:] if reply["decision"] == "answer"]
    assert answers
    for reply in answers:
        for sentence in reply["draft"]["sentences"]:
            assert sentence["citations"]
            for citation in sentence["citations"]:
                source = Path(citation["url"].removeprefix("file://").split("#")[0])
                assert source.parent == HELP_CENTRE
                assert citation["quote"]


def test_a_run_repeats_with_the_same_text(ingested: dict[str, str]) -> None:
    drafted = deskhand(ingested, "draft", "--json", "--text", "Which button do I hold to descale the Fernhill Duo?")
    run_id = json.loads(drafted.stdout)["run_id"]
    replayed = deskhand(ingested, "replay", run_id, "--json")
    assert replayed.returncode == 0, replayed.stderr
    outcomes = json.loads(replayed.stdout)
    assert outcomes
    assert all(outcome["same"] and outcome["changed"] == [] for outcome in outcomes)


def test_a_ticket_is_summarised_in_what_its_messages_say(ingested: dict[str, str]) -> None:
    done = deskhand(ingested, "summarize", "--json", "--file", str(TICKETS / "06-follow-up-mill.json"))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary) == set(TicketSummary.model_fields)
    assert len(summary["request"]["text"]) > 10
    assert summary["short"]["messages"]


def test_a_draft_reads_as_a_page_for_people(ingested: dict[str, str]) -> None:
    done = deskhand(ingested, "draft", stdin="It doesn't work")
    assert done.returncode == 0
    assert "Ask back" in done.stdout
    assert "Why:" in done.stdout


def test_a_target_that_so_few_labels_cannot_show_sends_every_draft_to_a_person(
    ingested: dict[str, str], tmp_path: Path
) -> None:
    """And the person sees the draft. Dropped, drafts are accepted by the checks alone as before."""
    rows = [
        {
            "_id": "1",
            "text": "How do I descale the Fernhill Duo?",
            "reference": "Fill the tank with descaler and water.",
        },
        {"_id": "2", "text": "Do you have a discount for students?", "answerability": ["UNANSWERABLE"]},
    ]
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row) for row in rows))
    one_model = ingested | {"DESKHAND_LARGE_MODEL": ""}
    done = deskhand(one_model, "calibrate", "--queries", str(questions), "--json")
    assert done.returncode == 3, done.stderr
    made = json.loads(done.stdout)
    assert (made["questions"], made["threshold"]) == (2, None)
    assert made["missing"] >= 20
    ticket = ("draft", "--json", "--file", str(TICKETS / "04-error-e4.json"))
    held_back = json.loads(deskhand(one_model, *ticket).stdout)
    assert held_back["decision"] == "handoff"
    assert held_back["confidence"] is None
    assert deskhand(one_model, "calibrate", "drop").returncode == 0
    free = json.loads(deskhand(one_model, *ticket).stdout)
    if free["decision"] == "answer":
        assert held_back["handoff"]["draft"]["text"] == free["draft"]["text"]
        assert held_back["reasons"][0]["code"] == "not_calibrated"
