"""A request on its way, and the model it is on its way through."""

from collections.abc import Callable
from dataclasses import dataclass

from assistant.engine.pace import Pace
from assistant.engine.protocol import Answer
from assistant.engine.slots import Slots
from assistant.engine.steps import Place, Step, Steps


@dataclass
class Machine:
    """A loaded model, how fast it is here, and which of its slots are free."""

    slots: Slots
    pace: Pace

    def __post_init__(self) -> None:
        self.free = set(range(self.slots.count))


@dataclass
class Task:
    """A request on its way. ``begin`` gives its steps, once it has a place; ``step`` is None until its first turn."""

    id: int
    model: str
    tenant: str
    adapter: str
    bulk: bool
    ends_at: float
    prompt_tokens: int
    reply_tokens: int
    begin: Callable[[Place], Steps[Answer]]

    def __post_init__(self) -> None:
        self.place: Place | None = None
        self.steps: Steps[Answer] | None = None
        self.step: Step | None = None
        self.ahead = 0
        self.served_at = 0.0
        self.number = 0

    @property
    def standing(self) -> bool:
        return self.place is not None and self.place.slot is not None

    @property
    def slot(self) -> int:
        """The slot it stands in, while it stands in one."""
        assert self.place is not None
        assert self.place.slot is not None
        return self.place.slot

    def standing_in(self, slot: int) -> bool:
        return self.place is not None and self.place.slot == slot

    @property
    def writes(self) -> bool:
        return self.step is not None and len(self.step.tokens) == 1

    def leave(self) -> int:
        """Give up its slot, which is returned; its text is kept aside."""
        assert self.place is not None
        return self.place.leave(keep=True)
