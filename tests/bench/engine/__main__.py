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
from assistant.policies import load_policy
from tests.bench.engine.contestants import Contestant, Weights
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
    """The exit code: 1 when a summary of anyone was not valid. What is done is on disk after every work."""
    options = _options(arguments)
    weights, server = find_weights(options.model), ServerSettings.model_validate_json(options.server)
    contestants = _contestants(weights, server)
    loads = _loads(options.data, weights)
    sizes, limits = (QUICK, QUICK_LIMITS) if options.quick else (Sizes(), LimitSizes())
    sizes = sizes.model_copy(update=Sizes.model_validate_json(options.sizes).model_dump(exclude_unset=True))
    conditions = _conditions(weights, options.rounds, sizes, server)
    results: dict[str, dict[str, list[Turn]]] = {}
    table: list[Row] = []
    measured: dict[str, object] = {}

    def keep_all() -> None:
        document = {**conditions, "rows": [row.model_dump() for row in table], "raw": measured}
        keep("engine", document, options.out)

    for name in (name for name in WORKS if name in options.works):
        results[name] = run_work(name, contestants, loads, sizes, options.rounds)
        table, measured = rows(results), {"works": raw(results)}
        keep_all()
    if LIMITS in options.works:
        found = _limits(contestants, weights, loads, limits, options.rounds)
        table += limit_rows(*found)
        measured |= dict(zip(("speeds_by_round", "speeds_with_states"), found, strict=True))
        keep_all()
    _show(conditions, table)
    return 0 if all_valid(results) else 1


def _contestants(weights: Weights, server: ServerSettings) -> list[Contestant]:
    contestants: list[Contestant] = [Deskhand(weights), PlainLlama(weights)]
    if LlamaServer.installed():
        return [*contestants, LlamaServer(weights, server)]
    Console(stderr=True).print("llama-server is left out: `pip install xllamacpp` brings it.")
    return contestants


def _loads(data: Path, weights: Weights) -> Loads:
    """The process that counts tokens ends before memory is measured: it would share some of it."""
    counting = Deskhand(weights)
    counting.start()
    try:
        return read_loads(data, counting.count)
    finally:
        counting.stop()


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


def run_work(
    name: str, contestants: Sequence[Contestant], loads: Loads, sizes: Sizes, rounds: int
) -> dict[str, list[Turn]]:
    """A work in turns: round after round, with the order of the contestants turned round every time."""
    turns: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
    for round_ in range(rounds):
        for contestant in contestants[:: 1 if round_ % 2 == 0 else -1]:
            began = time.monotonic()
            turns[contestant.name].append(WORKS[name](contestant, loads, sizes, round_))
            spent = f"{time.monotonic() - began:.0f} s"
            Console(stderr=True).print(f"{name}, round {round_ + 1} of {rounds}: {contestant.name}, {spent}")
    return turns


def find_weights(name: str) -> Weights:
    """The model called so in the catalogue, on all usable cores. Exits when it was not pulled."""
    model = load_catalogue().get(name)
    path = model.path_in(Settings().models)
    if not path.is_file():
        sys.exit(f"{name} is not at {path}. Run `deskhand models pull {name}`.")
    settings = Settings()
    return Weights(
        name=name,
        path=str(path),
        sha256=model.sha256,
        threads=usable_cores(),
        reuse_passages=settings.reuse_passages,
        familiar_gain=load_policy(settings.policy)[0].generate.familiar_gain,
    )


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


def _show(conditions: Mapping[str, object], table: Sequence[Row]) -> None:
    columns = tuple(Row.model_fields)
    show(
        f"Engine, {conditions['model']}, {conditions['threads']} threads: ratio above 1 is better than the best rival",
        columns,
        [[getattr(row, column) for column in columns] for row in table],
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with mtrag and summaries")
    parser.add_argument("--model", default=SMALL, help="name in the catalogue")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every contestant at every work")
    parser.add_argument("--works", nargs="+", default=[*WORKS, LIMITS], choices=[*WORKS, LIMITS])
    parser.add_argument("--quick", action="store_true", help="a few items each: to try it, not to measure")
    parser.add_argument("--sizes", default="{}", help="JSON with some of the fields of Sizes")
    parser.add_argument("--server", default="{}", help="JSON with some of the fields of ServerSettings")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder engine.json is written to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
