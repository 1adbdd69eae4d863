"""``deskhand evaluate cascade``: quality against cost of the small model, then the large one where it helps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.evaluating import WORK, AsJson, Corpus, Distractors, Out, Queries, Work, indexed, written
from assistant.cli.session import console, messages, opened, progress_bar
from assistant.evaluation.cascade import CascadeReport, Pace, asked_of_trials, evaluate_cascade, measure_pace
from assistant.evaluation.formats import Query, read_queries
from assistant.evaluation.judge import load_judge
from assistant.evaluation.labelled import can_be_judged
from assistant.evaluation.trials import Trial, run_trials
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.knowledge import Scope
from assistant.wiring import App


def cascade(
    corpus: Corpus,
    queries: Queries,
    distractors: Distractors = None,
    seed: Annotated[int, typer.Option(help="How the conversations are parted in two.")] = 0,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """Whether the large model is asked where it helps: quality against core-seconds, beside random, always-small, always-large and an oracle.

    Every question is drafted by both models, which takes a while; drafts are kept and not made again.
    """
    asked = [query for query in read_queries(queries) if can_be_judged(query)]
    with opened(data_dir=work) as desk:
        if set(desk.models) != set(Tier):
            raise ConfigurationError(
                "a cascade needs a small and a large model", fix="Set DESKHAND_SMALL_MODEL and DESKHAND_LARGE_MODEL."
            )
        trials = drafted(asked, desk, indexed([corpus, *(distractors or [])], desk), work / "calibration")
        paces = measured_paces(desk)
    report = evaluate_cascade(asked_of_trials(asked, trials, load_judge(), paces), seed)
    written(report, out or Path(f"build/bench/cascade-{corpus.parent.name}.json"))
    if as_json:
        console.print_json(report.model_dump_json())
    else:
        _show(report)


def drafted(asked: Sequence[Query], desk: App, scope: Scope, folder: Path) -> dict[str, list[Trial]]:
    """Every question by every model, with a bar; drafts are kept in ``folder``."""
    if desk.local_models and desk.host is None:
        desk.model_process.start()
    kept, at_once = folder / f"{scope.tenant}.jsonl", desk.settings.slots
    with progress_bar("Drafting", len(asked) * len(desk.models), unit="min") as on_progress:
        return run_trials(asked, desk.desk, desk.basis, scope, kept, at_once, on_progress)


def measured_paces(desk: App) -> dict[Tier, Pace]:
    """Core-seconds a token of each tier that runs here; a server's tokens take none of this machine's."""
    messages.print("Measuring how fast the models read and write here.")
    cores = desk.tiers.threads
    return {
        tier: measure_pace(model, cores) if tier in desk.local_models else Pace(0.0, 0.0)
        for tier, model in desk.models.items()
    }


def _show(report: CascadeReport) -> None:
    table = Table(
        "Tier",
        "Drafts that stand",
        "Acceptable",
        "Core-seconds a question",
        title=f"{report.questions} questions that reach a model",
    )
    for tier in report.tiers:
        table.add_row(tier.tier, str(tier.accepted), str(tier.acceptable), f"{tier.core_seconds:.1f}")
    console.print(table)
    curves = Table("Large model chosen by", "APGR", "95 %", "Half the gain at", "80 % of it at")
    for curve in report.curves:
        interval = f"{curve.apgr.low:.2f} to {curve.apgr.high:.2f}"
        curves.add_row(curve.chosen_by, f"{curve.apgr.value:.3f}", interval, f"{curve.cpt50:.0%}", f"{curve.cpt80:.0%}")
    console.print(curves)
    spent = Table(
        "An answer is worth",
        "Asked small",
        "large",
        "Accepted",
        "Acceptable",
        "Core-seconds each, of always-large",
        "... acceptable",
    )
    for one in report.spent:
        worth = "anything" if one.worth is None else f"{one.worth:.0f} core-s"
        counts = (str(count) for count in (one.asked_small, one.asked_large, one.accepted, one.acceptable))
        spent.add_row(worth, *counts, f"{one.against_always_large:.0%}", f"{one.for_acceptable:.0%}")
    console.print(spent)
