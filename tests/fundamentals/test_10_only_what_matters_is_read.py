"""Select: of long passages a model gets the sentences that matter; what it writes is checked against the whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from assistant.kernel.conversation import Answer, Question, Ticket
from assistant.kernel.generation import ChatMessage
from assistant.kernel.knowledge import Passage, Scope
from assistant.kernel.policy import SelectPolicy
from assistant.pipeline import Desk, answer
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.stages.select import GAP, select
from assistant.text.reading import reading_units
from assistant.text.words import content_stems

TIGHT = SelectPolicy(passage_tokens=40, min_sentences=2)
E4 = "What does E4 on the display of the Duo mean?"
TOO_HOT = "Which codes of the Duo mean that the boiler is too hot?"
FREEZER = "Can I freeze coffee beans?"


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def found(desk: Desk, scope: Scope, text: str) -> tuple[Question, tuple[Passage, ...]]:
    question = redact(Ticket.from_text(text))
    evidence = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval)
    return question, evidence.passages[: desk.policy.generate.passages]


def test_passages_stay_whole_unless_the_policy_says_otherwise(desk: Desk, scope: Scope) -> None:
    question, passages = found(desk, scope, E4)
    assert load_policy("whole-10")[0].select == SelectPolicy()
    assert select(question, passages, SelectPolicy()) == passages


def test_short_passages_are_left_alone(desk: Desk, scope: Scope) -> None:
    question, passages = found(desk, scope, E4)
    assert select(question, passages, SelectPolicy(passage_tokens=max(p.chunk.tokens for p in passages))) == passages


@pytest.mark.parametrize("text", [E4, FREEZER, "How long is the warranty?", "Which settings suit a moka pot?"])
def test_there_is_less_to_read_and_all_of_it_stands_in_the_passage_in_order(
    desk: Desk, scope: Scope, text: str
) -> None:
    question, passages = found(desk, scope, text)
    shown = select(question, passages, TIGHT)
    assert [p.chunk.id for p in shown] == [p.chunk.id for p in passages]
    assert sum(p.chunk.tokens for p in shown) < sum(p.chunk.tokens for p in passages)
    for whole, cut in zip(passages, shown, strict=True):
        rest = whole.chunk.text
        for part in filter(None, (part.strip() for part in cut.chunk.text.split(GAP))):
            _, held, rest = rest.partition(part)
            assert held == part
        assert len(reading_units(whole.chunk.text)) < 2 or len(reading_units(cut.chunk.text.replace(GAP, ""))) >= 2


def test_passages_in_another_language_than_the_question_stay_whole(desk: Desk, scope: Scope) -> None:
    _, passages = found(desk, scope, FREEZER)
    german = redact(
        Ticket.from_text("Kann ich die Kaffeebohnen auch einfrieren, und wie lange bleiben sie dann frisch?")
    )
    assert german.language == "de"
    assert select(german, passages, TIGHT) == passages


def test_the_sentences_about_the_question_are_the_ones_that_stay(desk: Desk, scope: Scope) -> None:
    question, passages = found(desk, scope, FREEZER)
    storage = [p for p in passages if "Leave no more than 2 days' worth of beans" in p.chunk.text]
    assert storage
    (cut,) = [p for p in select(question, passages, TIGHT) if p.chunk.id == storage[0].chunk.id]
    assert "Keep the beans in our bag" in cut.chunk.text
    assert "away from the oven and the sun" not in cut.chunk.text


def test_rows_of_a_table_bring_the_head_of_the_table(desk: Desk, scope: Scope) -> None:
    question, passages = found(desk, scope, TOO_HOT)
    tables = [p for p in select(question, passages, TIGHT) if "\nE2 | Brew boiler" in p.chunk.text]
    assert tables
    assert all(p.chunk.text.startswith("Code | Meaning | What to do\n") for p in tables)
    assert not any("E8 | Descaling overdue" in p.chunk.text for p in tables)


def test_steps_are_shown_all_or_not_at_all(desk: Desk, scope: Scope) -> None:
    question, passages = found(desk, scope, "The Duo shows OPEN STEAM while descaling, which step is that?")
    steps = [p for p in passages if "OPEN STEAM" in p.chunk.text]
    assert steps
    for cut in select(question, passages, TIGHT):
        if "OPEN STEAM" in cut.chunk.text:
            whole = next(p for p in steps if p.chunk.id == cut.chunk.id)
            assert cut.chunk.text.count("\n") == whole.chunk.text.count("\n")


def test_a_draft_of_selected_sentences_quotes_the_whole_passage(make_desk: Callable[..., Desk], scope: Scope) -> None:
    read: list[str] = []

    def copying(messages: Sequence[ChatMessage]) -> str:
        read.append(messages[-1].content)
        return "Brew boiler: unplug for 10 minutes, and if E2 returns, book a repair [2]."

    desk = make_desk(copying)
    desk = replace(desk, policy=desk.policy.model_copy(update={"select": TIGHT}))
    run = answer(Ticket.from_text(TOO_HOT), scope, desk)
    assert GAP in read[0]
    assert isinstance(run.decision, Answer)
    (citation,) = run.decision.draft.sentences[0].citations
    whole = next(p.chunk for p in run.evidence.passages if p.chunk.id == citation.passage_id)
    assert whole.text[citation.start : citation.end] == citation.quote
    assert set(content_stems("boiler unplug 10 minutes repair")) <= set(content_stems(citation.quote))
    assert whole.text not in read[0]
    assert "select" in run.timings_ms
