"""What is left of an answer is counted over what was found: more room keeps more of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.evaluation.formats import Query
from assistant.evaluation.sentences import evaluate_sentences
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Scope
from assistant.pipeline import Desk

REFERENCE = (
    "Run the descaling programme every two months: fill the tank, add descaler, press both buttons, rinse twice."
)
ASKED = Query(
    id="1", ticket=Ticket.from_text("How do I descale the Duo?"), answerability="answerable", reference=REFERENCE
)
QRELS = {"1": {"descale-duo.md": 1.0}}


def file_name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def test_more_room_keeps_more_of_the_answer(make_desk: Callable[..., Desk], scope: Scope, help_centre: Path) -> None:
    article = next(help_centre.rglob("descale-duo.md")).read_text("utf-8")
    report = evaluate_sentences([ASKED.model_copy(update={"reference": article})], QRELS, make_desk(), scope, file_name)
    *shares, by_policy = report.kept
    assert report.questions == 1
    assert [one.tokens for one in shares] == sorted(one.tokens for one in shares)
    assert [one.answer for one in shares] == sorted(one.answer for one in shares)
    assert 0.0 < shares[0].answer <= 1.0
    assert shares[0].tokens < 0.7
    assert by_policy.aim == "policy default-10"


@pytest.mark.parametrize("change", [{"reference": ""}, {"id": "another"}])
def test_questions_without_answer_or_judgement_cannot_be_measured(
    make_desk: Callable[..., Desk], scope: Scope, change: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="no question has both"):
        evaluate_sentences([ASKED.model_copy(update=change)], QRELS, make_desk(), scope, file_name)
