"""``answer()``: redact, retrieve, route, generate, verify, decide; small, then large, then human."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder, ScriptedModel
from assistant.kernel.conversation import Answer, Clarify, Handoff, Ticket, Tier, Wish
from assistant.kernel.errors import (
    Cancelled,
    ConfigurationError,
    DeskhandError,
    InputError,
    ModelUnavailable,
    RetryLater,
)  # fmt: skip
from assistant.kernel.generation import ChatMessage, Completion, Sampling, Token
from assistant.kernel.knowledge import Scope
from assistant.kernel.reasons import Reason
from assistant.kernel.reply import reply_of
from assistant.kernel.runs import Event, EvidenceFound, Run, SentenceStands, StepTaken, TokenWritten
from assistant.pipeline import Desk, answer
from tests.conftest import with_outdated

MakeDesk = Callable[..., Desk]
DESCALE = Ticket.from_text("How do I descale the Fernhill Duo?")


def copying(messages: Sequence[ChatMessage]) -> str:
    """A model that repeats the first sentences of its first passage: always supported."""
    passage = messages[-1].content.split(">\n", 1)[1].split("\n</passage>", 1)[0]
    return ". ".join(passage.replace("\n", " ").split(". ")[:2]).rstrip(".") + " [1]."


def inventing(_: Sequence[ChatMessage]) -> str:
    return "Dr. Zebedee installs golden pipes for 9,999 dollars at midnight [1]."


def test_a_supported_draft_by_the_small_model_is_the_answer(make_desk: MakeDesk, scope: Scope) -> None:
    run = answer(DESCALE, scope, make_desk(copying, inventing))
    assert isinstance(run.decision, Answer)
    assert run.decision.draft.tier is Tier.SMALL
    assert all(sentence.citations for sentence in run.decision.draft.sentences)


def test_what_the_small_model_invents_the_large_one_may_mend(make_desk: MakeDesk, scope: Scope) -> None:
    run = answer(DESCALE, scope, make_desk(inventing, copying))
    assert isinstance(run.decision, Answer)
    assert run.decision.draft.tier is Tier.LARGE
    assert [attempt.raw.tier for attempt in run.attempts] == [Tier.SMALL, Tier.LARGE]
    assert run.attempts[0].verdict.findings


def test_when_both_invent_a_human_gets_the_case(make_desk: MakeDesk, scope: Scope) -> None:
    run = answer(DESCALE, scope, make_desk(inventing, inventing))
    assert isinstance(run.decision, Handoff)
    handoff = run.decision
    assert Reason.UNSUPPORTED_CLAIM in handoff.reasons
    assert "descale the Fernhill Duo" in handoff.summary
    assert len(handoff.tried) == 2
    assert handoff.passages == run.evidence.passages != ()


def test_without_evidence_no_model_is_asked(make_desk: MakeDesk, scope: Scope) -> None:
    def never(_: Sequence[ChatMessage]) -> str:
        raise AssertionError("a model was asked")

    run = answer(Ticket.from_text("Which telescope reveals Saturn's moons?"), scope, make_desk(never, never))
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.NO_EVIDENCE,)
    assert run.attempts == ()


def test_a_vague_ticket_is_asked_back(make_desk: MakeDesk, scope: Scope) -> None:
    assert isinstance(answer(Ticket.from_text("It doesn't work"), scope, make_desk(copying)).decision, Clarify)


def test_events_tell_the_story_in_order(make_desk: MakeDesk, scope: Scope) -> None:
    events: list[Event] = []
    answer(DESCALE, scope, make_desk(inventing, copying), events.append)
    kinds = [type(event) for event in events]
    assert kinds[0] is EvidenceFound
    assert kinds[1] is StepTaken
    assert kinds[-1] is StepTaken
    tiers = [event.tier for event in events if isinstance(event, TokenWritten)]
    assert tiers == sorted(tiers, key=list(Tier).index)
    assert set(tiers) == set(Tier)


def test_a_listener_that_raises_cancels_the_run(make_desk: MakeDesk, scope: Scope) -> None:
    def leave(event: Event) -> None:
        if isinstance(event, TokenWritten):
            raise Cancelled("the client has gone")

    with pytest.raises(Cancelled):
        answer(DESCALE, scope, make_desk(copying), leave)


def test_a_run_survives_storage_as_json(make_desk: MakeDesk, scope: Scope) -> None:
    for desk in (make_desk(copying), make_desk(inventing, inventing)):
        run = answer(DESCALE, scope, desk)
        assert Run.model_validate_json(run.model_dump_json()) == run
        assert reply_of(run).run_id == run.id


class Failing(ScriptedModel):
    """Dies in the middle of its first ``times`` drafts."""

    def __init__(self, times: int) -> None:
        super().__init__(copying)
        self.times = times

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        if self.times > 0:
            self.times -= 1
            yield Token(text="Half a sen", logprob=None)
            raise ModelUnavailable("the model process ended with code -9")
        return (yield from super().stream(messages, sampling, tenant=tenant, deadline_s=deadline_s))


@pytest.mark.parametrize(("deaths", "ends", "tier"), [(1, "answer", Tier.SMALL), (9, "answer", Tier.LARGE)])
def test_a_model_that_dies_is_asked_again_and_then_the_next_one(
    make_desk: MakeDesk, scope: Scope, deaths: int, ends: str, tier: Tier
) -> None:
    desk = make_desk(copying, copying)
    run = answer(DESCALE, scope, replace(desk, models={**desk.models, Tier.SMALL: Failing(deaths)}))
    assert run.decision.kind == ends
    assert isinstance(run.decision, Answer)
    assert run.decision.draft.tier is tier
    assert "ended with code -9" in run.incidents[0]


def test_when_no_model_lives_a_human_gets_the_case(make_desk: MakeDesk, scope: Scope) -> None:
    desk = replace(make_desk(), models={Tier.SMALL: Failing(9)})
    run = answer(DESCALE, scope, desk)
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.MODEL_UNAVAILABLE,)


def test_no_model_at_all_is_a_handoff_too(make_desk: MakeDesk, scope: Scope) -> None:
    run = answer(DESCALE, scope, make_desk())
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.MODEL_UNAVAILABLE,)


class Refusing(ScriptedModel):
    """A model server whose key is wrong, that has no time, or that finds the prompt too long."""

    def __init__(self, error: DeskhandError) -> None:
        super().__init__(copying)
        self.error = error

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        raise self.error
        yield  # Makes this a generator.


@pytest.mark.parametrize(
    "error", [ConfigurationError("the model server answered 401"), RetryLater("too much to do"), InputError("too long")]
)
def test_whatever_one_tier_s_server_says_the_next_tier_is_asked(
    make_desk: MakeDesk, scope: Scope, error: DeskhandError
) -> None:
    desk = make_desk(copying, copying)
    run = answer(DESCALE, scope, replace(desk, models={**desk.models, Tier.SMALL: Refusing(error)}))
    assert isinstance(run.decision, Answer)
    assert run.decision.draft.tier is Tier.LARGE
    assert str(error) in run.incidents[0]


def test_sentences_are_told_before_the_decision_and_each_tier_begins_afresh(make_desk: MakeDesk, scope: Scope) -> None:
    def half_invented(messages: Sequence[ChatMessage]) -> str:
        return f"{copying(messages)} {inventing(messages)} {inventing(messages).replace('pipes', 'taps')}"

    events: list[Event] = []
    run = answer(DESCALE, scope, make_desk(half_invented, copying), events.append)
    assert isinstance(run.decision, Answer)
    told = [event for event in events if isinstance(event, SentenceStands)]
    by_large = [event.sentence for event in told if event.tier is Tier.LARGE]
    assert tuple(by_large) == run.decision.draft.sentences
    assert [event.place for event in told if event.tier is Tier.SMALL] == [0, 1]
    first_sentence = events.index(told[0])
    assert first_sentence < max(at for at, event in enumerate(events) if isinstance(event, TokenWritten))


def test_a_draft_that_rests_on_what_is_outdated_is_for_a_person_to_check(
    make_desk: MakeDesk, knowledge: tuple[MemoryIndex, HashingEmbedder], scope: Scope
) -> None:
    events: list[Event] = []
    desk = replace(make_desk(copying), index=with_outdated(knowledge[0], "", scope))
    run = answer(DESCALE, scope, desk, events.append)
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.OUTDATED_EVIDENCE,)
    assert run.decision.draft is not None
    assert "marked outdated" in " ".join(run.decision.tried)


def test_a_draft_asked_for_in_another_language_is_handed_over_unchecked(make_desk: MakeDesk, scope: Scope) -> None:
    def german(_: Sequence[ChatMessage]) -> str:
        return "Entkalken Sie die Maschine alle 3 Monate mit zwei Beuteln [1]. Das Programm dauert 55 Minuten [1]."

    run = answer(DESCALE, scope, make_desk(german), wish=Wish(language="de"))
    assert isinstance(run.decision, Handoff)
    assert run.decision.draft is not None
    reply = reply_of(run)
    assert reply.decision == "handoff"
    assert reply.draft is None
    assert reply.language == "de"
    assert reply.handoff is not None
    assert reply.handoff.draft is not None
    assert [sentence.checked for sentence in reply.handoff.draft.sentences] == [False, False]


def test_the_same_german_draft_unasked_is_no_draft_at_all(make_desk: MakeDesk, scope: Scope) -> None:
    run = answer(DESCALE, scope, make_desk(lambda _: "Entkalken Sie die Maschine alle drei Monate mit Zitrone [1]."))
    assert isinstance(run.decision, Handoff)
    assert run.decision.draft is None


def test_a_run_stored_before_wishes_and_drafts_beside_handoffs_can_still_be_read(
    make_desk: MakeDesk, scope: Scope
) -> None:
    record = answer(DESCALE, scope, make_desk(copying)).model_dump(mode="json")
    del record["attempts"][0]["raw"]["wish"]
    for place in (record["decision"], record["attempts"][0]["step"], record["attempts"][0]["verdict"]):
        for sentence in place["draft"]["sentences"]:
            del sentence["lead"], sentence["checked"]
    assert reply_of(Run.model_validate(record)).decision == "answer"
