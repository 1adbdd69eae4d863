"""``deskhand calibrate`` as an operator types it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.kernel.conversation import Ticket
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Feedback
from assistant.pipeline import Desk, answer
from assistant.wiring import App
from tests.cli.test_commands import deskhand
from tests.fundamentals.test_09_the_whole_path import copying
from tests.fundamentals.test_12_sure_enough import SURE, calibration


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "100"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calibrate",), "labels of one kind"),
        (("calibrate", "--queries", "questions.jsonl", "--feedback"), "labels of one kind"),
        (("calibrate", "--queries", "/no/such.jsonl"), "cannot be read"),
        (("calibrate", "--queries", "twice.jsonl"), "'1' is there twice"),
        (("calibrate", "--queries", "unlabelled.jsonl"), "none of the questions says"),
        (("calibrate", "--queries", "questions.jsonl"), "has no documents yet"),
        (("calibrate", "use", "nothing"), "no calibration begins with"),
        (("calibrate", "use", ""), "no calibration begins with"),
    ],
)
def test_mistakes_end_with_a_message_and_a_fix(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    question = {"_id": "1", "text": "How do I descale it?", "reference": "With the descaler."}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question))
    (tmp_path / "twice.jsonl").write_text(f"{json.dumps(question)}\n{json.dumps(question)}")
    (tmp_path / "unlabelled.jsonl").write_text(json.dumps(question | {"reference": ""}))
    placed = [str(tmp_path / part) if part.endswith(".jsonl") and "/" not in part else part for part in arguments]
    done = deskhand(environment, *placed)
    assert done.returncode == 1
    assert message in done.stderr.replace("\n", " ")
    assert "Fix:" in done.stderr
    assert "Traceback" not in done.stderr


def test_from_feedback_that_is_too_little_everything_goes_to_a_person_until_it_is_dropped(
    environment: dict[str, str], tmp_path: Path, make_desk: Callable[..., Desk], scope: Scope
) -> None:
    app = App(Settings(data_dir=tmp_path / "data"))
    run = answer(Ticket.from_text("How do I descale the Fernhill Duo?"), scope, make_desk(copying))
    app.runs.record(run)
    app.runs.add_feedback("default", Feedback(run_id=run.id, verdict="up"))
    app.close()
    assert "Nothing is calibrated" in deskhand(environment, "calibrate", "show").stdout
    tried = deskhand(environment, "calibrate", "--feedback", "--try")
    assert tried.returncode == 3, tried.stderr
    assert "Nothing is calibrated" in deskhand(environment, "calibrate", "show").stdout
    done = deskhand(environment, "calibrate", "--feedback", "--target-error", "0.2")
    assert done.returncode == 3
    said = " ".join(done.stdout.split())
    assert "Too little to show 20% with confidence 90%: about" in said
    assert "every draft goes to a person" in said
    shown = json.loads(deskhand(environment, "calibrate", "show", "--json").stdout)
    assert shown["calibration"]["threshold"] is None
    assert shown["changed"] == []
    assert deskhand(environment, "calibrate", "drop").returncode == 0
    assert "Nothing is calibrated" in deskhand(environment, "calibrate", "show").stdout


def test_an_older_one_can_be_used_again_and_what_changed_since_is_told(
    environment: dict[str, str], tmp_path: Path
) -> None:
    app = App(Settings(data_dir=tmp_path / "data"))
    one = calibration(0.9, small=SURE)
    app.calibrations.keep(one)
    app.calibrations.keep(one.model_copy(update={"id": "d2", "created_at": "2026-11-02T00:00:00+00:00"}))
    app.close()
    listed = deskhand(environment, "calibrate", "list").stdout.splitlines()
    assert ["in force" in line for line in listed if "c1" in line or "d2" in line] == [True, False]
    assert deskhand(environment, "calibrate", "use", "c").returncode == 0
    shown = " ".join(deskhand(environment, "calibrate", "show").stdout.split())
    assert "Calibration c1" in shown
    assert "changed since" in shown
    assert "Every draft goes to a person: calibrate again" in shown
