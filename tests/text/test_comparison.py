"""What was sent beside what was drafted."""

import pytest

from assistant.kernel.conversation import Citation, Draft, Sentence, Tier
from assistant.kernel.knowledge import Audience
from assistant.text.comparison import compare

CITATION = Citation(
    n=1, passage_id="p1", document="returns", title="Returns", quote="30 days", start=0, end=7, url="", audience=Audience.PUBLIC
)  # fmt: skip
DRAFT = Draft(
    tier=Tier.SMALL,
    text="You can return any machine within 30 days of delivery [1]. It must be clean and in its original box [1].",
    sentences=(
        Sentence(text="You can return any machine within 30 days of delivery.", citations=(CITATION,), support=1.0),
        Sentence(text="It must be clean and in its original box.", citations=(CITATION,), support=1.0),
    ),
)
SENT = "You can return any machine within 30 days of delivery. It must be clean and in its original box."


def test_what_is_sent_as_drafted_is_the_same() -> None:
    compared = compare(DRAFT.text, DRAFT, SENT)
    assert (compared.similarity, compared.edits, compared.cited, compared.kept) == (1.0, 0, 2, (0, 1))


@pytest.mark.parametrize(
    ("sent", "edits", "kept"),
    [
        (f"Dear Priya,\n{SENT}\nKind regards\nInes", 5, (0, 1)),
        ("You can return any machine within 30 days of delivery.", 9, (0,)),
        (SENT.replace("30", "14"), 1, (0, 1)),
        ("No, sorry.", 19, ()),
        ("", 19, ()),
    ],
)
def test_edits_are_counted_in_words_and_cited_sentences_looked_for(
    sent: str, edits: int, kept: tuple[int, ...]
) -> None:
    compared = compare(DRAFT.text, DRAFT, sent)
    assert compared.edits == edits
    assert compared.kept == kept
    assert 0.0 <= compared.similarity < 1.0


def test_a_question_back_has_no_sentences_to_keep() -> None:
    compared = compare("Could you tell us a little more?", None, "Could you tell us more?")
    assert (compared.cited, compared.kept) == (0, ())
    assert compared.edits == 2
