"""Feedback becomes training rows: what was asked, what was sent, masked, and nothing internal unasked."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistant.adapters.memory.learning import MemoryLessons
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryRunStore
from assistant.kernel.conversation import Ticket
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.runs import Feedback, Run
from assistant.learning.export import Form, Skipped, Tally, export
from assistant.learning.summary import changed_share, summarize_feedback
from assistant.pipeline import Desk, answer
from tests.fundamentals.test_09_the_whole_path import copying, inventing


@pytest.fixture
def runs(clock: ManualClock) -> MemoryLessons:
    return MemoryLessons(MemoryRunStore(), clock)


@pytest.fixture
def judged(runs: MemoryLessons, make_desk: Callable[..., Desk], scope: Scope, clock: ManualClock) -> Callable[..., Run]:
    """A run, and what people said of it."""

    def make(*said: tuple[str, str], text: str = "How do I descale the Fernhill Duo?", writing: Any = copying) -> Run:
        run = answer(Ticket.from_text(text), scope, make_desk(writing, writing))
        runs.record(run)
        for verdict, sent in said:
            clock.advance(60)
            runs.add_feedback(run.tenant, Feedback(run_id=run.id, verdict=verdict, sent_text=sent))
        return run

    return make


def rows(runs: MemoryLessons, form: Form = "plain", *, internal: bool = False) -> tuple[list[dict[str, Any]], Tally]:
    tally = Tally()
    lines = list(export(runs.lessons("default"), form, tally, internal=internal))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    return [json.loads(line) for line in lines], tally


def test_a_row_is_what_the_model_was_asked_and_what_a_person_sent(
    runs: MemoryLessons, judged: Callable[..., Run]
) -> None:
    run = judged(("up", ""), ("edited", "Hold Clean until the light blinks."))
    (row,), tally = rows(runs)
    raw = run.attempts[-1].raw
    assert row["prompt"] == [{"role": message.role, "content": message.content} for message in raw.messages]
    assert [passage["id"] for passage in row["passages"]] == list(raw.passages_used)
    assert all(passage["text"] and passage["audience"] == "public" for passage in row["passages"])
    assert (row["target"], row["target_is"], row["verdict"]) == ("Hold Clean until the light blinks.", "sent", "edited")
    assert (row["raw"], row["run_id"], row["prompt_version"]) == (raw.completion.text, run.id, "draft/5")
    assert (tally.rows, tally.skipped) == (1, {})


def test_the_chat_form_is_the_conversation_that_trainers_read(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    judged(("sent", "Hold Clean until the light blinks."))
    (row,), _ = rows(runs, "chat")
    roles = [message["role"] for message in row["messages"]]
    assert list(row) == ["messages"]
    assert (roles[0], roles[-2:]) == ("system", ["user", "assistant"])
    assert all(set(message) == {"role", "content"} for message in row["messages"])
    assert row["messages"][-1]["content"] == "Hold Clean until the light blinks."


def test_a_thumbs_up_teaches_the_draft_as_it_was_delivered(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    run = judged(("up", ""))
    (row,), _ = rows(runs)
    assert run.decision.kind == "answer"
    assert (row["target"], row["target_is"]) == (run.decision.draft.text, "accepted_draft")


@pytest.mark.parametrize(
    ("said", "writing", "why"),
    [
        ((("down", ""),), copying, Skipped.NOTHING_SENT),
        ((("up", ""), ("discarded", "")), copying, Skipped.NOTHING_SENT),
        ((("up", ""),), inventing, Skipped.NOTHING_SENT),
        ((("sent", "We do."),), None, Skipped.NO_PROMPT),
    ],
)
def test_what_teaches_nothing_is_left_out_and_counted(
    runs: MemoryLessons, judged: Callable[..., Run], said: tuple[tuple[str, str], ...], writing: Any, why: Skipped
) -> None:
    judged(*said, writing=writing)
    found, tally = rows(runs)
    assert (found, tally.skipped) == ([], {why: 1})


def test_a_handed_off_draft_that_a_person_wrote_anew_teaches_too(
    runs: MemoryLessons, judged: Callable[..., Run]
) -> None:
    run = judged(("sent", "Hold Clean."), writing=inventing)
    (row,), _ = rows(runs)
    assert (run.decision.kind, row["decision"], row["draft"]) == ("handoff", "handoff", "")
    assert row["raw"] == run.attempts[-1].raw.completion.text


def test_what_an_agent_wrote_is_masked_and_html_becomes_text(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    judged(
        ("sent", "<p>Mail <b>tom.h@fernhill.example</b> or call +44 113 496 0123.</p><script>x</script>"),
        text="I am jane@example.org, password: tea4two! How do I descale the Fernhill Duo?",
    )
    for form in ("plain", "chat"):
        found, tally = rows(runs, form)
        told = json.dumps(found)
        assert tally.masked == 1
        assert "Mail [email] or call [phone]." in told
        for secret in ("tom.h", "0123", "jane@", "tea4two", "<p>", "<script"):
            assert secret not in told, secret


def test_a_prompt_with_internal_passages_is_left_out_unless_asked_for(
    runs: MemoryLessons, make_desk: Callable[..., Desk]
) -> None:
    scope = Scope(tenant="default", audiences=frozenset(Audience))
    run = answer(Ticket.from_text("What are the goodwill refund limits?"), scope, make_desk(copying, copying))
    used = {p.chunk.id: p.chunk.audience for p in run.evidence.passages}
    assert Audience.INTERNAL in {used[passage] for passage in run.attempts[-1].raw.passages_used}
    runs.record(run)
    runs.add_feedback("default", Feedback(run_id=run.id, verdict="sent", sent_text="A lead decides."))
    found, tally = rows(runs)
    assert (found, tally.skipped) == ([], {Skipped.INTERNAL: 1})
    assert len(rows(runs, internal=True)[0]) == 1


def test_the_same_feedback_gives_the_same_bytes(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    for number in range(5):
        judged(("sent", f"Hold Clean for {number} seconds."))
    first, second = (list(export(runs.lessons("default"), "plain", Tally())) for _ in range(2))
    assert first == second
    assert len(first) == 5


def test_rows_are_made_one_at_a_time(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    for _ in range(3):
        judged(("sent", "Hold Clean."))
    tally = Tally()
    next(export(runs.lessons("default"), "plain", tally))
    assert tally.rows == 1


def test_feedback_is_counted_and_what_was_sent_compared(runs: MemoryLessons, judged: Callable[..., Run]) -> None:
    run = judged(("up", ""))
    assert run.decision.kind == "answer"
    runs.add_feedback("default", Feedback(run_id=run.id, verdict="sent", sent_text=run.decision.draft.text))
    judged(("edited", "Nothing alike whatsoever"), ("discarded", ""))
    summary = summarize_feedback(runs.lessons("default"))
    assert (summary.runs, summary.feedback) == (2, 4)
    assert summary.verdicts == {"up": 1, "sent": 1, "edited": 1, "discarded": 1}
    assert (summary.compared, summary.sent_as_drafted) == (2, 1)
    assert summary.changed is not None
    assert 0.4 < summary.changed <= 0.5


def test_the_changed_share_is_over_words_and_ignores_marks_and_case() -> None:
    assert changed_share("Hold Clean for 5 seconds [1].", "hold clean for 5 seconds") == 0
    assert changed_share("Hold Clean for 5 seconds.", "Hold Clean for 9 seconds.") == 0.2
    assert changed_share("Hold Clean", "") == 1
