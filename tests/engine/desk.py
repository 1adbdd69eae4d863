"""A scheduler's desk for tests: who had a step, and of how many tokens."""

from collections.abc import Sequence

from assistant.engine.pace import Pace
from assistant.engine.protocol import Answer, Counted
from assistant.engine.scheduler import Scheduler
from assistant.engine.slots import Slots
from assistant.engine.steps import Place, Step, Steps, slices
from assistant.engine.task import Machine, Task


class Desk:
    """A scheduler over a small real model, and a log of who had a step and of how many tokens."""

    def __init__(self, slots: Slots, tokens: Sequence[int], max_queued: int = 50, pace: Pace | None = None) -> None:
        self.slots, self.tokens = slots, tokens
        self.now = 0.0
        self.steps: list[tuple[str, int]] = []
        self.answers: dict[int, Answer] = {}
        self.scheduler = Scheduler({"smol": Machine(slots, pace or Pace())}, self._told, max_queued, self._time)
        self._next = 0

    def _time(self) -> float:
        self.now += 0.001
        return self.now

    def _told(self, answer: Answer) -> None:
        self.answers[answer.id] = answer

    def ask(
        self, name: str, prompt: int, reply: int, *, bulk: bool = False, tenant: str = "acme", in_s: float = 60
    ) -> int:
        """Submit a text of so many prompt and reply tokens; returns its number."""
        self._next += 1
        number = self._next

        def begin(place: Place) -> Steps[Answer]:
            reading = slices(self.tokens[:prompt], place)
            step = next(reading)
            while True:
                self.steps.append((name, len(step.tokens)))
                logits = yield step
                try:
                    step = reading.send(logits)
                except StopIteration:
                    break
            for at in range(reply):
                self.steps.append((name, 1))
                yield Step((self.tokens[at],))
            return Counted(id=number, tokens=place.length)

        ends = self.now + in_s
        self.scheduler.submit(Task(number, "smol", tenant, "", bulk, ends, prompt, reply, begin))
        return number

    def finish(self) -> list[str]:
        """Work until nothing is left; returns who had a step, in order."""
        while self.scheduler.step():
            pass
        return [name for name, _ in self.steps]


def where_many_pay() -> Pace:
    """A machine on which many texts together pay, whatever the one that runs the tests is like."""
    quick = Pace()
    for _ in range(3):
        for size in (1, 2, 4):
            quick.saw(size, 1e-6 * size**0.5)
    return quick
