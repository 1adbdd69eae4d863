"""Whose step is next: all models and requests of a machine share its cores, one step at a time.

Interactive work goes first, bulk work when there is none, and now and then in between so that it does not starve.
Among equals the tenant that was served least goes first; a prompt once begun is read to its end, because two read in
turns would both be late. Reading and writing alternate, so a long prompt holds up a stream for one slice at a time:
64 tokens, and 135 at most when the slice was cut before the stream began; where nobody watches a stream, all prompts
are read first. Texts that write are given a token each in one step, as many together as pays on this machine; one
that writes alone may try guesses along with its token.

Texts that write together stand in slots next to each other. llama.cpp computes a step in one go only for such, and one
go after the other for the rest (``split_equal`` in its llama-batch.cpp): eight texts took 111 ms a step in slots counted
downwards and 48 upwards (0.5B, 2026-11-22).
"""

import time
from collections.abc import Callable, Iterable, Mapping

from assistant.engine.pace import SIZES
from assistant.engine.protocol import BULK_WAITS_S, Answer, Failed
from assistant.engine.slots import SLICE, Logits, Row, Slots
from assistant.engine.steps import Place, Wanted
from assistant.engine.task import Machine, Task
from assistant.kernel.errors import Cancelled, DeadlineExceeded, DeskhandError, InputError

SLICE_BESIDE = 64
"""Tokens of a prompt in a step while somebody's reply is being written: what a reader of the reply waits."""


class Scheduler:
    """Not safe for threads: submit, cancel and step belong to one. ``tell`` is told what ends each request."""

    def __init__(
        self,
        machines: Mapping[str, Machine],
        tell: Callable[[Answer], None],
        max_queued: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._machines, self._tell, self._max_queued = machines, tell, max_queued
        self._tasks: dict[int, Task] = {}
        self._served: dict[str, float] = {}
        self._numbers = 0
        self._read_last = False
        self._bulk_at = self._clock()
        self._bulk_starves = False

    def submit(self, task: Task) -> None:
        """Take the task up, or refuse it at once when too many wait."""
        queued = [other for other in self._tasks.values() if not other.standing and other.bulk is task.bulk]
        if len(queued) - len(self._machines[task.model].free) >= self._max_queued:
            wait = max(1.0, self.expected_wait_s() / len(self._tasks))
            message = f"{len(queued)} requests wait for the models already"
            self._tell(Failed(id=task.id, kind="busy", message=message, retry_after_s=round(wait, 1)))
            return
        self._numbers += 1
        task.number = self._numbers
        live = {other.tenant for other in self._tasks.values()}
        if not live:
            self._served.clear()
        if task.tenant not in live:  # Having been away earns nothing.
            least = min((self._served.get(tenant, 0.0) for tenant in live), default=0.0)
            self._served[task.tenant] = max(self._served.get(task.tenant, 0.0), least)
        self._tasks[task.id] = task

    def cancel(self, number: int) -> None:
        if number in self._tasks:
            self._end(self._tasks[number], _failed(number, Cancelled("the request was cancelled")))

    def expected_wait_s(self) -> float:
        """About how long until all that is here now is done, if every reply is as long as it may be."""
        return sum(
            self._machines[task.model].pace.seconds(task.prompt_tokens, task.reply_tokens)
            for task in self._tasks.values()
        )

    def step(self) -> bool:
        """Do one step of somebody's work. False when there is nothing to do."""
        self._drop_late()
        self._admit()
        chosen = self._choose()
        if chosen:
            self._execute(chosen)
        return bool(self._tasks)

    def _drop_late(self) -> None:
        now = self._clock()
        for task in [task for task in self._tasks.values() if task.ends_at < now]:
            self._end(task, _failed(task.id, DeadlineExceeded("the model did not answer in the time given")))

    def _admit(self) -> None:
        """Give free slots to those who wait; interactive requests take them from bulk ones, whose text is kept."""
        now = self._clock()
        if not any(task.bulk for task in self._tasks.values()):
            self._bulk_at = now
        self._bulk_starves = now - self._bulk_at > BULK_WAITS_S
        waiting = [task for task in self._tasks.values() if not task.standing]
        for task in sorted(waiting, key=self._rank):
            machine = self._machines[task.model]
            if not machine.free and not task.bulk:
                self._make_room(task.model)
            if machine.free and not self._is_kept_free(task, machine):
                task.place = task.place or Place(machine.slots)
                task.steps = task.steps or task.begin(task.place)
                self._put(task, min(machine.free))

    def _make_room(self, model: str) -> None:
        """Take the slot of the newest bulk task, but not of the last one: it would starve."""
        bulk = [task for task in self._tasks.values() if task.model == model and task.bulk and task.standing]
        machine = self._machines[model]
        if len(bulk) > (machine.slots.count > 1) and machine.slots.layout is not None:
            machine.free.add(max(bulk, key=lambda task: task.number).leave())

    @staticmethod
    def _is_kept_free(task: Task, machine: Machine) -> bool:
        """Whether the last free slot must wait for an interactive request, as bulk text could not stand aside for one."""
        return task.bulk and machine.slots.layout is None and len(machine.free) == 1 and machine.slots.count > 1

    def _rank(self, task: Task) -> tuple[bool, bool, float, int]:
        """Who comes first. Bulk work that had a slot is finished before more is begun: its text may stand aside in memory."""
        late = task.bulk and not self._bulk_starves
        return late, task.bulk and task.steps is None, self._served.get(task.tenant, 0.0), task.number

    def _choose(self) -> list[Task]:
        """Set up the next step: the one task that reads, or those of one model that write, side by side."""
        ready = [task for task in self._tasks.values() if task.standing]
        interactive = [task for task in ready if not task.bulk]
        bulk = [task for task in ready if task.bulk]
        turn = bulk if bulk and (self._bulk_starves or not interactive) else interactive
        if turn is bulk:
            self._bulk_at = self._clock()
        writing = any(task.writes for task in interactive)
        for machine in self._machines.values():
            machine.slots.slice = SLICE_BESIDE if writing or (interactive and turn is bulk) else SLICE
        readers = [task for task in turn if not task.writes]
        writers = [task for task in turn if task.writes]
        write_now = self._overdue(writers) if turn is bulk else writers and self._read_last
        self._read_last = bool(readers) and not write_now
        if not self._read_last:
            return self._side_by_side(self._together(writers))
        reader = min(readers, key=lambda task: (task.served_at == 0.0, *self._rank(task)))
        if reader.step is None:  # It looks for what it can share only now that all before it have been read.
            self._resume(reader, None)
        return [reader] if reader.step else []

    def _overdue(self, writers: list[Task]) -> bool:
        """Whether one of ``writers`` waits for others' prompts for so long that prompts without end might starve it."""
        return any(self._clock() - task.served_at > BULK_WAITS_S for task in writers)

    def _together(self, writers: list[Task]) -> list[Task]:
        """Those that get a token each: of the model and adapter that waited longest, as many as pay."""
        if not writers:
            return []
        oldest = min(writers, key=lambda task: task.served_at)
        alike = [task for task in writers if (task.model, task.adapter) == (oldest.model, oldest.adapter)]
        alike.sort(key=lambda task: (task.served_at, task.slot))
        machine = self._machines[oldest.model]
        chosen = alike[: machine.pace.together(len(alike))]
        if len(chosen) == 1 and oldest.step is not None and oldest.step.guesses:
            oldest.ahead = machine.pace.ahead(len(oldest.step.guesses), oldest.step.likely)
        return chosen

    def _side_by_side(self, tasks: list[Task]) -> list[Task]:
        """``tasks`` in slots next to each other, in their order. Those that stand apart change places with who is between."""
        if len(tasks) > 1 and self._machines[tasks[0].model].slots.layout is not None:
            slots = {task.slot for task in tasks}
            run = _nearest_run(slots, self._machines[tasks[0].model].slots.count)
            outside = [task for task in tasks if task.slot not in run]
            for task, slot in zip(outside, sorted(run - slots), strict=True):
                self._move(task, slot)
        return sorted((task for task in tasks if task.id in self._tasks), key=lambda task: task.slot)

    def _move(self, task: Task, slot: int) -> None:
        """Let ``task`` stand in ``slot``, and who stands there in its own."""
        machine = self._machines[task.model]
        there = [other for other in self._tasks.values() if other.model == task.model and other.standing_in(slot)]
        was = task.slot
        machine.free |= {other.leave() for other in (task, *there)}
        self._put(task, slot)
        for other in there:
            self._put(other, was)

    def _put(self, task: Task, slot: int) -> None:
        """Give a placed task a free slot. One whose text cannot be put back ends; the others go on."""
        assert task.place is not None
        self._machines[task.model].free.remove(slot)
        try:
            task.place.take(slot)
        except DeskhandError as error:
            self._end(task, _failed(task.id, error))

    def _execute(self, tasks: list[Task]) -> None:
        machine = self._machines[tasks[0].model]
        rows = [row for task in tasks for row in _rows(task)]
        begun = self._clock()
        try:
            machine.slots.use(tasks[0].adapter)
            machine.slots.decode(rows)
            wanted = _wanted(machine.slots, tasks)
        except DeskhandError as error:
            for task in tasks:
                self._end(task, _failed(task.id, error))
            return
        ended = self._clock()
        if tasks[0].writes or len(rows) > SIZES[-1]:
            machine.pace.saw(len(rows), ended - begun)
        for task, logits in zip(tasks, wanted, strict=True):
            task.served_at = ended
            self._served[task.tenant] = self._served.get(task.tenant, 0.0) + (ended - begun) / len(tasks)
            self._resume(task, logits)

    def _resume(self, task: Task, logits: list[Logits] | None) -> None:
        """Let the task go on to its next step, or to its end."""
        assert task.steps is not None
        task.ahead = 0
        try:
            task.step = next(task.steps) if logits is None else task.steps.send(logits)
        except StopIteration as end:
            self._end(task, end.value)
        except Exception as error:  # A bug on one request must not cost the others their process.
            self._end(task, _failed(task.id, error))

    def _end(self, task: Task, answer: Answer) -> None:
        del self._tasks[task.id]
        if task.steps is not None:
            task.steps.close()
        if task.place is not None and task.standing:
            self._machines[task.model].free.add(task.place.leave(keep=False))
        self._tell(answer)


def _nearest_run(slots: set[int], count: int) -> set[int]:
    """As many slots in a row, of ``count``, as there are ``slots``, most of them among these."""
    runs = [set(range(start, start + len(slots))) for start in range(count - len(slots) + 1)]
    return max(runs, key=lambda run: len(run & slots))


def _rows(task: Task) -> list[Row]:
    assert task.step is not None
    slot, tokens = task.slot, (*task.step.tokens, *task.step.guesses[: task.ahead])
    wanted = Wanted.ALL if task.ahead else task.step.wanted
    last = len(tokens) - 1
    return [
        Row(slot, token, wanted is Wanted.ALL or (wanted is Wanted.LAST and number == last))
        for number, token in enumerate(tokens)
    ]


def _wanted(slots: Slots, tasks: Iterable[Task]) -> list[list[Logits]]:
    """The logits of the last decode that each task wanted."""
    result, at = [], 0
    for task in tasks:
        rows = _rows(task)
        result.append([slots.logits(at + number) for number, row in enumerate(rows) if row.wanted])
        at += len(rows)
    return result


def _failed(number: int, error: BaseException) -> Failed:
    match error:
        case Cancelled():
            return Failed(id=number, kind="cancelled", message=str(error))
        case DeadlineExceeded():
            return Failed(id=number, kind="late", message=str(error))
        case InputError():
            return Failed(id=number, kind="input", message=str(error))
        case DeskhandError():
            return Failed(id=number, kind="model", message=str(error))
        case _:
            return Failed(id=number, kind="model", message=f"unexpected {type(error).__name__}")
