"""The command as a person types it: messages, fixes and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "120"}


def deskhand(environment: dict[str, str], *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assistant.cli.main", *arguments]
    done = subprocess.run(command, check=False, env=environment, input=stdin, capture_output=True, cwd=PROJECT)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_init_tells_what_comes_next_and_may_be_repeated(environment: dict[str, str]) -> None:
    for _ in range(2):
        done = deskhand(environment, "init")
        assert done.returncode == 0, done.stderr
        assert "deskhand ingest" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ingest", "/no/such/folder"), "there is nothing at"),
        (("ingest",), "no place was given"),
        (("ingest", "README.md", "--every", "soon"), "no length of time"),
        (("ingest", "README.md", "--base-url", "docs"), "not a web address"),
        (("ingest", "README.md", "--tenant", "../x"), "cannot name a tenant"),
        (("draft", "--text", "  "), "the message is empty"),
        (("draft", "--file", "/no/such.json"), "cannot be read"),
        (("draft", "--file", "README.md"), "is not a ticket"),
        (("draft", "--text", "a", "--file", "b"), "both given"),
        (("search", "anything"), "has no documents yet"),
        (("replay", "nothing"), "there is no run"),
        (("keys", "revoke", "nothing"), "there is no key"),
        (("models", "pull", "gpt-9"), "there is no model"),
        (("worker",), "needs a broker"),
    ],
)
def test_mistakes_end_with_a_message_and_a_fix(
    environment: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    done = deskhand(environment, *arguments)
    assert done.returncode == 1
    assert message in done.stderr.replace("\n", " ")
    assert "Fix:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stdin", [b"", b"{", b'{"messages": 3}', b"\xff\xfe\x00"])
def test_odd_standard_input_is_no_crash(environment: dict[str, str], stdin: bytes) -> None:
    done = deskhand(environment | {"DESKHAND_SMALL_MODEL": "", "DESKHAND_LARGE_MODEL": ""}, "draft", stdin=stdin)
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_named(environment: dict[str, str]) -> None:
    done = deskhand(environment | {"DESKHAND_PORT": "high", "DESKHAND_POLICY": "x"}, "keys", "list")
    assert done.returncode == 1
    assert "DESKHAND_PORT" in done.stderr


def test_a_key_is_shown_once(environment: dict[str, str]) -> None:
    made = deskhand(environment, "keys", "create", "--name", "helpdesk", "--scope", "drafts", "--json")
    key = json.loads(made.stdout)
    assert key["secret"].startswith("dh_")
    listed = deskhand(environment, "keys", "list").stdout
    assert key["secret"] not in listed
    assert "helpdesk" in listed


def test_doctor_prints_a_fix_for_each_failure(environment: dict[str, str], tmp_path: Path) -> None:
    done = deskhand(environment | {"DESKHAND_MODELS_DIR": str(tmp_path / "none")}, "doctor")
    assert done.returncode == 1
    assert done.stdout.count("FAIL") == done.stdout.count("Fix:") == 4
    assert "models pull" in done.stdout


def test_doctor_is_content_when_all_is_well(environment: dict[str, str]) -> None:
    done = deskhand(environment | {"DESKHAND_PORT": "38471"}, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert all(finding["ok"] for finding in json.loads(done.stdout))


@pytest.mark.models
def test_ingest_reports_what_it_left_out_and_says_so_in_the_exit_code(
    environment: dict[str, str], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "good.md").write_text("# Parcels\n\nParcels leave our warehouse every morning at nine.")
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    done = deskhand(environment, "ingest", str(docs))
    assert done.returncode == 3
    assert "1 added" in done.stdout
    assert "bad.pdf: it is damaged" in done.stdout
    found = deskhand(environment, "search", "When do parcels leave?")
    assert "every morning at nine" in found.stdout


@pytest.mark.models
def test_status_tells_what_is_published_and_rollback_brings_the_one_before_back(
    environment: dict[str, str], tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    options = ("--tenant", "notes")
    none = deskhand(environment, "index", "rollback", *options)
    assert none.returncode == 1
    assert "nothing is published for tenant 'notes'" in none.stderr
    for hour in ("nine", "ten"):
        note.write_text(f"# Parcels\n\nParcels leave our warehouse every morning at {hour}.")
        assert deskhand(environment, "ingest", str(note), *options).returncode == 0
    done = deskhand(environment, "status", *options, "--json")
    assert done.returncode == 0, done.stdout
    status = json.loads(done.stdout)
    assert (status["documents"], status["not_published"], status["by_words_only"]) == (1, 0, 0)
    while "at nine" not in deskhand(environment, "search", "When do parcels leave?", *options).stdout:
        assert deskhand(environment, "index", "rollback", *options).returncode == 0
    behind = deskhand(environment, "status", *options)
    assert behind.returncode == 3
    assert "documents not found yet" in behind.stdout
    assert deskhand(environment, "ingest", str(note), *options).returncode == 0
    assert "at ten" in deskhand(environment, "search", "When do parcels leave?", *options).stdout


def test_a_sidebar_code_is_printed_alone_and_expired_keys_are_not_listed(environment: dict[str, str]) -> None:
    done = deskhand(environment, "sidebar", "code", "--agent", "Ines", "--connection", "chatwoot")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dh_")
    assert len(done.stdout.split()) == 1
    assert "works once" in done.stderr
    wrong = deskhand(environment, "sidebar", "code", "--agent", "a/b")
    assert wrong.returncode == 1
    assert "--agent is not valid" in wrong.stderr
    listed = deskhand(environment, "keys", "list")
    assert "sidebar_code" in listed.stdout.replace("\n", "")
