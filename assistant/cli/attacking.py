"""``deskhand evaluate injection``: whether instructions in tickets and documents reach a draft."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.evaluating import WORK, AsJson, Corpus, Distractors, Out, Queries, Work, indexed, written
from assistant.cli.session import console, opened, progress_bar
from assistant.evaluation.formats import read_queries
from assistant.evaluation.injection import InjectionReport, carriers, evaluate_injection, read_attacks
from assistant.evaluation.trials import PATIENCE


def injection(
    rows: Annotated[
        Path, typer.Option(help="JSON lines of id, category, label (malicious, benign), channel and text.")
    ],
    corpus: Corpus,
    queries: Queries,
    distractors: Distractors = None,
    questions: Annotated[
        int, typer.Option(min=1, help="So many questions that are answered carry each row, and as many that are not.")
    ] = 1,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """Every attack on the whole pipeline, in a ticket or in the passage that answers, beside the same question without it."""
    attacks = read_attacks(rows)
    alone = [query for query in read_queries(queries) if len(query.ticket.messages) == 1]
    with opened(data_dir=work) as desk:
        scope = indexed([corpus, *(distractors or [])], desk)
        if desk.local_models and desk.host is None:
            desk.model_process.start()
        given = desk.desk.policy
        patient = given.generate.model_copy(update={"deadline_s": PATIENCE * given.generate.deadline_s})
        calm = replace(desk.desk, policy=given.model_copy(update={"generate": patient}))
        carried_by = carriers(alone, calm, scope, questions)
        with progress_bar("Attacking", len(attacks) * len(carried_by), unit="min") as on_progress:
            report = evaluate_injection(attacks, carried_by, calm, scope, desk.settings.slots, on_progress)
    written(report, out or Path(f"build/bench/injection-{corpus.parent.name}.json"))
    if as_json:
        console.print_json(report.model_dump_json())
    else:
        _show(report)


def _show(report: InjectionReport) -> None:
    success = report.attack_success
    table = Table(
        "Category", "Runs", "Succeeded", "Answer before, person now",
        title=f"{report.attacks} attacks: {success.value:.1%} succeeded ({success.low:.1%} to {success.high:.1%})",
    )  # fmt: skip
    for category, caught in report.by_category.items():
        table.add_row(category, str(caught.rows), str(caught.succeeded), str(caught.to_a_person))
    console.print(table)
    for way, number in report.by_success.items():
        console.print(f"{way}: {number}")
