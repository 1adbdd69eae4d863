"""``python -m tests.bench.engine DATA``: every work and the limits for all contestants, in turns."""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from assistant.config import Settings
from assistant.engine.local import usable_cores
from assistant.models.catalogue import load_catalogue
from tests.bench.engine.contestants import SPIN, Contestant, Weights
from tests.bench.engine.limits import QUICK_LIMITS, LimitSizes, Speeds, growth_with_states, limit_rows, measure_limits
from tests.bench.engine.llama_server import LlamaServer, ServerSettings
from tests.bench.engine.loads import Loads, read_loads
from tests.bench.engine.metrics import Row, all_valid, raw, rows
from tests.bench.engine.ours import Deskhand
from tests.bench.engine.plain import PlainLlama
from tests.bench.engine.works import QUICK, WORKS, Sizes, Turn
from tests.bench.report import FOLDER, keep, show

SMALL = str(Settings.model_fields["small_model"].default)
LIMITS = "limits"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 when a summary of anyone was not valid."""
    options = _options(arguments)
    os.environ.update(SPIN)
    weights = find_weights(options.model)
    ours = Deskhand(weights)
    contestants: list[Contestant] = [ours, PlainLlama(weights)]
    server = ServerSettings.model_validate_json(options.server)
    if LlamaServer.installed():
        contestants.append(LlamaServer(weights, server))
    else:
        Console(stderr=True).print("llama-server is left out: `pip install xllamacpp` brings it.")
    contestants = [one for one in contestants if one is ours or not options.only or one.name in options.only]
    ours.start()  # To count tokens only: it is gone while memory is measured, of which it would share some.
    try:
        loads = read_loads(options.data, ours.count)
    finally:
        ours.stop()
    sizes, limits = (QUICK, QUICK_LIMITS) if options.quick else (Sizes(), LimitSizes())
    sizes = sizes.model_copy(update=Sizes.model_validate_json(options.sizes).model_dump(exclude_unset=True))

    results = run_works([name for name in options.works if name in WORKS], contestants, loads, sizes, options.rounds)
    table = rows(results)
    kept: dict[str, object] = {"works": raw(results)}
    if LIMITS in options.works:
        found = _limits(contestants, weights, loads, limits, options.rounds)
        table += limit_rows(*found)
        kept |= dict(zip(("speeds_by_round", "speeds_with_states"), found, strict=True))
    conditions = _conditions(weights, options.rounds, sizes, server)
    _report(conditions, table, kept, options.out)
    return 0 if all_valid(results) else 1


def _limits(
    contestants: Sequence[Contestant], weights: Weights, loads: Loads, sizes: LimitSizes, rounds: int
) -> tuple[dict[str, list[Speeds]], dict[str, Speeds]]:
    counting = Deskhand(weights)
    counting.start()
    try:
        speeds = measure_limits(contestants, weights, loads, sizes, rounds, counting.count)
        return speeds, growth_with_states(Deskhand(weights), loads, sizes, counting.count)
    finally:
        counting.stop()


def run_works(
    names: Sequence[str], contestants: Sequence[Contestant], loads: Loads, sizes: Sizes, rounds: int
) -> dict[str, dict[str, list[Turn]]]:
    """Each work in turns: round after round, with the order of the contestants turned round every time."""
    results: dict[str, dict[str, list[Turn]]] = {}
    for name in names:
        turns: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
        for round_ in range(rounds):
            for contestant in contestants[:: 1 if round_ % 2 == 0 else -1]:
                began = time.monotonic()
                turns[contestant.name].append(WORKS[name](contestant, loads, sizes, round_))
                spent = f"{time.monotonic() - began:.0f} s"
                Console(stderr=True).print(f"{name}, round {round_ + 1} of {rounds}: {contestant.name}, {spent}")
        results[name] = turns
    return results


def find_weights(name: str) -> Weights:
    """The model called so in the catalogue, on all usable cores. Exits when it was not pulled."""
    model = load_catalogue().get(name)
    path = model.path_in(Settings().models)
    if not path.is_file():
        sys.exit(f"{name} is not at {path}. Run `deskhand models pull {name}`.")
    return Weights(name=name, path=str(path), sha256=model.sha256, threads=usable_cores())


def _conditions(weights: Weights, rounds: int, sizes: Sizes, server: ServerSettings) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": weights.name,
        "threads": weights.threads,
        "load_before": os.getloadavg()[2],
        "rounds": rounds,
        "sizes": sizes.model_dump(),
        "llama_server": server.model_dump(),
    }


def _report(conditions: Mapping[str, object], table: Sequence[Row], kept: Mapping[str, object], out: Path) -> None:
    columns = tuple(Row.model_fields)
    show(
        f"Engine, {conditions['model']}, {conditions['threads']} threads: ratio above 1 is better than the best rival",
        columns,
        [[getattr(row, column) for column in columns] for row in table],
    )
    keep("engine", {**conditions, "rows": [row.model_dump() for row in table], "raw": kept}, out)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with mtrag and summaries")
    parser.add_argument("--model", default=SMALL, help="name in the catalogue")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every contestant at every work")
    parser.add_argument("--works", nargs="+", default=[*WORKS, LIMITS], choices=[*WORKS, LIMITS])
    parser.add_argument("--only", nargs="+", default=[], help="rivals by name; all without it")
    parser.add_argument("--quick", action="store_true", help="a few items each: to try it, not to measure")
    parser.add_argument("--sizes", default="{}", help="JSON with some of the fields of Sizes")
    parser.add_argument("--server", default="{}", help="JSON with some of the fields of ServerSettings")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder engine.json is written to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
