"""Embedding beside drafts: bulk work stands aside, is never starved, and nothing that breaks closes the lane.

The clock stands still, so that time alone opens nothing.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.config import Settings
from assistant.engine.host import ModelHost, socket_path
from assistant.engine.lane import BATCH, ComputeLane, LaneEmbedder
from assistant.engine.link import Call, Link
from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import BULK_WAITS_S, ChildSettings, Failed, Generate, ModelFile
from assistant.kernel.errors import InputError, ModelUnavailable
from assistant.kernel.generation import ChatMessage, ModelCard, Sampling, Token, run_to_end
from assistant.ports import Vectors
from assistant.wiring import App
from ingest.wiring import create_ingest

ARTICLES = [f"Article {number}: how to descale the Fernhill Duo." for number in range(3 * BATCH)]
QUESTION = "How do I descale the Duo?"


class Diary(HashingEmbedder):
    """Writes down who embedded what, and stops in a batch for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__(dimension=384)
        self.batches: list[str] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def embed(self, texts: object) -> Vectors:
        assert isinstance(texts, list | tuple)
        self.batches.append(texts[0])
        self.begun.set()
        assert self.go_on.wait(60)
        return super().embed(texts)


@pytest.fixture
def lane(clock: ManualClock) -> ComputeLane:
    return ComputeLane(clock.monotonic)


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def aside() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Runs work on a thread of its own, which must have ended when the test has."""
    threads: list[threading.Thread] = []

    def run(work: Callable[[], object]) -> threading.Thread:
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield run
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def until_waiting(lane: ComputeLane, *, questions: int = 0, bulk: int = 0) -> None:
    until(lambda: (len(lane._questions), len(lane._bulk)) == (questions, bulk))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


def is_open(lane: ComputeLane) -> bool:
    """Whether bulk work would get a turn at once."""
    with lane._changed:
        return not lane._taken and not lane._drafts


Aside = Callable[[Callable[[], object]], threading.Thread]


def test_bulk_work_waits_for_a_draft_and_questions_do_not(lane: ComputeLane, diary: Diary, aside: Aside) -> None:
    lane.draft_begins("a draft")
    ingesting = aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES))
    until_waiting(lane, bulk=1)
    LaneEmbedder(diary, lane).embed([QUESTION])
    assert diary.batches == [QUESTION]
    lane.draft_ends("a draft")
    ingesting.join(60)
    assert diary.batches == [QUESTION, *ARTICLES[::BATCH]]


def test_bulk_work_gets_a_batch_every_few_seconds_of_a_draft_that_does_not_end(
    lane: ComputeLane, diary: Diary, aside: Aside, clock: ManualClock
) -> None:
    lane.draft_begins("a long draft")
    aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES))
    for batch in range(3):
        until_waiting(lane, bulk=1)
        assert len(diary.batches) == batch
        clock.advance(BULK_WAITS_S)
        lane.draft_ends("another draft")  # Whatever changes, those who wait look at the clock.
        until(partial(lambda seen: len(diary.batches) > seen, batch))


def test_a_question_goes_before_the_bulk_work_that_came_first(lane: ComputeLane, diary: Diary, aside: Aside) -> None:
    diary.go_on.clear()
    aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES[: 2 * BATCH]))
    assert diary.begun.wait(60)
    aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(["Another ingest"]))
    until_waiting(lane, bulk=1)
    aside(lambda: LaneEmbedder(diary, lane).embed([QUESTION]))
    until_waiting(lane, bulk=1, questions=1)
    diary.go_on.set()
    until(lambda: len(diary.batches) == 4)
    assert diary.batches == [ARTICLES[0], QUESTION, "Another ingest", ARTICLES[BATCH]]


def test_starving_bulk_work_goes_before_questions(
    lane: ComputeLane, diary: Diary, aside: Aside, clock: ManualClock
) -> None:
    diary.go_on.clear()
    aside(lambda: LaneEmbedder(diary, lane).embed([QUESTION]))
    assert diary.begun.wait(60)
    aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES[:BATCH]))
    until_waiting(lane, bulk=1)
    aside(lambda: LaneEmbedder(diary, lane).embed(["And how often?"]))
    until_waiting(lane, bulk=1, questions=1)
    clock.advance(BULK_WAITS_S)
    diary.go_on.set()
    until(lambda: len(diary.batches) == 3)
    assert diary.batches == [QUESTION, ARTICLES[0], "And how often?"]


def test_two_who_embed_in_bulk_take_turns(lane: ComputeLane, aside: Aside) -> None:
    class Slow(Diary):
        """Is busy with each batch until the next one waits."""

        def embed(self, texts: object) -> Vectors:
            vectors = super().embed(texts)
            until_waiting(lane, bulk=int(len(self.batches) < 6))
            return vectors

    slow = Slow()
    other = [f"Runbook {number}: what to do when the shop is down." for number in range(3 * BATCH)]
    one = aside(lambda: LaneEmbedder(slow, lane, bulk=True).embed(ARTICLES))
    assert slow.begun.wait(60)
    two = aside(lambda: LaneEmbedder(slow, lane, bulk=True).embed(other))
    one.join(60)
    two.join(60)
    assert slow.batches == [text for pair in zip(ARTICLES[::BATCH], other[::BATCH], strict=True) for text in pair]


def test_an_embedder_that_breaks_gives_its_turn_back(lane: ComputeLane) -> None:
    class Broken(HashingEmbedder):
        def embed(self, texts: object) -> Vectors:
            raise MemoryError("no room for a batch")

    with pytest.raises(MemoryError):
        LaneEmbedder(Broken(), lane, bulk=True).embed(ARTICLES)
    assert is_open(lane)


def test_one_who_stops_waiting_leaves_no_place_behind(diary: Diary) -> None:
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        if looks == 3:  # At first the lane was made, then the place in line was taken.
            raise KeyboardInterrupt
        return 0.0

    lane = ComputeLane(clock)
    lane.draft_begins("a draft")
    with pytest.raises(KeyboardInterrupt):
        LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES)
    lane.draft_ends("a draft")
    LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES[:BATCH])
    assert diary.batches == [ARTICLES[0]]


def draft(number: int, *, bulk: bool = False, text: str = QUESTION) -> Generate:
    message = ChatMessage(role="user", content=text)
    return Generate(id=number, model="small", messages=(message,), sampling=Sampling(max_tokens=5), bulk=bulk)


class FarEnd:
    """The other end of a link: a models' process that answers only when the test does."""

    def __init__(self, lane: ComputeLane) -> None:
        requests, events = os.pipe(), os.pipe()
        self._files: list[IO[bytes]] = [os.fdopen(requests[0], "rb"), os.fdopen(events[1], "wb")]
        self.link = Link(os.fdopen(events[0], "rb"), os.fdopen(requests[1], "wb"), lambda: "it is gone", lane=lane)

    def say(self, event: Failed) -> None:
        self._files[1].write(event.model_dump_json().encode() + b"\n")
        self._files[1].flush()

    def die(self) -> None:
        for file in self._files:
            with suppress(OSError):
                file.close()


@pytest.fixture
def far_end(lane: ComputeLane) -> Iterator[FarEnd]:
    end = FarEnd(lane)
    yield end
    end.die()


ENDS: dict[str, Callable[[FarEnd, Call], None]] = {
    "it is answered": lambda end, call: end.say(Failed(id=call.number, kind="late", message="too late")),
    "it is cancelled": lambda _, call: call.cancel(),
    "the process dies": lambda end, _: end.die(),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_draft_closes_the_lane_to_bulk_work_until_it_ends(
    lane: ComputeLane, far_end: FarEnd, diary: Diary, aside: Aside, how: str
) -> None:
    call = far_end.link.send(draft)
    ingesting = aside(lambda: LaneEmbedder(diary, lane, bulk=True).embed(ARTICLES))
    until_waiting(lane, bulk=1)
    assert diary.batches == []
    ENDS[how](far_end, call)
    ingesting.join(60)
    assert diary.batches == ARTICLES[::BATCH]


def test_bulk_drafts_leave_the_lane_open(lane: ComputeLane, far_end: FarEnd) -> None:
    far_end.link.send(lambda number: draft(number, bulk=True))
    assert is_open(lane)


def test_a_draft_that_cannot_be_sent_leaves_the_lane_open(lane: ComputeLane, far_end: FarEnd) -> None:
    with pytest.raises(InputError):
        far_end.link.send(lambda number: draft(number, text="half a character: \ud83d"))
    assert is_open(lane)


def test_a_guest_s_ingest_stands_aside_and_its_questions_do_not(
    tmp_path: Path, lane: ComputeLane, diary: Diary, aside: Aside
) -> None:
    host = ModelHost(socket_path(tmp_path), None, diary, lane)
    host.start()
    guest = App(Settings(data_dir=tmp_path, guest=True))
    lane.draft_begins("a draft")
    ingesting = aside(lambda: create_ingest(guest).embedder.embed(ARTICLES))
    until_waiting(lane, bulk=1)
    guest.embedder.embed([QUESTION])
    assert diary.batches == [QUESTION]
    lane.draft_ends("a draft")
    ingesting.join(60)
    assert diary.batches == [QUESTION, *ARTICLES[::BATCH]]
    host.close()


@pytest.mark.models
def test_a_killed_child_leaves_the_lane_open(lane: ComputeLane, smol: Callable[..., ModelFile]) -> None:
    process = ModelProcess(ChildSettings(models=(smol(),), threads=1), lane=lane)
    model = LocalModel(ModelCard(name=smol().name, sha256="", context_length=512), process)
    closed: list[bool] = []

    def kill(_: Token) -> None:
        closed.append(not is_open(lane))
        assert process.pid is not None
        os.kill(process.pid, 9)

    story = (ChatMessage(role="user", content="Tell a long story about a lighthouse."),)
    with pytest.raises(ModelUnavailable):
        run_to_end(model.stream(story, Sampling(max_tokens=200), tenant="acme", deadline_s=60), kill)
    assert closed[0]
    with lane.turn(bulk=True):
        process.close()


@pytest.mark.models
def test_the_models_of_an_app_share_its_lane() -> None:
    app = App(Settings(), hosting=True)
    assert app.model_process._lane is app.lane
    assert app.model_host()._lane is app.lane
    assert isinstance(app.embedder, LaneEmbedder)
    assert app.embedder.lane is app.lane
    app.close()
