"""Turns of all contestants → rows of the table: ours, the best rival, and how they compare."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from assistant.evaluation.metrics import percentile
from assistant.kernel.value import Value
from tests.bench.engine.works import Turn

OURS = "deskhand"
Turns = Mapping[str, Sequence[Turn]]
"""What each contestant did, round by round."""


class Row(Value):
    """``ratio`` is how many times better ours is than the best rival: above 1 is better, whichever way that lies."""

    work: str
    metric: str
    ours: float
    rival: float | None
    which_rival: str
    ratio: float | None
    target: float | None


class Metric(NamedTuple):
    """``share`` asks for that percentile of pooled samples; without it the metric is a figure of a turn."""

    work: str
    name: str
    source: str
    share: float | None = None
    target: float | None = None
    more_is_better: bool = False


METRICS = (
    Metric("W1", "first token s p50", "first_token_s", 0.5, 2.0),
    Metric("W1", "first token s p95", "first_token_s", 0.95),
    Metric("W1", "whole draft s p50", "total_s", 0.5, 1.4),
    Metric("W1", "whole draft s p95", "total_s", 0.95),
    Metric("W1", "prompt tokens read", "tokens_read"),
    Metric("W1", "tokens written", "tokens_written", more_is_better=True),
    Metric("W1", "core-seconds a draft", "core_s_a_draft"),
    Metric("W1", "peak memory MB", "peak_mb"),
    Metric("W2", "output tokens/s", "output_tokens_per_s", None, 1.3, more_is_better=True),
    Metric("W2", "first token s p95", "first_token_s", 0.95, 1.5),
    Metric("W2", "tokens written", "tokens_written", more_is_better=True),
    Metric("W2", "peak memory MB", "peak_mb"),
    Metric("W3", "rows a minute", "rows_per_minute", None, 1.3, more_is_better=True),
    Metric("W3", "valid share", "valid_share", None, 1.0, more_is_better=True),
    Metric("W3", "tokens written", "tokens_written"),
    Metric("W3", "core-seconds", "core_s"),
    Metric("W3", "peak memory MB", "peak_mb"),
    Metric("W4", "first token s p95", "first_token_s", 0.95, 3.0),
    Metric("W4", "first token s p50", "first_token_s", 0.5),
    Metric("W4", "whole draft s p50", "total_s", 0.5),
    Metric("W4", "summaries a minute meanwhile", "rows_per_minute", more_is_better=True),
    Metric("W5", "ready to first token s p50", "first_token_s", 0.5, 3.0),
    Metric("W5", "start to first token s p50", "start_to_first_token_s", 0.5, 3.0),
    Metric("W5", "start to ready s p50", "ready_s", 0.5),
    Metric("W5", "prompt tokens read p50", "tokens_read", 0.5),
    Metric("W5", "kept on disk MB", "kept_mb"),
)


def rows(results: Mapping[str, Turns]) -> list[Row]:
    """A row for each metric of the works that were run."""
    return [_row(metric, results[metric.work]) for metric in METRICS if metric.work in results]


def raw(results: Mapping[str, Turns]) -> dict[str, object]:
    """Everything that was measured: by work and contestant, medians and p95 of samples, and figures by round."""
    return {
        work: {name: _raw_of(done) for name, done in turns.items()} for work, turns in results.items()
    }  # fmt: skip


def all_valid(results: Mapping[str, Turns]) -> bool:
    """Whether every summary of every contestant has the shape its schema asks for."""
    return all(turn.figures["valid_share"] == 1.0 for turns in results.get("W3", {}).values() for turn in turns)


def _row(metric: Metric, turns: Turns) -> Row:
    values = {name: _value(metric, done) for name, done in turns.items()}
    ours = values.pop(OURS)
    best = max if metric.more_is_better else min
    which = best(values, key=values.__getitem__) if values else ""
    rival = values.get(which)
    return Row(
        work=metric.work,
        metric=metric.name,
        ours=round(ours, 3),
        rival=None if rival is None else round(rival, 3),
        which_rival=which,
        ratio=None if rival is None else _ratio(ours, rival, more_is_better=metric.more_is_better),
        target=metric.target,
    )


def _value(metric: Metric, turns: Sequence[Turn]) -> float:
    if metric.share is None:
        return median(turn.figures[metric.source] for turn in turns)
    return percentile([value for turn in turns for value in turn.samples[metric.source]], metric.share)


def _ratio(ours: float, rival: float, *, more_is_better: bool) -> float | None:
    above, below = (ours, rival) if more_is_better else (rival, ours)
    return round(above / below, 3) if below else None


def _raw_of(turns: Sequence[Turn]) -> dict[str, object]:
    samples = {}
    for name in turns[0].samples:
        by_round = [[round(value, 4) for value in turn.samples[name]] for turn in turns]
        pooled = [value for values in by_round for value in values]
        samples[name] = {
            "median": median(pooled),
            "p95": percentile(pooled, 0.95),
            "median_by_round": [median(values) for values in by_round],
            "by_round": by_round,
        }
    figures = {name: [round(turn.figures[name], 3) for turn in turns] for name in turns[0].figures}
    return {"samples": samples, "figures_by_round": figures}
