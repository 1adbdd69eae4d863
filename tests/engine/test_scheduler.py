"""Whose step is next: interactive before bulk, tenants in turn, and nobody held up for longer than a slice."""

import itertools

import pytest

from assistant.engine.protocol import Answer, Counted, Failed
from assistant.engine.scheduler import SLICE_BESIDE
from assistant.engine.slots import Slots
from assistant.engine.steps import Place, Step, Steps, slices
from assistant.engine.task import Task
from tests.engine.desk import Desk

pytestmark = pytest.mark.models


def test_all_are_answered_each_with_its_own_text(desk: Desk) -> None:
    wanted = {desk.ask(f"t{number}", 30 + number, number): 30 + 2 * number for number in range(1, 12)}
    desk.finish()
    assert {number: answer.tokens for number, answer in desk.answers.items() if isinstance(answer, Counted)} == wanted


def test_bulk_work_waits_while_interactive_work_is_there(desk: Desk) -> None:
    desk.ask("bulk", 200, 5, bulk=True)
    desk.scheduler.step()
    desk.ask("chat", 200, 5)
    names = desk.finish()
    first, last = names.index("chat"), len(names) - names[::-1].index("chat")
    assert "bulk" not in names[first + 1 : last - 1]
    assert len(desk.answers) == 2


def test_bulk_work_does_not_starve_beside_interactive_work_without_end(desk: Desk) -> None:
    bulk = desk.ask("bulk", 20, 5, bulk=True)
    chats = 0
    while bulk not in desk.answers:
        chats += desk.ask("chat", 30, 1) > 0
        desk.now += 1.0
        desk.scheduler.step()
        assert chats < 200
    assert chats > 5
    desk.finish()


def test_bulk_work_gives_up_its_slot_and_goes_on_where_it_was(desk: Desk) -> None:
    bulk = [desk.ask(f"bulk{number}", 100, 20, bulk=True) for number in range(4)]
    for _ in range(10):
        desk.scheduler.step()
    chat = desk.ask("chat", 50, 3)
    while chat not in desk.answers:
        assert desk.scheduler.step()
    assert not any(number in desk.answers for number in bulk)
    desk.finish()
    lengths = [answer.tokens for number in bulk if isinstance(answer := desk.answers[number], Counted)]
    assert lengths == [120] * 4


def test_a_long_prompt_never_holds_up_a_stream_for_longer_than_a_slice(desk: Desk) -> None:
    desk.ask("stream", 20, 40)
    desk.scheduler.step()
    desk.ask("long", 400, 1)
    desk.finish()
    lengths = [(name, size) for name, size in desk.steps if size > 1][1:]
    assert max(size for _, size in lengths[1:]) <= SLICE_BESIDE + 8
    names = [name for name, _ in desk.steps]
    reading = [at for at, (name, size) in enumerate(desk.steps) if name == "long" and size > 1]
    assert all("stream" in names[one:other] for one, other in itertools.pairwise(reading[1:]))


def test_a_tenant_that_asks_much_does_not_keep_another_waiting(desk: Desk) -> None:
    many = [desk.ask("many", 150, 3, tenant="busy") for _ in range(10)]
    for _ in range(6):
        desk.scheduler.step()
    one = desk.ask("one", 150, 3, tenant="quiet")
    while one not in desk.answers:
        assert desk.scheduler.step()
    assert sum(number not in desk.answers for number in many) >= 4


def test_bulk_work_that_came_late_gets_a_slot_too(desk: Desk) -> None:
    chats = [desk.ask("chat", 30, 3) for _ in range(4)]
    desk.scheduler.step()
    bulk = desk.ask("bulk", 20, 2, bulk=True)
    while bulk not in desk.answers:
        chats.append(desk.ask("chat", 30, 3))
        desk.now += 1.0
        desk.scheduler.step()
        assert len(chats) < 200
    assert len(chats) > 5


def test_bulk_work_that_has_begun_is_finished_before_more_is_begun(desk: Desk) -> None:
    for number in range(12):
        desk.ask(f"bulk{number}", 40, 6, bulk=True, tenant=f"tenant{number}")
    for _ in range(5):
        for _ in range(3):
            desk.scheduler.step()
        desk.ask("chat", 20, 1)
        desk.ask("chat", 20, 1)
    begun = {name for name, _ in desk.steps if name.startswith("bulk")}
    assert len(begun) <= desk.slots.count + 1


def test_whoever_comes_first_after_a_quiet_time_has_no_debt_and_no_credit(desk: Desk) -> None:
    desk.ask("old", 200, 5, tenant="old")
    desk.finish()
    desk.steps.clear()
    for number in range(4):
        desk.ask("new", 100, 2, tenant="new")
        if number == 0:
            desk.ask("old", 100, 2, tenant="old")
    assert "old" in desk.finish()[:8]


def test_a_cancelled_request_has_no_further_step(desk: Desk) -> None:
    number = desk.ask("gone", 300, 20)
    other = desk.ask("stays", 20, 2)
    desk.scheduler.step()
    before = len(desk.steps)
    desk.scheduler.cancel(number)
    assert isinstance(desk.answers[number], Failed)
    assert "gone" not in desk.finish()[before:]
    assert isinstance(desk.answers[other], Counted)


def test_a_bulk_request_that_stands_aside_can_be_cancelled(desk: Desk) -> None:
    bulk = [desk.ask(f"bulk{number}", 100, 20, bulk=True) for number in range(4)]
    for _ in range(10):
        desk.scheduler.step()
    desk.ask("chat", 50, 3)
    desk.scheduler.step()  # The newest gave up its slot.
    desk.scheduler.cancel(bulk[-1])
    before = len(desk.steps)
    assert "bulk3" not in desk.finish()[before:]
    assert isinstance(desk.answers[bulk[-1]], Failed)
    assert all(isinstance(desk.answers[number], Counted) for number in bulk[:-1])


def test_a_request_past_its_deadline_is_told_so(desk: Desk) -> None:
    number = desk.ask("late", 300, 5, in_s=-1)
    desk.finish()
    answer = desk.answers[number]
    assert isinstance(answer, Failed)
    assert answer.kind == "late"


def test_when_too_many_wait_one_more_is_refused_with_an_estimate(slots: Slots, tokens: list[int]) -> None:
    desk = Desk(slots, tokens, max_queued=3)
    desk.ask("first", 200, 3)
    desk.finish()
    numbers = [desk.ask("t", 200, 3) for _ in range(3 + slots.count + 1)]
    bulk = desk.ask("bulk", 20, 1, bulk=True)
    assert bulk not in desk.answers, "bulk work waits in a queue of its own"
    refused = desk.answers[numbers[-1]]
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.retry_after_s >= 1.0) == ("busy", True)
    desk.finish()
    assert all(isinstance(desk.answers[number], Counted) for number in numbers[:-1])


def test_a_bug_in_one_request_costs_the_others_nothing(desk: Desk) -> None:
    def broken(_: Place) -> Steps[Answer]:
        yield Step(desk.tokens[:10])
        raise ZeroDivisionError

    desk.scheduler.submit(Task(99, "smol", "acme", "", False, desk.now + 60, 10, 0, broken))
    number = desk.ask("fine", 60, 4)
    desk.finish()
    failed = desk.answers[99]
    assert isinstance(failed, Failed)
    assert failed.message == "unexpected ZeroDivisionError"
    assert isinstance(desk.answers[number], Counted)


def test_a_request_looks_for_what_it_can_share_when_it_is_its_turn_and_not_before(desk: Desk) -> None:
    begun: list[str] = []

    def task(number: int) -> Task:
        def begin(place: Place) -> Steps[Answer]:
            begun.append(f"{number} begins")
            yield from slices(desk.tokens[:200], place)
            begun.append(f"{number} was read")
            return Counted(id=number, tokens=place.length)

        return Task(number, "smol", "acme", "", bulk=False, ends_at=60, prompt_tokens=200, reply_tokens=0, begin=begin)

    for number in (1, 2):
        desk.scheduler.submit(task(number))
    desk.finish()
    assert begun == ["1 begins", "1 was read", "2 begins", "2 was read"]


def test_where_bulk_texts_cannot_stand_aside_a_slot_is_kept_for_interactive_ones(desk: Desk) -> None:
    desk.slots.layout = None
    for number in range(desk.slots.count + 1):
        desk.ask(f"bulk {number}", 32, 40, bulk=True)
    for _ in range(30):
        desk.scheduler.step()
    desk.ask("draft", 32, 4)
    names = desk.finish()
    assert names.index("draft") < max(at for at, name in enumerate(names) if name == "bulk 0")
    assert len(desk.answers) == desk.slots.count + 2
