"""How near ours comes to a bare ``llama_decode`` loop, and how speed changes with length, company and cached states."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median

from assistant.kernel.generation import ChatMessage
from assistant.kernel.value import Value
from tests.bench.engine.contestants import (
    CONTEXT_LENGTH,
    Ask,
    Contestant,
    RivalProcess,
    Weights,
    Written,
)  # fmt: skip
from tests.bench.engine.loads import Loads
from tests.bench.engine.metrics import OURS, Row

BARE = "llama_decode"
AIM = 0.95
STATE_TOKENS = 96
Count = Callable[[str], int]
Speeds = dict[str, float]
"""Tokens a second by what was done, such as ``prefill 1024`` or ``4 at once``."""


class LimitSizes(Value):
    """``lengths`` of prompts in tokens; ``at_once`` rows written together; ``states``: prompts served before."""

    lengths: tuple[int, ...] = (256, 1024, 3000)
    at_once: tuple[int, ...] = (1, 2, 4, 8)
    states: tuple[int, ...] = (0, 100, 400)
    steps: int = 64


QUICK_LIMITS = LimitSizes(lengths=(64, 128), at_once=(1, 2), states=(0, 2), steps=8)


def measure_limits(
    contestants: Sequence[Contestant], weights: Weights, loads: Loads, sizes: LimitSizes, rounds: int, count: Count
) -> dict[str, list[Speeds]]:
    """Speeds of the bare loop and of every contestant, a dictionary a round; in turns, whose order turns round."""
    done: dict[str, list[Speeds]] = {BARE: [], **{contestant.name: [] for contestant in contestants}}
    for round_ in range(rounds):
        prompts = {str(length): loads.long_text(f"limit {round_} {length}", length, count) for length in sizes.lengths}
        turns: list[tuple[str, Callable[[], Speeds]]] = [(BARE, partial(_bare, weights, prompts, sizes))]
        turns += [(one.name, partial(_speeds, one, prompts, loads, sizes, count)) for one in contestants]
        for name, turn in turns[:: 1 if round_ % 2 == 0 else -1]:
            done[name].append(turn())
    return done


def growth_with_states(ours: Contestant, loads: Loads, sizes: LimitSizes, count: Count) -> dict[str, Speeds]:
    """Ours after so many distinct prompts were served before, in one process."""
    grown: dict[str, Speeds] = {}
    served, length = 0, sizes.lengths[min(1, len(sizes.lengths) - 1)]
    ours.start()
    try:
        for wanted in sizes.states:
            for number in range(served, wanted):
                ours.write(_ask(loads.long_text(f"state {number}", STATE_TOKENS, count), 1))
            served = wanted
            text = loads.long_text(f"after {wanted} states", length, count)
            grown[f"{wanted} states"] = _one(ours.write(_ask(text, sizes.steps)), str(length))
    finally:
        ours.stop()
    return grown


def limit_rows(speeds: Mapping[str, Sequence[Speeds]], grown: Mapping[str, Speeds]) -> list[Row]:
    """Ours against the bare loop; and ours with states against ours without any."""
    ours, bare = (
        {what: median(one[what] for one in speeds[name]) for what in speeds[name][0]} for name in (OURS, BARE)
    )  # fmt: skip
    rows = [_row("limit", f"{what} tokens/s", value, bare[what], BARE) for what, value in ours.items()]
    empty = next(iter(grown.values()), {})
    for states, after in list(grown.items())[1:]:
        rows += [_row("limit", f"{what} tokens/s, {states}", after[what], empty[what], "no states") for what in after]
    return rows


def _bare(weights: Weights, prompts: Mapping[str, str], sizes: LimitSizes) -> Speeds:
    settings = {
        "path": weights.path,
        "threads": weights.threads,
        "context_length": CONTEXT_LENGTH,
        "prompts": prompts,
        "at_once": sizes.at_once,
        "steps": sizes.steps,
    }
    process = RivalProcess("bare_child", settings)  # It measures, says what it found, and is done.
    process.stop()
    found = json.loads(process.greeting)
    named = {f"{kind} {length}": value for kind in ("prefill", "decode") for length, value in found[kind].items()}
    return named | {f"decode {rows} at once": value for rows, value in found["batch"].items()}


def _speeds(
    contestant: Contestant, prompts: Mapping[str, str], loads: Loads, sizes: LimitSizes, count: Count
) -> Speeds:
    contestant.start()
    try:
        contestant.write(_ask(loads.long_text("warm-up", 64, count), 4))
        speeds: Speeds = {}
        for length, text in prompts.items():
            speeds |= _one(contestant.write(_ask(text, sizes.steps)), length)
        for rows in sizes.at_once:
            texts = [loads.long_text(f"row {rows} {row}", 48, count) for row in range(rows)]
            speeds[f"decode {rows} at once"] = _many(contestant, [_ask(text, sizes.steps) for text in texts])
        return speeds
    finally:
        contestant.stop()


def _one(done: Written, length: str) -> Speeds:
    """The first token comes with the end of the prompt; the others are the decoding."""
    return {
        f"prefill {length}": done.read / done.first_s,
        f"decode {length}": max(done.tokens - 1, 1) / max(done.seconds - done.first_s, 1e-6),
    }


def _many(contestant: Contestant, asks: Sequence[Ask]) -> float:
    with ThreadPoolExecutor(len(asks)) as pool:
        return together(list(pool.map(contestant.write, asks)))


def together(done: Sequence[Written]) -> float:
    """Tokens a second over all asks made at one moment, while all were writing: from the last one's first token to the
    first one's end. When they were served one after another, from the first token of all to the last.
    """
    first, last = max(one.first_s for one in done), min(one.seconds for one in done)
    if last <= first:
        first, last = min(one.first_s for one in done), max(one.seconds for one in done)
    tokens = sum(first < at <= last for one in done for at in one.token_s)
    return tokens / max(last - first, 1e-6)


def _ask(text: str, tokens: int) -> Ask:
    """A task that takes a model long, so that it does not end its turn early."""
    content = f"{text}\n\nTell all of the above again in your own words, at length and without leaving anything out."
    return Ask(messages=(ChatMessage(role="user", content=content),), max_tokens=tokens)


def _row(work: str, metric: str, ours: float, other: float, which: str) -> Row:
    return Row(
        work=work,
        metric=metric,
        ours=round(ours, 1),
        rival=round(other, 1),
        which_rival=which,
        ratio=round(ours / other, 3),
        target=AIM,
    )
