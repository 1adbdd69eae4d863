"""How well handed-off questions are gathered: 300 real messages of 15 intents, drawn four times a set."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from assistant.config import Settings
from assistant.stages.gather import MIN_SIMILARITY, gather
from assistant.wiring import App
from tests.bench.report import report
from tests.learning.quality import EVEN, SKEWED, Quality, draw, measure, read_intents

SEEDS = (0, 1)
MANY = 2_000


def main(path: Path) -> None:
    app = App(Settings())
    rows: dict[str, float | int | str] = {"min_similarity": MIN_SIMILARITY}
    every: list[str] = []
    for name, intents in read_intents(path).items():
        found = []
        for sizes in (EVEN, SKEWED):
            for seed in SEEDS:
                texts, labels = draw(intents, sizes, seed)
                found.append(measure(app.embedder.embed(texts), labels))
        rows |= {f"{name}_{measured}": round(mean(values), 3) for measured, values in _columns(found)}
        every += [text for texts in intents.values() for text in texts]
    texts = every[:: len(every) // MANY][:MANY]
    start = time.monotonic()
    vectors = app.embedder.embed(texts)
    embedded = time.monotonic()
    gather(np.asarray(vectors))
    rows[f"embed_{MANY}_s"] = round(embedded - start, 2)
    rows[f"gather_{MANY}_s"] = round(time.monotonic() - embedded, 2)
    app.close()
    report("gaps", rows)


def _columns(found: Sequence[Quality]) -> list[tuple[str, list[float]]]:
    return [(name, [float(quality[place]) for quality in found]) for place, name in enumerate(Quality._fields)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
