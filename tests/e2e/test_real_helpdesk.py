"""`make demo-helpdesk`, once: a real django-helpdesk and the real service with its models, by webhook and back."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HELP_CENTRE, INTERNAL_NOTES, PROJECT
from tests.e2e.test_deployment import free_port

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints: the note at each of three tickets, as the helpdesk shows it to an agent."""
    folder = tmp_path_factory.mktemp("helpdesk")
    environment = os.environ | {"DESKHAND_DATA_DIR": str(folder / "deskhand"), "DEMO_ONCE": "1"}
    for path, audience in ((HELP_CENTRE, "public"), (INTERNAL_NOTES, "internal")):
        command = [sys.executable, "-m", "assistant.cli.main", "ingest", str(path), "--audience", audience]
        subprocess.run(command, check=True, env=environment, cwd=PROJECT, capture_output=True)
    ports = ["--helpdesk-port", str(free_port()), "--deskhand-port", str(free_port())]
    demo = [sys.executable, "-m", "tests.helpdesk_site.demo", "--data", str(folder / "demo"), *ports]
    process = subprocess.Popen(
        demo, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output = process.communicate(timeout=500)[0].decode()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    assert process.returncode == 0, _log(folder / "demo") + output[-2_000:]
    return output


def _log(folder: Path) -> str:
    log = folder / "deskhand.log"
    return log.read_text()[-3_000:] if log.exists() else ""


def note(told: str, number: int) -> str:
    """The note at the demo's ticket of this number."""
    return told.split(f"Ticket {number} (", 1)[1].split("(The ticket is in the queue", 1)[0]


def test_a_question_gets_a_draft_with_the_words_it_rests_on(told: str) -> None:
    draft = note(told, 1)
    assert "Draft reply, to be checked before it is sent" in draft
    assert re.search(r"\[1\].*Sources.*\[1\] .+: “.+”", draft, re.DOTALL)
    assert re.search(r"Deskhand · run [0-9a-f]{12} · dh-[0-9a-f]{16}", draft)


def test_a_vague_ticket_gets_a_question_to_ask_back(told: str) -> None:
    assert "Question to ask back" in note(told, 2)


def test_a_handoff_gets_its_reason_and_goes_to_people(told: str) -> None:
    handoff = note(told, 3)
    assert "For a person\nThe customer asks for a person." in handoff
    assert "(The ticket is in the queue People.)" in told
