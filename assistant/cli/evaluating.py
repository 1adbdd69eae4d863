"""``deskhand evaluate``: measure retrieval and drafts on labelled files; a table here, JSON in build/bench."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer
from rich.table import Table

from assistant.cli.ingesting import ingest_bars
from assistant.cli.session import console, messages, opened, progress_bar
from assistant.evaluation.abstention import ask_all, evaluate_abstention, fitted_abstention
from assistant.evaluation.calibration import evaluate_calibration, judged
from assistant.evaluation.drafts import DraftsReport, evaluate_drafts
from assistant.evaluation.fitting import fitted
from assistant.evaluation.formats import Query, read_qrels, read_queries
from assistant.evaluation.grounding import evaluate_grounding
from assistant.evaluation.judge import evaluate_judge, fitted_judge
from assistant.evaluation.metrics import Interval
from assistant.evaluation.rated import read_rated
from assistant.evaluation.retrieval import evaluate_retrieval
from assistant.evaluation.sentences import evaluate_sentences
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.value import Value
from assistant.wiring import App
from ingest.load import count, load
from ingest.pipeline import ingest
from ingest.wiring import create_ingest

app = typer.Typer(help="Measure retrieval and drafts on labelled files.", no_args_is_help=True)

Corpus = Annotated[Path, typer.Option(help="JSON lines of _id, title, text.")]
Queries = Annotated[
    Path, typer.Option(help="JSON lines of _id and text (or scenario), with history and answerability if known.")
]
Qrels = Annotated[Path, typer.Option(help="TSV of query-id, corpus-id, score.")]
Distractors = Annotated[list[Path] | None, typer.Option(help="Further documents to hide the right ones among.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Out = Annotated[Path | None, typer.Option(help="Where the JSON goes. Default: build/bench/NAME.json.")]
Work = Annotated[
    Path, typer.Option(help="Folder of the index that is made for the evaluation, kept for the next time.")
]
WORK = Path("build/evaluation")


@app.command()
def retrieval(
    corpus: Corpus,
    queries: Queries,
    qrels: Qrels,
    distractors: Distractors = None,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """nDCG@10, recall, MRR and latency of retrieval."""
    asked, judgements = read_queries(queries), read_qrels(qrels)
    with opened(data_dir=work) as desk:
        scope = indexed([corpus, *(distractors or [])], desk)
        report = evaluate_retrieval(asked, judgements, desk.desk, scope, document_id)
    written(report, out or Path(f"build/bench/retrieval-{corpus.parent.name}.json"))
    _show(report, f"Retrieval on {corpus}", as_json)


@app.command()
def sentences(
    corpus: Corpus,
    queries: Queries,
    qrels: Qrels,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """How much of the reference answers stays when passages are cut to the sentences that matter."""
    asked, judgements = read_queries(queries), read_qrels(qrels)
    with opened(data_dir=work) as desk:
        report = evaluate_sentences(asked, judgements, desk.desk, indexed([corpus], desk), document_id)
    written(report, out or Path(f"build/bench/sentences-{corpus.parent.name}.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    table = Table("Cut to", "Of the answer kept", "Of the tokens", title=f"Sentences of {report.questions} questions")
    for kept in report.kept:
        table.add_row(kept.aim, f"{kept.answer:.1%}", f"{kept.tokens:.1%}")
    console.print(table)


@app.command()
def drafts(
    corpus: Corpus,
    queries: Queries,
    distractors: Distractors = None,
    limit: Annotated[int | None, typer.Option(help="At most so many questions, drawn evenly over the labels.")] = None,
    seed: Annotated[int, typer.Option(help="Which questions are drawn.")] = 0,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """Decisions by answerability, support, tiers, latency and tokens of the whole pipeline."""
    asked = _drawn(read_queries(queries), limit, seed)
    with opened(data_dir=work) as desk:
        scope = indexed([corpus, *(distractors or [])], desk)
        desk.model_process.start()
        with progress_bar("Drafting", len(asked)) as on_progress:
            report = evaluate_drafts(asked, desk.desk, scope, desk.runs.record, on_progress)
    written(report, out or Path(f"build/bench/drafts-{corpus.parent.name}.json"))
    if as_json:
        console.print_json(report.model_dump_json())
    else:
        _show_drafts(report)


@app.command()
def grounding(
    rows: Annotated[
        Path, typer.Option(help="JSON lines of question, contexts, response and faithfulness_median (1 to 4).")
    ],
    seed: Annotated[int, typer.Option(help="Which edits are made.")] = 0,
    fit: Annotated[
        Path | None,
        typer.Option(
            help="Fit the check to these rows and write that here; either half is then measured by the other."
        ),
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Whether the check of drafts tells faithful answers from others, by people's ratings and by edits that contradict."""
    with opened() as desk:
        policy, language, rated = desk.desk.policy.verify, desk.desk.default_language, read_rated(rows)
        report = evaluate_grounding(rated, policy, language, seed, crossed=fit is not None)
        if fit is not None:
            fit.parent.mkdir(parents=True, exist_ok=True)
            fit.write_text(fitted(rated, language, seed), "utf-8")
    written(report, out or Path("build/bench/grounding.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    human = Table("Measure", "AUROC", "95 %", title=f"{report.faithful} of {report.answers} answers are faithful")
    for measured in report.human:
        human.add_row(measured.measure, *_interval(measured.auroc))
    console.print(human)
    edits = Table("Edit", "Sentences", "AUROC", "95 %", "Fell", title="Sentences with one edit against those without")
    for caught in (*report.kinds, report.contradictions):
        edits.add_row(caught.kind, str(caught.sentences), *_interval(caught.auroc), f"{caught.fell:.0%}")
    edits.add_row("none", str(report.unedited), "", "", f"{report.unedited_fell:.0%}")
    console.print(edits)


@app.command()
def abstention(
    corpus: Corpus,
    queries: Queries,
    distractors: Distractors = None,
    seed: Annotated[int, typer.Option(help="How the conversations are parted in two.")] = 0,
    fit: Annotated[Path | None, typer.Option(help="Fit to all questions as well and write that here.")] = None,
    out: Out = None,
    work: Work = WORK,
    as_json: AsJson = False,
) -> None:
    """Whether what was found tells questions without an answer, or too vague to have one, from those with one."""
    labelled = read_queries(queries)
    with opened(data_dir=work) as desk:
        asked = ask_all(labelled, desk.desk, indexed([corpus, *(distractors or [])], desk))
    report = evaluate_abstention(asked, seed)
    if fit is not None:
        fit.parent.mkdir(parents=True, exist_ok=True)
        fit.write_text(fitted_abstention(asked), "utf-8")
    written(report, out or Path(f"build/bench/abstention-{corpus.parent.name}.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    title = f"Against {report.answerable} answerable questions, each half fitted on the other"
    table = Table("Label", "Questions", "AUROC", "95 %", "Cosine alone", "Stopped at 5 % false alarms", title=title)
    for told in report.told:
        alone = f"{told.similarity.value:.3f}"
        table.add_row(told.label, str(told.questions), *_interval(told.auroc), alone, f"{told.stopped:.0%}")
    for segment, measured in report.segments.items():
        table.add_row(f"{report.told[0].label}, {segment}", "", *_interval(measured), "", "")
    console.print(table)


@app.command()
def calibration(
    rows: Annotated[
        Path, typer.Option(help="As for grounding, with appropriateness and completeness (lists of ratings, 1 to 4).")
    ],
    target_error: Annotated[
        list[float] | None, typer.Option(help="Share of accepted drafts that may be wrong. Default: .05, .1 and .2.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="With which the target is to be kept.")] = 0.9,
    resplits: Annotated[int, typer.Option(min=1, help="How often the rows are parted in two anew.")] = 200,
    seed: Annotated[int, typer.Option(help="How they are parted.")] = 0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Whether thresholds chosen on one half of rated answers keep the error among accepted ones on the other half."""
    with opened() as desk:
        drafts = judged(read_rated(rows), desk.desk.policy.verify, desk.desk.default_language, seed)
    report = evaluate_calibration(drafts, sorted(target_error or (0.05, 0.1, 0.2)), confidence, resplits, seed)
    written(report, out or Path("build/bench/calibration.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    title = f"{report.acceptable} of {report.drafts} drafts are acceptable; AUROC {report.auroc.value:.3f}"
    columns = ("Wrong at most", "Kept", "Threshold found", "Wrong", "Accepted", "Of possible", "Calibration error")
    table = Table(*columns, title=title)
    for real in report.realised:
        kept = (f"{share:.0%}" for share in (real.target, real.kept, real.chosen))
        error = f"{real.calibration_error:.3f}"
        table.add_row(*kept, f"{real.error:.1%}", f"{real.coverage:.1%}", f"{real.possible:.1%}", error)
    console.print(table)


@app.command()
def judge(
    rows: Annotated[Path, typer.Option(help="As for calibration, with reference, the answer that a person wrote.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the bound on misjudgements.")] = 0.9,
    seed: Annotated[int, typer.Option(help="How the conversations are parted in two, and other questions drawn.")] = 0,
    fit: Annotated[Path | None, typer.Option(help="Write the judge fitted to all rows here.")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """How often people disagree with the judge that compares drafts with reference answers."""
    with opened() as desk:
        report, found = evaluate_judge(
            read_rated(rows), desk.desk.policy.verify, desk.desk.default_language, confidence, seed
        )
    if fit is not None:
        fit.parent.mkdir(parents=True, exist_ok=True)
        fit.write_text(fitted_judge(found, report.answers), "utf-8")
    written(report, out or Path("build/bench/judge.json"))
    _show(report, f"The judge of {rows}", as_json)


def _interval(found: Interval) -> tuple[str, str]:
    return f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}"


def indexed(paths: Sequence[Path], desk: App) -> Scope:
    """A tenant of its own for this set of files, brought up to date; vectors are shared with other sets."""
    tenant = "eval-" + hashlib.sha256("\0".join(str(path.resolve()) for path in paths).encode()).hexdigest()[:12]
    with ingest_bars(sum(count(path) for path in paths)) as (on_progress, on_embedded):
        ingest(
            (item for path in paths for item in load(path)),
            tenant,
            Audience.PUBLIC,
            create_ingest(desk),
            roots=["file:///"],  # The tenant holds this set of files and nothing else.
            allow_mass_delete=True,
            on_progress=on_progress,
            on_embedded=on_embedded,
        )
    return Scope(tenant=tenant)


def _drawn(queries: list[Query], limit: int | None, seed: int) -> list[Query]:
    """``limit`` questions, every third of them unanswerable where there are enough; the rest in proportion."""
    if limit is None or limit >= len(queries):
        return queries
    shuffled = random.Random(seed).sample(queries, len(queries))
    unanswerable = [query for query in shuffled if query.answerability == "unanswerable"][: limit // 3]
    others = [query for query in shuffled if query.answerability != "unanswerable"]
    return others[: limit - len(unanswerable)] + unanswerable


def document_id(key: str) -> str:
    """The ``_id`` a document of a JSON lines corpus has there."""
    return unquote(key.rsplit("#", 1)[-1])


def written(report: Value, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report.model_dump_json(indent=1) + "\n", "utf-8")
    messages.print(f"Written to {path}.")


def _show(report: Value, title: str, as_json: bool) -> None:
    if as_json:
        console.print_json(report.model_dump_json())
        return
    table = Table("Measure", "Value", title=title)
    for name, value in report.model_dump().items():
        if value not in ((), {}):
            table.add_row(name, str(value))
    console.print(table)


def _show_drafts(report: DraftsReport) -> None:
    table = Table(
        "Label",
        "Questions",
        "Answered",
        "Clarified",
        "Declined",
        "Handed off",
        "Agreement",
        title="Drafts by answerability",
    )
    for label, decisions in report.decisions.items():
        total = sum(decisions.values())
        table.add_row(
            label, str(total), *(str(decisions.get(kind, 0)) for kind in ("answer", "clarify", "refuse", "handoff")),
            f"{report.agreement[label]:.2f}",
        )  # fmt: skip
    console.print(table)
    _show(report.model_copy(update={"outcomes": (), "decisions": {}}), "Whole pipeline", as_json=False)
