"""What summaries are scored by: references in which speakers go by their part, and the same model asked plainly."""

import json
from pathlib import Path

import pytest

from assistant.evaluation.summaries import compare_plain, read_dialogues, score
from assistant.kernel.batches import RowError, SummaryRow
from assistant.kernel.errors import InputError
from tests.conftest import SHARED
from tests.summaries import summary

KETTLE = {
    "fname": "k1",
    "dialogue": "#Person1#: Can I help you?\n#Person2#: My kettle leaks.\n#Person1#: Please send a photo.",
    "summary1": "#Person2#'s kettle leaks and #Person1# asks for a photo.",
    "summary2": "A kettle.",
}


def file_of(folder: Path, *rows: object) -> Path:
    path = folder / "dialogues.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def row_of(text: str, line: int = 1) -> str:
    return SummaryRow(line=line, id=None, summary=summary(text), error=None, input_sha256="0" * 64).model_dump_json()


def test_who_offers_help_is_the_agent_and_references_say_so(tmp_path: Path) -> None:
    [dialogue] = read_dialogues(file_of(tmp_path, KETTLE))
    assert [message.author for message in dialogue.ticket.messages] == ["agent", "customer", "agent"]
    assert dialogue.references == ("the customer's kettle leaks and the agent asks for a photo.", "A kettle.")


@pytest.mark.usefixtures("shared_data")
def test_real_dialogues_of_both_forms_are_read() -> None:
    assert len(read_dialogues(SHARED / "summaries" / "dialogsum_dev.jsonl")) == 261
    tweets = read_dialogues(SHARED / "summaries" / "tweetsumm_5.jsonl")
    assert len(tweets) == 5
    assert all(len(tweet.ticket.messages) > 2 and tweet.references for tweet in tweets)


def test_the_best_reference_counts_and_what_is_unsupported_is_told(tmp_path: Path) -> None:
    dialogues = read_dialogues(file_of(tmp_path, KETTLE, KETTLE))
    lines = [
        row_of("The customer's kettle leaks and the agent asks for a photo."),
        row_of("The customer flew to Mars.", 2),
    ]
    scores = score(dialogues, lines)
    assert (scores.rows, scores.valid, scores.statements, scores.traced) == (2, 2, 4, 1.0)
    assert scores.rouge_l == pytest.approx(0.5, abs=0.15)
    assert scores.unsupported == 0.5


def test_a_row_that_failed_has_no_score_and_is_counted(tmp_path: Path) -> None:
    failed = SummaryRow(
        line=2, id=None, summary=None, error=RowError(kind="model", message="gave up"), input_sha256="0" * 64
    )
    dialogues = read_dialogues(file_of(tmp_path, KETTLE, KETTLE))
    scores = score(dialogues, [row_of("The kettle leaks."), failed.model_dump_json()])
    assert (scores.errors, scores.statements) == (1, 2)


def test_ours_are_paired_with_those_of_the_same_model_asked_plainly(tmp_path: Path) -> None:
    dialogues = read_dialogues(file_of(tmp_path, *[KETTLE] * 8))
    lines = [row_of("The customer's kettle leaks and the agent asks for a photo.", n) for n in range(1, 9)]
    compared = compare_plain(dialogues, lines, ["Two people talk at length about the weather on Mars."] * 8)
    assert compared.rows == 8
    assert compared.unsupported == 1.0
    assert 0.8 < compared.gain_low <= compared.gain <= compared.gain_high <= 1.0


@pytest.mark.parametrize(
    "row", [{"text": "no dialogue"}, [], {"dialogue": ""}, {"turns": [{"role": "robot", "text": "x"}]}]
)
def test_a_row_that_is_no_dialogue_is_named(tmp_path: Path, row: object) -> None:
    with pytest.raises(InputError, match=r"dialogues\.jsonl:2 is not a dialogue"):
        read_dialogues(file_of(tmp_path, KETTLE, row))


def test_a_batch_of_another_size_or_of_an_earlier_form_says_what_to_do(tmp_path: Path) -> None:
    dialogues = read_dialogues(file_of(tmp_path, KETTLE, KETTLE))
    with pytest.raises(InputError, match="2 dialogues have 1 valid rows") as raised:
        score(dialogues, [row_of("The kettle leaks."), '{"customer_request": "of an earlier version"}'])
    assert "again" in raised.value.fix
