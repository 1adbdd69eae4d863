"""A batch: a result for each line in order, error rows for bad ones, and nothing done twice."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock, ScriptedModel
from assistant.batches.lines import TicketRef
from assistant.batches.stored import SLICE_S
from assistant.batches.work import MAX_TRIES
from assistant.kernel.batches import BatchState
from assistant.kernel.conversation import Message, Ticket, Tier
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable, ModelUnavailable
from assistant.kernel.generation import ChatMessage
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.kernel.outgoing import EventType, Receiver
from assistant.pipeline import Desk
from tests.summaries import summary, written
from tests.workers.shop import Shop
from workers.tasks import run_job

MakeDesk = Callable[..., Desk]
CRM = Receiver(name="crm", url="https://crm.example/hooks", secret="whsec_c2VjcmV0LXNlY3JldA==")
REQUEST = "The customer asks for their Duo to be descaled."
GOOD = summary(REQUEST).model_dump(mode="json")


def line(number: int) -> str:
    text = f"My Duo number {number} asks to be descaled."
    return json.dumps({"id": f"T-{number}", "messages": [{"author": "customer", "text": text}]})


def good(_: Sequence[ChatMessage]) -> str:
    return written(REQUEST)


@pytest.fixture(params=[1, 4], ids=["one at a time", "four at once"])
def at_once(request: pytest.FixtureRequest) -> int:
    """How many lines are under way, where it must not matter."""
    number: int = request.param
    return number


def make_shop(
    make_desk: MakeDesk, clock: ManualClock, script: Callable[[Sequence[ChatMessage]], str] = good, **parts: object
) -> Shop:
    return Shop(clock, MemoryIndex(), make_desk(script), receivers=[CRM], **parts)  # type: ignore[arg-type]


def created(shop: Shop, lines: Sequence[str]) -> tuple[str, Job]:
    batch, _ = shop.batches.create("default", lines, None)
    return batch.id, shop.jobs.add("default", JobName.SUMMARIZE_BATCH, batch.id)


def rows(shop: Shop, batch_id: str) -> list[dict[str, object]]:
    return [json.loads(row) for row in shop.batches.results("default", batch_id)]


def test_each_line_gets_its_summary_in_order_and_the_end_is_told(
    make_desk: MakeDesk, clock: ManualClock, at_once: int
) -> None:
    shop = make_shop(make_desk, clock, at_once=at_once)
    batch_id, job = created(shop, [line(n) for n in range(1, 6)])
    run_job(job.id, shop.workshop())
    assert [(row["line"], row["id"], row["summary"]) for row in rows(shop, batch_id)] == [
        (n, f"T-{n}", GOOD) for n in range(1, 6)
    ]
    assert shop.batches.progress("default", batch_id).state is BatchState.DONE
    [event] = shop.outbox.events.values()
    assert (event.type, event.data["done"], event.data["failed"]) == (EventType.BATCH_FINISHED, 5, 0)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("not JSON", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"messages": []}', "no message"),
        ('{"messages": [{"author": "customer", "text": "  "}]}', "no message"),
        ('{"messages": [{"author": "alien", "text": "x"}]}', "author"),
        ('{"message": "x"}', "message"),
        ('{"dialogue": ""}', "dialogue"),
        ('{"dialogue": 5}', "dialogue"),
        ('{"ticket_id": "7"}', "connection"),
        ('{"connection": "acme", "ticket_id": "7"}', "no such ticket"),
        ("[" * 100_000, "not JSON"),
        ("{" + '"a":1,' * 400_000, "longer"),
    ],
)
def test_a_bad_line_is_an_error_row_and_the_rest_goes_on(
    make_desk: MakeDesk, clock: ManualClock, at_once: int, bad: str, says: str
) -> None:
    shop = make_shop(make_desk, clock, at_once=at_once)
    batch_id, job = created(shop, [line(1), bad, line(3)])
    run_job(job.id, shop.workshop())
    first, error, last = rows(shop, batch_id)
    assert first["summary"] == last["summary"] == GOOD
    assert error["line"] == 2
    assert error["summary"] is None
    assert isinstance(error["error"], dict)
    assert error["error"]["kind"] == "input"
    assert says in error["error"]["message"]
    assert shop.batches.progress("default", batch_id).failed == 1


def test_a_transcript_is_a_ticket_whose_first_speaker_is_the_customer(make_desk: MakeDesk, clock: ManualClock) -> None:
    asked: list[str] = []

    def noting(messages: Sequence[ChatMessage]) -> str:
        asked.append(messages[-1].content)
        return good(messages)

    shop = make_shop(make_desk, clock, noting)
    dialogue = "#Person1#: My kettle leaks.\n#Person2#: Could you send a photo?\nIt helps us.\n#Person1#: Here it is."
    batch_id, job = created(shop, [json.dumps({"fname": "d1", "dialogue": dialogue, "topic1": "kettle"})])
    run_job(job.id, shop.workshop())
    assert rows(shop, batch_id)[0]["id"] == "d1"
    assert "customer: My kettle leaks." in asked[0]
    assert "agent: Could you send a photo?\n  It helps us." in asked[0]


def test_a_line_may_name_a_ticket_of_a_helpdesk(make_desk: MakeDesk, clock: ManualClock) -> None:
    def resolve(tenant: str, reference: TicketRef) -> Ticket:
        assert (tenant, reference.connection, reference.ticket_id) == ("default", "acme", "7")
        return Ticket(id="7", messages=(Message(author="customer", text="My Duo needs to be descaled, please."),))

    shop = make_shop(make_desk, clock, resolve=resolve)
    batch_id, job = created(shop, ['{"connection": "acme", "ticket_id": "7"}'])
    run_job(job.id, shop.workshop())
    assert rows(shop, batch_id)[0]["summary"] == GOOD


def test_a_ticket_that_may_not_be_read_is_an_error_row(make_desk: MakeDesk, clock: ManualClock) -> None:
    def resolve(*_: object) -> Ticket:
        raise ConfigurationError("helpdesk 'acme' answered GET ticket with 403", fix="Check the token.")

    shop = make_shop(make_desk, clock, resolve=resolve)
    batch_id, job = created(shop, [line(1), '{"connection": "acme", "ticket_id": "7"}', line(3)])
    run_job(job.id, shop.workshop())
    assert [row["error"] is None for row in rows(shop, batch_id)] == [True, False, True]


def test_a_helpdesk_that_is_away_costs_no_row(make_desk: MakeDesk, clock: ManualClock, at_once: int) -> None:
    away = True

    def resolve(*_: object) -> Ticket:
        if away:
            raise HelpdeskUnavailable("helpdesk 'acme' cannot be reached")
        return Ticket(id="7", messages=(Message(author="customer", text="It leaks."),))

    shop = make_shop(make_desk, clock, resolve=resolve, at_once=at_once)
    batch_id, job = created(shop, [line(1), '{"connection": "acme", "ticket_id": "7"}'])
    for _ in range(MAX_TRIES + 2):
        run_job(job.id, shop.workshop())
        clock.advance(600)
    away = False
    run_job(job.id, shop.workshop())
    assert [row["error"] for row in rows(shop, batch_id)] == [None, None]


def test_work_cut_off_in_the_middle_goes_on_where_it_was(make_desk: MakeDesk, clock: ManualClock) -> None:
    seen: list[str] = []
    crash_at = 3

    def crashing(messages: Sequence[ChatMessage]) -> str:
        if len(seen) == crash_at:
            seen.append("crash")
            raise KeyboardInterrupt  # As when the process is killed: no line of ours handles it.
        seen.append(messages[-1].content)
        return good(messages)

    shop = make_shop(make_desk, clock, crashing)
    batch_id, job = created(shop, [line(n) for n in range(1, 6)])
    with pytest.raises(KeyboardInterrupt):
        run_job(job.id, shop.workshop())
    assert len(rows(shop, batch_id)) == crash_at
    clock.advance(120)
    run_job(job.id, shop.workshop())
    assert [row["line"] for row in rows(shop, batch_id)] == [1, 2, 3, 4, 5]
    texts = [text for text in seen if text != "crash"]
    assert len(texts) == len(set(texts)) == 5


def test_a_line_that_the_models_do_not_survive_is_given_up_and_the_rest_goes_on(
    make_desk: MakeDesk, clock: ManualClock, at_once: int
) -> None:
    def poisoned(messages: Sequence[ChatMessage]) -> str:
        if "number 2 " in messages[-1].content:
            raise ModelUnavailable("the model process ended with code -9")
        return good(messages)

    shop = make_shop(make_desk, clock, poisoned, at_once=at_once)
    batch_id, job = created(shop, [line(n) for n in range(1, 4)])
    while shop.jobs.get("default", job.id).state is not JobState.DONE:
        run_job(job.id, shop.workshop())
        clock.advance(600)
    error = rows(shop, batch_id)[1]["error"]
    assert isinstance(error, dict)
    assert (error["kind"], error["message"]) == ("model", "the model process ended with code -9")
    assert [row["summary"] for row in rows(shop, batch_id)] == [GOOD, None, GOOD]


def test_a_line_whose_worker_dies_each_time_is_given_up_too(
    make_desk: MakeDesk, clock: ManualClock, at_once: int
) -> None:
    def killed(messages: Sequence[ChatMessage]) -> str:
        if "number 2 " in messages[-1].content:
            raise KeyboardInterrupt
        return good(messages)

    shop = make_shop(make_desk, clock, killed, at_once=at_once)
    batch_id, job = created(shop, [line(n) for n in range(1, 4)])
    for _ in range(MAX_TRIES):
        with pytest.raises(KeyboardInterrupt):
            run_job(job.id, shop.workshop())
        clock.advance(600)
    run_job(job.id, shop.workshop())
    assert [row["summary"] for row in rows(shop, batch_id)] == [GOOD, None, GOOD]


def test_a_long_batch_gives_others_their_turn(make_desk: MakeDesk, clock: ManualClock) -> None:
    def slow(messages: Sequence[ChatMessage]) -> str:
        clock.advance(SLICE_S / 2)
        return good(messages)

    shop = make_shop(make_desk, clock, slow)
    first_id, first = created(shop, [line(n) for n in range(1, 6)])
    second_id, second = created(shop, [line(9)])
    run_job(first.id, shop.workshop())
    assert shop.jobs.get("default", first.id).state is JobState.QUEUED
    assert [item.id for item in shop.jobs.due()] == [second.id, first.id]
    while due := shop.jobs.due():
        run_job(due[0].id, shop.workshop())
    assert len(rows(shop, first_id)) == 5
    assert len(rows(shop, second_id)) == 1


def test_a_cancelled_batch_stops_after_the_row_at_hand(make_desk: MakeDesk, clock: ManualClock) -> None:
    shop = make_shop(make_desk, clock)
    done = 0

    def cancelling(messages: Sequence[ChatMessage]) -> str:
        nonlocal done
        done += 1
        if done == 2:
            shop.batches.close("default", batch_id, BatchState.CANCELLED)
        return good(messages)

    shop.desk.models[Tier.SMALL] = ScriptedModel(cancelling)  # type: ignore[index]
    batch_id, job = created(shop, [line(n) for n in range(1, 6)])
    run_job(job.id, shop.workshop())
    assert len(rows(shop, batch_id)) == 2
    assert shop.batches.progress("default", batch_id).state is BatchState.CANCELLED
    assert shop.jobs.get("default", job.id).state is JobState.DONE


def test_a_long_thread_loses_whole_messages_from_its_middle_and_says_so(
    make_desk: MakeDesk, clock: ManualClock
) -> None:
    asked: list[str] = []

    def noting(messages: Sequence[ChatMessage]) -> str:
        asked.append(messages[-1].content)
        return good(messages)

    shop = make_shop(make_desk, clock, noting)
    shop.desk.models[Tier.SMALL] = ScriptedModel(noting, context=1_600)  # type: ignore[index]
    talk = [{"author": "customer", "text": f"Message {n}: " + "the kettle leaks again " * 12} for n in range(60)]
    batch_id, job = created(shop, [json.dumps({"id": "long", "messages": talk})])
    run_job(job.id, shop.workshop())
    [row] = rows(shop, batch_id)
    left_out = row["left_out"]
    assert isinstance(left_out, int)
    assert 0 < left_out < 59
    prompt = asked[-1]
    assert f"[{left_out} messages left out here]" in prompt
    assert prompt.index("Message 0:") < prompt.index("left out here") < prompt.index("Message 59:")
    kept = [n for n in range(60) if f"Message {n}:" in prompt]
    assert kept == [0, *range(60 - (len(kept) - 1), 60)]


def test_a_single_message_that_is_too_long_keeps_its_beginning_and_its_end(
    make_desk: MakeDesk, clock: ManualClock
) -> None:
    asked: list[str] = []

    def noting(messages: Sequence[ChatMessage]) -> str:
        asked.append(messages[-1].content)
        return good(messages)

    shop = make_shop(make_desk, clock, noting)
    shop.desk.models[Tier.SMALL] = ScriptedModel(noting, context=1_600)  # type: ignore[index]
    text = "How do I descale my Duo? " + "The log says so. " * 3_000 + "Please send it again."
    batch_id, job = created(shop, [json.dumps({"messages": [{"author": "customer", "text": text}]})])
    run_job(job.id, shop.workshop())
    assert rows(shop, batch_id)[0]["summary"] == GOOD
    assert "How do I descale my Duo?" in asked[-1]
    assert "the middle of this message is left out" in asked[-1]
    assert asked[-1].rstrip().removesuffix("</ticket>").rstrip().endswith("Please send it again.")


def test_a_batch_waits_a_moment_for_a_model_that_restarts(make_desk: MakeDesk, clock: ManualClock) -> None:
    failures = 1

    def once(messages: Sequence[ChatMessage]) -> str:
        nonlocal failures
        if failures:
            failures -= 1
            raise ModelUnavailable("the model process ended with code -9")
        return good(messages)

    shop = make_shop(make_desk, clock, once)
    batch_id, job = created(shop, [line(1)])
    run_job(job.id, shop.workshop())
    assert shop.jobs.get("default", job.id).state is JobState.QUEUED
    clock.advance(timedelta(minutes=5).total_seconds())
    run_job(job.id, shop.workshop())
    assert rows(shop, batch_id)[0]["summary"] == GOOD
