"""``deskhand feedback`` and ``deskhand gaps`` as a support lead types them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.writing import written_whole
from assistant.config import Settings
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Feedback
from assistant.pipeline import Desk, answer
from assistant.wiring import App
from tests.cli.test_commands import deskhand
from tests.fundamentals.test_09_the_whole_path import copying
from tests.learning.tickets import EVERYTHING, keep


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "80"}


@pytest.fixture
def app(tmp_path: Path, make_desk: Callable[..., Desk], scope: Scope) -> App:
    """A database with handed-off tickets, and one answer that a person edited."""
    app = App(Settings(data_dir=tmp_path / "data"))
    keep(EVERYTHING, make_desk(), scope, app.runs)
    run = answer(Ticket.from_text("How do I descale the Fernhill Duo?"), scope, make_desk(copying))
    app.runs.record(run)
    app.runs.add_feedback("default", Feedback(run_id=run.id, verdict="edited", sent_text="Mail tom@example.org."))
    app.close()
    return app


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("feedback", "export", "--out", "README.md"), "is there already"),
        (("feedback", "export", "--out", "/no/such/folder/x.jsonl"), "cannot be written"),
        (("feedback", "export", "--out", "x.jsonl", "--verdict", "liked"), "there is no verdict"),
        (("feedback", "show", "nothing"), "there is no run"),
        (("gaps", "show", "nothing"), "there is no proposal"),
        (("gaps", "approve", "nothing"), "there is no proposal"),
        (("gaps", "approve", "nothing", "--edit", "/no/such.md"), "cannot be read"),
        (("gaps", "reject", "nothing", "--why", " "), "the reason is empty"),
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


@pytest.mark.usefixtures("app")
def test_an_export_says_what_it_wrote_and_what_it_left_out(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    done = deskhand(environment, "feedback", "export", "--out", str(out), "--format", "chat")
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, out.read_text().splitlines())
    assert row["messages"][-1] == {"role": "assistant", "content": "Mail [email]."}
    told = " ".join(done.stderr.split())
    assert "1 rows in" in told
    assert "6 runs (no model was asked)" in told
    assert "are not masked" in told
    before = out.read_bytes()
    assert deskhand(environment, "feedback", "export", "--out", str(out)).returncode == 1
    assert out.read_bytes() == before
    assert deskhand(environment, "feedback", "export", "--out", str(out), "--force").returncode == 0
    assert out.read_bytes() != before
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.mark.usefixtures("app")
def test_feedback_is_shown_counted_listed_and_one_by_one(environment: dict[str, str]) -> None:
    shown = deskhand(environment, "feedback", "show").stdout
    assert "7 judgements on 7 runs" in shown
    listed = deskhand(environment, "feedback", "list").stdout.splitlines()
    assert len(listed) == 8
    assert len(deskhand(environment, "feedback", "list", "--limit", "3").stdout.splitlines()) == 4
    assert max(map(len, listed)) <= 80
    run_id = next(line for line in listed if "edited" in line).split()[0]
    assert "tom@example.org" in deskhand(environment, "feedback", "show", run_id).stdout
    assert json.loads(deskhand(environment, "feedback", "show", "--json").stdout)["verdicts"]["sent"] == 6


@pytest.mark.models
@pytest.mark.usefixtures("app")
def test_gaps_are_found_proposed_approved_and_rejected(environment: dict[str, str], tmp_path: Path) -> None:
    found = deskhand(environment, "gaps").stdout
    assert "3 gaps of at least 2 tickets, 9 in all" in found
    assert max(len(line.rstrip()) for line in found.splitlines()) <= 80
    proposed = json.loads(deskhand(environment, "gaps", "--propose", "--json").stdout)["gaps"]
    gift, office, engraving = (item["proposal"]["id"] for item in proposed)
    shown = deskhand(environment, "gaps", "show", office[:8]).stdout
    assert "Answers differ" in " ".join(shown.split())
    assert deskhand(environment, "gaps", "approve", gift).returncode == 0
    assert deskhand(environment, "gaps", "reject", office, "--why", "It changes soon.").returncode == 0
    assert "has no text" in deskhand(environment, "gaps", "approve", engraving).stderr
    article = tmp_path / "engraving.md"
    article.write_text("# Engraving\n\nWe do not engrave.\n")
    done = deskhand(environment, "gaps", "approve", engraving, "--edit", str(article), "--audience", "public")
    assert done.returncode == 0, done.stderr
    states = [item["state"] for item in json.loads(deskhand(environment, "gaps", "list", "--json").stdout)]
    assert sorted(states) == ["approved", "approved", "rejected"]
    assert len(json.loads(deskhand(environment, "jobs", "list", "--json").stdout)) == 2


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old\n")

    def cut_off() -> None:
        with written_whole(path, force=True) as write:
            write("new\n")
            raise InputError("cut off")

    with pytest.raises(InputError, match="cut off"):
        cut_off()
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]
