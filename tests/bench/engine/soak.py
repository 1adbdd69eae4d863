"""Memory of the engine's process over thousands of drafts: ``python -m tests.bench.engine.soak DATA``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from assistant.kernel.value import Value
from tests.bench.engine.__main__ import SMALL, find_weights
from tests.bench.engine.loads import Loads, read_loads
from tests.bench.engine.ours import Deskhand
from tests.bench.processes import memory_kb
from tests.bench.report import FOLDER, keep, show

DRAFT_TOKENS = 16
FLAT_KB_A_DRAFT = 3.0
"""Memory wavers by a megabyte or two, which over a thousand drafts is as much; 3 KB a draft is 300 MB in 100,000."""
ENOUGH_DRAFTS = 1_000
GROWS = "Memory grows"


class Point(Value):
    drafts: int
    rss_kb: int
    pss_kb: int


class Soak(Value):
    """``kb_a_draft`` is the slope of proportional memory over the second half, by least squares."""

    points: tuple[Point, ...]
    kb_a_draft: float
    grown_share: float
    verdict: str


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 when memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine.soak", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with mtrag and summaries")
    parser.add_argument("--model", default=SMALL, help="name in the catalogue")
    parser.add_argument("--drafts", type=int, default=2_000)
    parser.add_argument("--every", type=int, default=100, help="drafts between two looks at memory")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder engine_soak.json is written to")
    options = parser.parse_args(arguments)
    ours = Deskhand(find_weights(options.model))
    ours.start()
    try:
        points = soak(ours, read_loads(options.data, ours.count), options.drafts, options.every)
    finally:
        ours.stop()
    found = judge(points)
    show(
        f"engine soak, {options.model}",
        ("drafts", "RSS MB", "PSS MB"),
        [(point.drafts, round(point.rss_kb / 1024, 1), round(point.pss_kb / 1024, 1)) for point in points],
    )
    Console().print(found.verdict)
    keep("engine_soak", {"model": options.model, **found.model_dump()}, options.out)
    return 1 if found.verdict.startswith(GROWS) else 0


def soak(ours: Deskhand, loads: Loads, drafts: int, every: int) -> list[Point]:
    """Memory before the first draft and after every ``every`` drafts."""
    points = [_point(ours, 0)]
    for served in range(0, drafts, every):
        now = min(every, drafts - served)
        for ask in loads.drafts(f"soak {served}", now, DRAFT_TOKENS):
            ours.write(ask)
        points.append(_point(ours, served + now))
    return points


def judge(points: Sequence[Point]) -> Soak:
    """The slope of the second half; the first holds what caches are filled with."""
    half = [point for point in points if point.drafts >= points[-1].drafts / 2]
    drafts, memory = [point.drafts for point in half], [point.pss_kb for point in half]
    slope = float(np.polyfit(drafts, memory, 1)[0]) if len(half) > 1 else 0.0
    share = slope * (drafts[-1] - drafts[0]) / memory[0]
    verdict = (
        f"{_word(drafts[-1], slope)}: {slope:+.2f} KB a draft from draft {drafts[0]} to {drafts[-1]}, "
        f"{share:+.1%} of {memory[0] / 1024:.0f} MB."
    )
    return Soak(points=tuple(points), kb_a_draft=round(slope, 3), grown_share=round(share, 4), verdict=verdict)


def _word(drafts: int, slope: float) -> str:
    if drafts < ENOUGH_DRAFTS:
        return f"Fewer than {ENOUGH_DRAFTS} drafts do not tell whether memory grows"
    return "Memory is flat" if slope < FLAT_KB_A_DRAFT else GROWS


def _point(ours: Deskhand, drafts: int) -> Point:
    return Point(drafts=drafts, rss_kb=memory_kb(ours.pid, "Rss"), pss_kb=memory_kb(ours.pid))


if __name__ == "__main__":
    sys.exit(main())
