"""``deskhand calibrate``: how sure is sure enough, from labelled questions or from what people said of drafts."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import uuid4

import typer
from rich.table import Table

from assistant.cli.answering import AsJson, Internal, Tenant, scope_of
from assistant.cli.cascading import drafted, measured_paces
from assistant.cli.session import EXIT_PARTLY, console, messages, opened
from assistant.evaluation.calibrate import Costs, Labels, Place
from assistant.evaluation.calibrate import calibrate as calibrate_on
from assistant.evaluation.cascade import asked_of_trials, not_paying, outlooks
from assistant.evaluation.formats import Query, read_queries
from assistant.evaluation.judge import load_judge
from assistant.evaluation.labelled import can_be_judged, cases_of_feedback, cases_of_trials
from assistant.evaluation.thresholds import Case
from assistant.kernel.calibration import Calibration, InForce, Target
from assistant.kernel.errors import ConfigurationError, InputError, NotFound
from assistant.kernel.knowledge import Scope
from assistant.kernel.learning import Lesson
from assistant.wiring import App

calibrating = typer.Typer(help="Choose how sure a draft has to be, so that few enough accepted ones are wrong.")


class _Labelled(NamedTuple):
    cases: list[Case]
    labels: Labels
    costs: Costs = Costs()


@calibrating.callback(invoke_without_command=True)
def calibrate(
    context: typer.Context,
    queries: Annotated[
        list[Path] | None,
        typer.Option(help="JSON lines of _id, text, reference, and history and answerability if known."),
    ] = None,
    feedback: Annotated[bool, typer.Option("--feedback", help="From what people said of drafts instead.")] = False,
    target_error: Annotated[
        float, typer.Option(min=0.001, max=0.9, help="Share of the accepted drafts that may be wrong.")
    ] = 0.1,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="With which that is to be kept.")] = 0.9,
    worth: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Core-seconds of this machine that an acceptable answer may cost: a model that is not likely enough to give one is not asked. Default: any.",
        ),
    ] = None,
    tenant: Tenant = "default",
    internal: Internal = False,
    drafts: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the drafts made for it, which are not made again, with the questions. Default: in the data folder."
        ),
    ] = None,
    try_out: Annotated[bool, typer.Option("--try", help="Say what comes of it, and put nothing in force.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draft for labelled questions, and choose from which confidence on drafts are accepted; that is in force at once.

    Exits with 3 when the target cannot be shown: then every draft goes to a person, until there are more labels.
    """
    if context.invoked_subcommand is not None:
        return
    if bool(queries) is feedback:
        raise InputError(
            "calibrating needs labels of one kind",
            fix="Give --queries FILE (several times for several files), or --feedback.",
            field="queries",
        )
    if feedback and worth is not None:
        raise InputError(
            "what a model costs is learned from labelled questions",
            fix="Give --queries FILE, or leave --worth out.",
            field="worth",
        )
    target = Target(error=target_error, confidence=confidence)
    with opened() as desk:
        folder = drafts or desk.settings.data / "calibration"
        found = (
            _from_feedback(desk, tenant)
            if feedback
            else _from_queries(desk, scope_of(tenant, internal), queries or [], folder, target, worth)
        )
        snapshot = desk.index.snapshot(tenant)
        generation = snapshot.manifest.generation if snapshot else 0
        place = Place(uuid4().hex, tenant, desk.clock.now(), desk.basis, generation)
        made = calibrate_on(found.cases, target, found.labels, place, found.costs)
        if not try_out:
            desk.calibrations.keep(made)
    if as_json:
        console.print_json(made.model_dump_json())
    else:
        _show(made, None)
        _next_steps(made, in_force=not try_out)
    if made.threshold is None:
        raise typer.Exit(EXIT_PARTLY)


@calibrating.command("show")
def show(tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """The calibration in force, and what speaks against it now."""
    with opened() as desk:
        found = desk.watch.in_force(tenant)
    if as_json:
        console.print_json(found.model_dump_json() if found else "null")
    elif found is None:
        console.print(
            "Nothing is calibrated: drafts are accepted by the checks alone, and how often they are wrong is not known."
        )
    else:
        _show(found.calibration, found)


@calibrating.command("list")
def list_all(tenant: Tenant = "default") -> None:
    """All calibrations, newest first."""
    with opened() as desk:
        found, now = desk.calibrations.find(tenant), desk.calibrations.in_force(tenant)
    table = Table("Id", "Made", "Judged by", "Questions", "Wrong at most", "Accepted from", "")
    for one in found:
        least = f"{one.threshold.probability:.2f}" if one.threshold else "never"
        mark = "in force" if now and now.id == one.id else ""
        table.add_row(
            one.id[:12], one.created_at[:16], one.judged_by, str(one.questions), f"{one.target.error:.0%}", least, mark
        )
    console.print(table)


@calibrating.command("use")
def use(
    calibration_id: Annotated[str, typer.Argument(metavar="ID", help="The calibration's id, or its beginning.")],
    tenant: Tenant = "default",
) -> None:
    """Put an earlier calibration in force again."""
    with opened() as desk:
        found = [
            one.id for one in desk.calibrations.find(tenant) if calibration_id and one.id.startswith(calibration_id)
        ]
        if len(found) != 1:
            raise NotFound(
                f"{'more than one calibration begins' if found else 'no calibration begins'} with {calibration_id!r}",
                fix="Take the id from `deskhand calibrate list`.",
                field="id",
            )
        desk.calibrations.use(tenant, found[0])
    console.print(f"Calibration {found[0][:12]} is in force.")


@calibrating.command("drop")
def drop(tenant: Tenant = "default") -> None:
    """Put none in force: drafts are accepted by the checks alone."""
    with opened() as desk:
        desk.calibrations.use(tenant, None)
    console.print("No calibration is in force.")


def _from_queries(
    desk: App, scope: Scope, files: Sequence[Path], folder: Path, target: Target, worth: float | None
) -> _Labelled:
    asked = [query for file in files for query in read_queries(file)]
    _refuse_twice(asked)
    judged = [query for query in asked if can_be_judged(query)]
    if not judged:
        raise InputError(
            "none of the questions says what a draft for it should say",
            fix='Give them "reference", an answer that a person wrote, or "answerability": ["UNANSWERABLE"].',
            field="queries",
        )
    if len(judged) < len(asked):
        messages.print(f"{len(asked) - len(judged)} questions have neither a reference nor a label, and are left out.")
    if desk.index.snapshot(scope.tenant) is None:
        raise InputError(
            f"tenant {scope.tenant!r} has no documents yet", fix="Run `deskhand ingest PATH`.", field="tenant"
        )
    if not desk.models:
        raise ConfigurationError("no model is configured", fix="Set DESKHAND_SMALL_MODEL.")
    trials = drafted(judged, desk, scope, folder)
    judge = load_judge()
    data = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    labels = Labels("references", judge.misjudged(target.confidence), data)
    if worth is None:
        return _Labelled(cases_of_trials(judged, trials, judge), labels)
    tried = asked_of_trials(judged, trials, judge, measured_paces(desk))
    cases = cases_of_trials(judged, trials, judge, not_paying(tried, worth))
    return _Labelled(cases, labels, Costs(outlooks(tried), worth))


def _from_feedback(desk: App, tenant: str) -> _Labelled:
    digest = hashlib.sha256()

    def told() -> Iterator[Lesson]:
        for lesson in desk.learning.lessons.lessons(tenant):
            for given in lesson.feedback:
                digest.update(f"{given.id} {given.feedback.verdict}\n".encode())
            yield lesson

    cases = cases_of_feedback(told(), desk.basis)
    return _Labelled(cases, Labels("feedback", 0.0, digest.hexdigest()))


def _refuse_twice(queries: Sequence[Query]) -> None:
    seen: set[str] = set()
    for query in queries:
        if query.id in seen:
            raise InputError(
                f"question {query.id!r} is there twice", fix="Give each an _id of its own.", field="queries"
            )
        seen.add(query.id)


def _show(made: Calibration, now: InForce | None) -> None:
    table = Table("Measure", "Value", title=f"Calibration {made.id[:12]} of tenant {made.tenant}")
    table.add_row("made", made.created_at[:16])
    table.add_row("labels", f"{made.questions} questions, judged by {made.judged_by}")
    for tier, number in made.drafts.items():
        table.add_row(
            f"drafts by the {tier} model",
            f"{number} passed the checks, {made.acceptable.get(tier, 0)} of them acceptable",
        )
    table.add_row(
        "target",
        f"at most {made.target.error:.0%} of accepted drafts wrong, with confidence {made.target.confidence:.0%}",
    )
    for name, threshold in (("accepted from", made.threshold), ("... while an alarm is up", made.stricter)):
        told = "never"
        if threshold:
            told = f"{threshold.probability:.2f} on: {threshold.accepted} of {made.questions} questions, {threshold.wrong} of the answers wrong"
        table.add_row(name, told)
    for tier, outlook in made.outlooks.items():
        table.add_row(f"a draft by the {tier} model", f"{outlook.cost:.1f} core-seconds on average")
    if made.worth is not None:
        table.add_row(
            "an acceptable answer is worth",
            f"{made.worth:g} core-seconds: a model that is not likely enough to give one is not asked",
        )
    if made.misjudged:
        table.add_row(
            "people may disagree",
            f"with {made.misjudged:.0%} of the drafts called acceptable, by the bound of the judge that compares with references",
        )
    if now is not None:
        table.add_row("changed since", ", ".join(now.changed) or "nothing")
        table.add_row("alarms", ", ".join(now.alarms) or "none")
    console.print(table)
    if now is not None and now.changed:
        console.print("Every draft goes to a person: calibrate again, for drafts are no longer made as they were.")


def _next_steps(made: Calibration, *, in_force: bool) -> None:
    if made.threshold is None:
        wanted = f"{made.target.error:.0%} with confidence {made.target.confidence:.0%}"
        if made.missing:
            console.print(
                f"Too little to show {wanted}: about {made.missing} more labelled questions are needed, if they come out like these."
            )
        else:
            console.print(
                f"More questions alone will not show {wanted}: even the surest drafts are wrong more often. A looser target, a better model or better documents may."
            )
        if in_force:
            console.print(
                "Until then every draft goes to a person, who sees it. `deskhand calibrate drop` goes back to the checks alone."
            )
        return
    console.print(
        f"Of the drafts accepted from now on at most {made.target.error:.0%} are wrong"
        + (f" by their references, at most {made.claimed_error:.0%} by people," if made.misjudged else "")
        + f" with confidence {made.target.confidence:.0%}, as long as questions are like these."
    )
