"""Texts that write together: how many, in which slots, and when."""

from collections.abc import Sequence

import pytest

from assistant.engine.pace import Pace
from assistant.engine.protocol import Answer, Counted, Failed
from assistant.engine.scheduler import Scheduler
from assistant.engine.slots import Row, Slots
from assistant.engine.states import State
from assistant.engine.steps import Place, Step, Steps
from assistant.engine.task import Machine, Task
from assistant.kernel.errors import ModelUnavailable
from tests.engine.desk import Desk, where_many_pay

pytestmark = pytest.mark.models


def written_before_the_last_was_read(desk: Desk) -> int:
    """Tokens written by then. A text asks for its first when it has been read, which is not yet writing."""
    sizes = [size for _, size in desk.steps]
    before = sizes[: max(at for at, size in enumerate(sizes) if size > 1)]
    return before.count(1) - len({name for name, _ in desk.steps}) + 1


def test_texts_are_taken_together_where_that_was_seen_to_pay() -> None:
    pays, costs = Pace(), Pace()
    for _ in range(3):
        for size in (1, 2, 4, 8):
            pays.saw(size, 0.02)
            costs.saw(size, 0.02 * size**1.5)
    assert pays.together(8) == 8
    assert costs.together(8) == 1
    assert Pace().together(5) == 1, "what was never tried is tried, the smallest first"


def test_texts_that_write_together_stand_side_by_side_also_when_one_of_them_ends(
    slots: Slots, tokens: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(slots, tokens, pace=where_many_pay())
    decode, together = slots.decode, list[list[int]]()

    def watched(rows: Sequence[Row]) -> None:
        if len({row.slot for row in rows}) > 1:
            together.append([row.slot for row in rows])
        decode(rows)

    monkeypatch.setattr(slots, "decode", watched)
    wanted = {desk.ask(f"b{number}", 20, reply, bulk=True): 20 + reply for number, reply in enumerate((30, 4, 30, 16))}
    while not {3, 4} <= {len(taken) for taken in together}:
        desk.scheduler.step()
    wanted |= {desk.ask(f"t{number}", 20, reply): 20 + reply for number, reply in enumerate((9, 3, 6))}
    desk.finish()
    assert {len(taken) for taken in together} == {2, 3, 4}
    assert all(taken == list(range(taken[0], taken[0] + len(taken))) for taken in together)
    assert {number: answer.tokens for number, answer in desk.answers.items() if isinstance(answer, Counted)} == wanted


def test_a_text_that_cannot_be_put_back_ends_alone(
    slots: Slots, tokens: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(slots, tokens, pace=where_many_pay())
    numbers = [desk.ask(f"t{number}", 20, reply) for number, reply in enumerate((30, 4, 30, 16))]

    restore, refused = slots.restore, list[int]()

    def refuse_once(slot: int, state: State) -> None:
        if refused:
            restore(slot, state)
            return
        refused.append(slot)
        slots.clear(slot)
        raise ModelUnavailable("llama.cpp refused a kept state")

    monkeypatch.setattr(slots, "restore", refuse_once)
    desk.finish()
    failed = [number for number in numbers if isinstance(desk.answers[number], Failed)]
    assert len(failed) == 1, "the one that was moved when the second had ended"
    assert desk.ask("next", 20, 2) not in failed
    desk.finish()
    assert len(desk.answers) == 5


def test_bulk_prompts_are_all_read_before_one_of_them_writes_and_interactive_ones_in_turns(desk: Desk) -> None:
    for number in range(3):
        desk.ask(f"bulk{number}", 150, 4, bulk=True)
    desk.finish()
    assert written_before_the_last_was_read(desk) == 0
    desk.steps.clear()
    for number in range(3):
        desk.ask(f"chat{number}", 150, 4)
    desk.finish()
    assert written_before_the_last_was_read(desk) > 0


def test_bulk_work_that_only_reads_and_never_ends_does_not_starve_bulk_work_that_writes(desk: Desk) -> None:
    writes, reads = desk.ask("writes", 20, 5, bulk=True), 0
    while writes not in desk.answers:
        reads += desk.ask("reads", 60, 0, bulk=True) > 0
        desk.now += 1.0
        desk.scheduler.step()
    assert isinstance(desk.answers[writes], Counted), "it waited until it was too late"
    assert reads > 5
    desk.finish()


def test_guesses_are_tried_by_a_text_that_writes_alone_and_by_no_other(slots: Slots, tokens: list[int]) -> None:
    scheduler = Scheduler({"smol": Machine(slots, where_many_pay())}, lambda _: None, max_queued=5)
    given: dict[int, list[int]] = {1: [], 2: []}

    def task(number: int, replies: int) -> Task:
        def begin(place: Place) -> Steps[Answer]:
            for _ in range(replies):
                given[number].append(len((yield Step(tokens[:1], guesses=tokens[1:4], likely=1.0))))
            return Counted(id=number, tokens=0)

        return Task(number, "smol", "acme", "", bulk=False, ends_at=1e9, prompt_tokens=1, reply_tokens=1, begin=begin)

    for number, replies in ((1, 3), (2, 6)):
        scheduler.submit(task(number, replies))
    while scheduler.step():
        pass
    assert 4 in given[2], "once the other was done"
    assert given[1].count(1) >= 2, "beside the other, which had begun by then"
