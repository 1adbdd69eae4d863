"""The engine's benchmark: its arithmetic, and one quick run of all of it with the test model."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.models.catalogue import CatalogueModel
from tests.bench.engine.__main__ import main
from tests.bench.engine.contestants import Ask, Written
from tests.bench.engine.limits import together
from tests.bench.engine.llama_server import LlamaServer
from tests.bench.engine.loads import Loads, read_loads
from tests.bench.engine.metrics import METRICS, all_valid, rows
from tests.bench.engine.soak import Point, judge
from tests.bench.engine.works import (
    WORKS,
    Sizes,
    Turn,
    drafts_beside_summaries,
    drafts_one_by_one,
    is_summary,
    whole_drafts,
)
from tests.bench.processes import Meter
from tests.summaries import written as summary_written

NAME = "smollm2-135m-instruct-q4_1"
SUMMARY = summary_written("A memo to all staff.")


def words(text: str) -> int:
    return len(text.split())


def written(first_s: float, seconds: float, tokens: int) -> Written:
    step = (seconds - first_s) / max(tokens - 1, 1)
    token_s = tuple(first_s + step * number for number in range(tokens))
    text = "Hold the steam button."
    return Written(text=text, first_s=first_s, seconds=seconds, token_s=token_s, read=500, reused=300, tokens=tokens)


def turn(first_token_s: float, rows_per_minute: float = 10.0, valid: float = 1.0) -> Turn:
    figures = dict.fromkeys((metric.source for metric in METRICS), 7.0)
    return Turn(
        samples={metric.source: (first_token_s,) for metric in METRICS if metric.share is not None},
        figures=figures | {"rows_per_minute": rows_per_minute, "valid_share": valid},
    )


@pytest.fixture(scope="module")
def loads(shared_data: Path) -> Loads:
    return read_loads(shared_data, words)


def test_a_draft_that_ended_early_counts_as_long_as_all_others_at_its_own_speed() -> None:
    full, early = written(2.0, 2.0 + 95 * 0.1, 96), written(1.0, 1.0 + 19 * 0.1, 20)
    assert whole_drafts([full, early], 96) == pytest.approx((11.5, 10.5))


def test_a_draft_of_a_few_tokens_is_drawn_out_at_the_speed_of_the_others() -> None:
    full, word = written(2.0, 2.0 + 95 * 0.1, 96), written(1.0, 1.1, 2)
    assert whole_drafts([full, word], 96)[1] == pytest.approx(10.5)


def test_a_ratio_above_one_is_better_than_the_best_rival_whichever_way_that_lies() -> None:
    table = rows({"W3": {"deskhand": [turn(1, 20)], "one": [turn(1, 10)], "other": [turn(1, 16)]}})
    rate = next(row for row in table if row.metric == "rows a minute")
    assert (rate.ours, rate.rival, rate.which_rival, rate.ratio) == (20, 16, "other", 1.25)
    table = rows({"W1": {"deskhand": [turn(2.0)], "one": [turn(5.0), turn(3.0)], "other": [turn(6.0)]}})
    first = next(row for row in table if row.metric == "first token s p50")
    assert (first.ours, first.rival, first.which_rival, first.ratio) == (2.0, 3.0, "one", 1.5)


def test_writing_together_is_measured_while_all_write_and_over_all_when_one_waits_for_the_other() -> None:
    assert together([written(1, 5, 41), written(3, 5, 21)]) == pytest.approx(20, abs=1)
    one_by_one = together([written(1, 2, 11), written(3, 4, 11)])
    assert one_by_one == pytest.approx(7, abs=0.5)


def test_one_summary_that_is_not_valid_fails_the_run() -> None:
    assert is_summary(SUMMARY)
    assert not is_summary(SUMMARY[:-10])
    assert all_valid({"W3": {"deskhand": [turn(1)]}})
    assert not all_valid({"W3": {"deskhand": [turn(1)], "one": [turn(1, valid=0.98)]}})


def test_what_is_drawn_depends_on_the_seed_and_follows_a_zipf_law(loads: Loads) -> None:
    drafts = loads.drafts("one", 150, 96)
    assert drafts == loads.drafts("one", 150, 96)
    assert drafts != loads.drafts("other", 150, 96)
    shown = [ask.messages[-1].content for ask in drafts]
    first, last = (loads.passages[rank].chunk.text.split("\n")[0] for rank in (0, 100))
    assert sum(first in text for text in shown) > 2 * sum(last in text for text in shown)


def test_summaries_are_asked_for_as_the_stage_does(loads: Loads) -> None:
    ask = loads.summaries(1)[0]
    assert ask.bulk
    assert ask.json_schema is not None
    assert "request" in ask.json_schema["properties"]
    assert "Instant Message" in ask.messages[-1].content


def test_memory_that_grows_in_the_second_half_is_told_from_caches_that_fill_in_the_first() -> None:
    def points(*mb: int) -> list[Point]:
        return [Point(drafts=500 * at, rss_kb=one * 1024, pss_kb=one * 1024) for at, one in enumerate(mb)]

    assert judge(points(500, 900, 1000, 1001, 1000)).verdict.startswith("Memory is flat")
    grown = judge(points(500, 600, 700, 800, 900))
    assert grown.verdict.startswith("Memory grows")
    assert judge(points(500, 900)[:2]).verdict.startswith("Fewer")
    assert grown.kb_a_draft == pytest.approx(1024 / 5)


class Clockwork:
    """A contestant without a model: it says what it was asked, at once, and notes when it runs."""

    name, pid, bulk_at_once, bulk_beside_drafts = "clockwork", 0, 2, 2

    def __init__(self) -> None:
        self.runs = False
        self.asked: list[Ask] = []

    def start(self, kept: Path | None = None) -> None:
        self.pid, self.runs = os.getpid(), True

    def write(self, ask: Ask) -> Written:
        assert self.runs, "asked while it was stopped"
        self.asked.append(ask)
        return written(0.01, 0.02, ask.max_tokens)

    def keep(self) -> None:
        assert self.runs

    def stop(self) -> None:
        self.runs = False


def test_a_turn_asks_for_its_drafts_and_stops_its_contestant(loads: Loads) -> None:
    contestant = Clockwork()
    done = drafts_one_by_one(contestant, loads, Sizes(drafts=5, draft_tokens=4), 0)
    assert len(done.samples["first_token_s"]) == 5
    assert [ask.max_tokens for ask in contestant.asked] == [8, 4, 4, 4, 4, 4]
    assert not contestant.runs


def test_drafts_beside_summaries_are_all_counted_and_the_summaries_end_with_them(loads: Loads) -> None:
    contestant = Clockwork()
    sizes = Sizes(arrivals=3, every_s=0.01, summaries=2)
    done = drafts_beside_summaries(contestant, loads, sizes, 0)
    assert len(done.samples["first_token_s"]) == 3
    assert done.figures["rows_per_minute"] > 0
    assert not contestant.runs


def test_a_meter_counts_the_time_of_cores_and_the_memory_of_a_process() -> None:
    with Meter(os.getpid()) as meter:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
    assert meter.core_s >= 0.25
    assert meter.peak_kb > 1_000


@pytest.mark.models
@pytest.mark.shared_data
def test_a_quick_run_measures_every_work_for_every_contestant(
    model_file: Callable[[str], tuple[CatalogueModel, Path]], shared_data: Path, tmp_path: Path
) -> None:
    model_file(NAME)
    code = main([str(shared_data), "--model", NAME, "--quick", "--rounds", "1", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "engine.json").read_text())
    assert code == 0, "a summary was not valid"
    assert {row["work"] for row in found["rows"]} == {*WORKS, "limit"}
    for row in found["rows"]:
        assert set(row) == {"work", "metric", "ours", "rival", "which_rival", "ratio", "target"}
        assert row["ours"] >= 0
    contestants = {"deskhand", "llama_cpp.Llama"} | ({"llama-server"} if LlamaServer.installed() else set())
    for work in WORKS:
        assert set(found["raw"]["works"][work]) == contestants
    firsts = found["raw"]["works"]["W1"]["deskhand"]["samples"]["first_token_s"]
    assert firsts["p95"] >= firsts["median"] > 0
    assert set(found["raw"]["speeds_by_round"]) == contestants | {"llama_decode"}
