"""How threads of llama.cpp should wait for each other: OpenMP's ways against ggml's own threads, quiet and beside others.

Every way gets its turn in every round, beside none, one and two busy processes, so that what else goes on on the
machine hits all alike. Each figure is a median over rounds, and the best of them is kept too: on a machine that others
use it is the nearest to a quiet one. Compare within a run, never across.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from assistant.config import Settings
from assistant.engine.local import usable_cores
from assistant.models.catalogue import load_catalogue
from tests.bench.report import report

LOOP = Path(__file__).with_name("waiting_loop.py")
LIMIT_S = 40.0
"""Enough for the slowest way that anyone would use: a way that needs longer counts as standing still."""
NEIGHBOURS = (0, 1, 2)
WAYS: dict[str, dict[str, str]] = {
    "openmp default": {},
    "openmp passive": {"OMP_WAIT_POLICY": "passive"},
    "openmp spin 100": {"GOMP_SPINCOUNT": "100"},
    "openmp spin 1000": {"GOMP_SPINCOUNT": "1000"},
    "openmp spin 10000": {"GOMP_SPINCOUNT": "10000"},
}
OWN_THREADS = "ggml threads"
MEASURES = ("prefill", "decode", "worst_step_ms")


def main() -> None:
    given = _arguments()
    model = load_catalogue().get(given.model)
    path = str(model.path_in(Settings().models))
    ways = {name: (sys.executable, changes) for name, changes in WAYS.items()}
    if given.other_python:
        ways[OWN_THREADS] = (given.other_python, {})
    else:
        print(f"“{OWN_THREADS}” is left out: --other-python names a Python whose llama.cpp was built without OpenMP.")
    seen: dict[tuple[str, int], list[dict[str, float]]] = {}
    loads = []
    for number in range(given.rounds):
        loads.append(round(os.getloadavg()[0], 1))
        for busy in NEIGHBOURS:
            for name, (python, changes) in ways.items():
                with _neighbours(busy):
                    rates = _measure(python, changes, path, given.threads)
                seen.setdefault((name, busy), []).append(rates)
                print(f"round {number + 1}, beside {busy} busy, {name}: {_shown(rates)}", flush=True)
    rows = {key: _medians(rates) for key, rates in seen.items()}
    _show(rows)
    flat = {
        f"{name}, beside {busy}: {measure}": value
        for (name, busy), row in rows.items()
        for measure, value in row.items()
    }
    report(
        "waiting", {"model": model.name, "threads": given.threads, "rounds": given.rounds, "loads": str(loads)} | flat
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other-python", help="A Python whose llama-cpp-python was built with GGML_OPENMP=OFF.")
    parser.add_argument("--model", default=Settings().small_model)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_cores())
    return parser.parse_args()


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """So many other processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _measure(python: str, changes: dict[str, str], path: str, threads: int) -> dict[str, float]:
    """The loop's rates; none when it did not end in time, which counts as a rate of 0."""
    waiting = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in waiting} | changes
    command = [python, str(LOOP), path, str(threads)]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, timeout=LIMIT_S
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"prefill": 0.0, "decode": 0.0, "worst_step_ms": LIMIT_S * 1000}
    rates: dict[str, float] = json.loads(done.stdout)
    return rates


def _medians(rates: list[dict[str, float]]) -> dict[str, float]:
    medians = {measure: round(statistics.median(row[measure] for row in rates), 1) for measure in MEASURES}
    return medians | {f"best_{measure}": round(max(row[measure] for row in rates), 1) for measure in MEASURES[:2]}


def _shown(rates: dict[str, float]) -> str:
    return ", ".join(f"{measure} {value:.1f}" for measure, value in rates.items())


def _show(rows: dict[tuple[str, int], dict[str, float]]) -> None:
    """A row a way: median (best) of prefill and decode in tokens a second, by how many neighbours are busy."""
    heads = [f"{measure}, beside {busy}" for busy in NEIGHBOURS for measure in MEASURES[:2]]
    table = Table("Way", *heads, title="tokens a second, median (best)")
    for name in dict.fromkeys(name for name, _ in rows):
        cells = [
            f"{rows[name, busy][measure]:.1f} ({rows[name, busy][f'best_{measure}']:.1f})"
            for busy in NEIGHBOURS
            for measure in MEASURES[:2]
        ]
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
