"""The works: what a contestant is given in a turn, and what is counted of it."""

import itertools
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from assistant.kernel.value import Value
from assistant.stages.summarize import Written as WrittenSummary
from tests.bench.engine.contestants import Ask, Contestant, Written
from tests.bench.engine.loads import Loads
from tests.bench.processes import Meter

ENOUGH_TOKENS = 8
"""With fewer after the first, a draft's own time a token says little: the turn's is taken."""


class Sizes(Value):
    """How much of each work a turn holds. ``every_s``: mean time between drafts that come while summaries run."""

    drafts: int = 48
    draft_tokens: int = 96
    passages: int = 3
    at_once: int = 8
    summaries: int = 64
    arrivals: int = 16
    every_s: float = 6.0
    before_restart: int = 16
    restarts: int = 3


QUICK = Sizes(
    drafts=2, draft_tokens=10, passages=1, at_once=2, summaries=1, arrivals=1, every_s=0.1, before_restart=1, restarts=1
)


class Turn(Value):
    """What one contestant did in one round: ``samples`` are pooled over rounds, of ``figures`` the median is taken."""

    samples: Mapping[str, tuple[float, ...]] = {}
    figures: Mapping[str, float] = {}


Work = Callable[[Contestant, Loads, Sizes, int], Turn]


def drafts_one_by_one(contestant: Contestant, loads: Loads, sizes: Sizes, round_: int) -> Turn:
    """W1."""
    asks = loads.drafts(f"one by one {round_}", sizes.drafts, sizes.draft_tokens, sizes.passages)
    with _serving(contestant, loads.drafts("warm-up", 1, 8, sizes.passages)) as meter:
        done = [contestant.write(ask) for ask in asks]
    totals = whole_drafts(done, sizes.draft_tokens)
    return Turn(
        samples={"first_token_s": _firsts(done), "total_s": totals},
        figures=_costs(meter, done)
        | {"core_s_a_draft": meter.core_s / sum(one.seconds for one in done) * sum(totals) / len(done)},
    )


def drafts_at_once(contestant: Contestant, loads: Loads, sizes: Sizes, round_: int) -> Turn:
    """W2: everybody ends a draft where its turn ends, so that tokens a second count the same work."""
    filled = loads.drafts(f"at once {round_}", sizes.at_once, sizes.draft_tokens, sizes.passages)
    asks = [ask.model_copy(update={"fill": False}) for ask in filled]
    with _serving(contestant, loads.drafts("warm-up", 1, 8, sizes.passages)) as meter:
        began = time.monotonic()
        done = _together(contestant, asks, len(asks))
        seconds = time.monotonic() - began
    rate = sum(one.tokens for one in done) / seconds
    return Turn(samples={"first_token_s": _firsts(done)}, figures=_costs(meter, done) | {"output_tokens_per_s": rate})


def summaries(contestant: Contestant, loads: Loads, sizes: Sizes, round_: int) -> Turn:
    """W3."""
    asks = loads.summaries(sizes.summaries)
    with _serving(contestant, loads.summaries(sizes.summaries + 1)[-1:]) as meter:
        began = time.monotonic()
        done = _together(contestant, asks, contestant.bulk_at_once)
        seconds = time.monotonic() - began
    return Turn(
        figures=_costs(meter, done)
        | {
            "rows_per_minute": len(done) / seconds * 60,
            "valid_share": sum(is_summary(one.text) for one in done) / len(done),
        }
    )


def drafts_beside_summaries(contestant: Contestant, loads: Loads, sizes: Sizes, round_: int) -> Turn:
    """W4: the drafts come at the same times for everybody, whether those before them are done or not."""
    chance = random.Random(f"arrivals {round_}")
    times = [(number + chance.random()) * sizes.every_s for number in range(sizes.arrivals)]
    asks = loads.drafts(f"beside {round_}", sizes.arrivals, sizes.draft_tokens, sizes.passages)
    bulk = itertools.cycle(loads.summaries(sizes.summaries))
    taking, over, rows = threading.Lock(), threading.Event(), list[Written]()

    def keep_busy() -> None:
        while not over.is_set():
            with taking:
                ask = next(bulk)
            try:
                rows.append(contestant.write(ask))
            except Exception:
                if not over.is_set():  # It is stopped under the rows that are not done by then.
                    raise

    with ThreadPoolExecutor(contestant.bulk_beside_drafts + len(asks)) as pool:
        with _serving(
            contestant, [*loads.summaries(sizes.summaries + 1)[-1:], *loads.drafts("warm-up", 1, 8, sizes.passages)]
        ) as meter:
            began = time.monotonic()
            busy = [pool.submit(keep_busy) for _ in range(contestant.bulk_beside_drafts)]
            drafts = [
                pool.submit(_at, began + after, contestant, ask) for after, ask in zip(times, asks, strict=True)
            ]  # fmt: skip
            done = [draft.result() for draft in drafts]
            rate = len(rows) / (time.monotonic() - began) * 60
            over.set()
        for worker in busy:
            worker.result()
    return Turn(
        samples={"first_token_s": _firsts(done), "total_s": whole_drafts(done, sizes.draft_tokens)},
        figures=_costs(meter, done) | {"rows_per_minute": rate},
    )


def drafts_after_restart(contestant: Contestant, loads: Loads, sizes: Sizes, round_: int) -> Turn:
    """W5: drafts of the same kind, but not the same drafts, were served before the process went and came again."""
    before = loads.drafts(f"before {round_}", sizes.before_restart, sizes.draft_tokens, sizes.passages)
    after = loads.drafts(f"after {round_}", sizes.restarts, sizes.draft_tokens, sizes.passages)
    ready: list[float] = []
    done: list[Written] = []
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        with _started(contestant, Path(folder)):
            for ask in before:
                contestant.write(ask)
            contestant.keep()
        kept_mb = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
        for ask in after:
            began = time.monotonic()
            with _started(contestant, Path(folder)):
                ready.append(time.monotonic() - began)
                done.append(contestant.write(ask))
    firsts = _firsts(done)
    return Turn(
        samples={
            "ready_s": tuple(ready),
            "first_token_s": firsts,
            "start_to_first_token_s": tuple(a + b for a, b in zip(ready, firsts, strict=True)),
            "tokens_read": tuple(float(one.read) for one in done),
        },
        figures={"kept_mb": kept_mb},
    )


WORKS: Mapping[str, Work] = {
    "W1": drafts_one_by_one,
    "W2": drafts_at_once,
    "W3": summaries,
    "W4": drafts_beside_summaries,
    "W5": drafts_after_restart,
}


def whole_drafts(done: Sequence[Written], tokens: int) -> tuple[float, ...]:
    """Seconds each draft takes for exactly ``tokens`` tokens, at the speed it wrote those it did."""
    written = sum(one.tokens - 1 for one in done)
    usual = sum(one.seconds - one.first_s for one in done) / written if written else 0.0
    return tuple(
        one.first_s
        + (tokens - 1) * ((one.seconds - one.first_s) / (one.tokens - 1) if one.tokens > ENOUGH_TOKENS else usual)
        for one in done
    )


def is_summary(text: str) -> bool:
    try:
        WrittenSummary.model_validate_json(text)
    except ValidationError:
        return False
    return True


@contextmanager
def _started(contestant: Contestant, kept: Path | None = None) -> Iterator[None]:
    contestant.start(kept)
    try:
        yield
    finally:
        contestant.stop()


@contextmanager
def _serving(contestant: Contestant, warm_up: Sequence[Ask]) -> Iterator[Meter]:
    """Started, warmed up with asks that are not counted, and on the meter."""
    with _started(contestant):
        for ask in warm_up:
            contestant.write(ask.model_copy(update={"max_tokens": 8}))
        with Meter(contestant.pid) as meter:
            yield meter


def _together(contestant: Contestant, asks: Sequence[Ask], at_once: int) -> list[Written]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(contestant.write, asks))


def _at(moment: float, contestant: Contestant, ask: Ask) -> Written:
    time.sleep(max(0.0, moment - time.monotonic()))
    return contestant.write(ask)


def _firsts(done: Sequence[Written]) -> tuple[float, ...]:
    return tuple(one.first_s for one in done)


def _costs(meter: Meter, done: Sequence[Written]) -> dict[str, float]:
    return {
        "tokens_read": sum(one.read for one in done),
        "tokens_reused": sum(one.reused for one in done),
        "tokens_written": sum(one.tokens for one in done),
        "core_s": meter.core_s,
        "peak_mb": meter.peak_kb / 1024,
    }
