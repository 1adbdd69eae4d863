"""The child itself, spoken to line by line: it outlives what it cannot read, and stops when told."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from assistant.engine.protocol import ChildSettings, ModelFile
from tests.engine.conftest import SMOL

pytestmark = pytest.mark.models


class Spoken:
    """A child and its pipes."""

    def __init__(self, settings: ChildSettings) -> None:
        command = [sys.executable, "-m", "assistant.engine.child", settings.model_dump_json()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.hear()["event"] == "ready"

    def say(self, **request: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def write(self, number: int, max_tokens: int, **sampling: object) -> None:
        messages = [{"role": "user", "content": "Tell a long story about a lighthouse and its keeper."}]
        self.say(
            op="generate", id=number, model=SMOL, messages=messages, sampling={"max_tokens": max_tokens, **sampling}
        )

    def hear(self) -> dict[str, object]:
        assert self.process.stdout is not None
        event: dict[str, object] = json.loads(self.process.stdout.readline())
        return event

    def until(self, number: int) -> list[dict[str, object]]:
        """Events up to the one that ends request ``number``."""
        events = [self.hear()]
        while events[-1]["id"] != number or events[-1]["event"] in ("wrote", "progress"):
            events.append(self.hear())
        return events


@pytest.fixture(scope="module")
def child(smol: Callable[..., ModelFile]) -> Iterator[Spoken]:
    spoken = Spoken(ChildSettings(models=(smol(slots=1),), threads=2))
    yield spoken
    spoken.process.kill()
    spoken.process.wait()


def test_a_cancelled_request_gives_its_only_slot_to_the_next(child: Spoken) -> None:
    child.write(1, 400)
    while child.hear()["event"] != "wrote":
        pass
    child.say(op="cancel", id=1)
    child.write(2, 3)
    events = child.until(2)
    [end] = [event for event in events if event["id"] == 1 and event["event"] not in ("wrote", "progress")]
    assert (end["event"], end["kind"]) == ("failed", "cancelled")
    assert sum(event["id"] == 1 and event["event"] == "wrote" for event in events) < 390
    assert events[-1]["event"] == "finished"


@pytest.mark.parametrize(
    "schema",
    [{"enum": ["a\x00b"]}, {"type": "string", "pattern": "^[z-a]$"}, {"properties": [1]}, {"pattern": "^{3}$"}],
)
def test_a_schema_that_leads_nowhere_fails_its_request_alone(child: Spoken, schema: dict[str, object]) -> None:
    child.write(10, 20, json_schema=schema)
    child.write(11, 3)
    ends = {event["id"]: event["event"] for event in child.until(11) if event["event"] not in ("wrote", "progress")}
    assert ends[11] == "finished"
    assert ends[10] in ("failed", "finished")


def test_a_line_that_is_no_request_is_answered_where_it_has_a_number(child: Spoken) -> None:
    child.write(20, 5, temperature="hot")
    assert child.until(20)[-1]["kind"] == "input"
    child.say(op="count", id=21, model="not-here", messages=[])
    assert "not-here is not loaded" in str(child.until(21)[-1]["message"])
    assert child.process.stdin is not None
    child.process.stdin.write(b"nonsense\n" + b'{"op":' * 2000 + b"\n")
    child.write(22, 3)
    assert child.until(22)[-1]["event"] == "finished"


def test_the_last_event_says_what_the_events_before_it_said(child: Spoken) -> None:
    child.write(30, 12)
    events = [event for event in child.until(30) if event["id"] == 30]
    wrote, completion = [event for event in events if event["event"] == "wrote"], events[-1]["completion"]
    assert isinstance(completion, dict)
    assert "".join(str(event["text"]) for event in wrote) == completion["text"]
    assert [event["logprob"] for event in wrote if event["logprob"] is not None] == completion["logprobs"]
