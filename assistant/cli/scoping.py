"""``deskhand scope`` and ``deskhand evaluate scope``: messages about something else, told from those that are answered here."""

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from assistant.cli.answering import Tenant
from assistant.cli.evaluating import AsJson, Out, written
from assistant.cli.session import console, messages, opened, progress_bar
from assistant.evaluation.scope import IN_SCOPE, comparable, evaluate_scope, read_examples
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import InputError
from assistant.kernel.scope import ScopeFit
from assistant.learning.scope import Examples, cut, embedded

scoping = typer.Typer(
    help="What is answered here, told by examples: a first message about something else is declined, for a person to send."
)


@scoping.command()
def fit(
    rows: Annotated[
        Path,
        typer.Option(
            help='JSON lines of text and kind: "in_scope", or how it is not. Rows of a split but "train" are left out.'
        ),
    ],
    dataset: Annotated[str, typer.Option(help="Of a file with several datasets, the one to take.")] = "",
    lost: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="At most this share of messages in scope may be declined.")
    ] = 0.01,
    tenant: Tenant = "default",
) -> None:
    """Learn what is in scope, and decline from now on what is not."""
    check_tenant(tenant)
    rows_of = [row for row in read_examples(rows) if row.split == "train" and (not dataset or row.dataset == dataset)]
    texts = {
        kind: list(dict.fromkeys(row.text for row in rows_of if (row.kind == IN_SCOPE) is kind))
        for kind in (True, False)
    }
    if both := set(texts[True]) & set(texts[False]):
        raise InputError(
            f"{len(both)} messages of {rows} are both in scope and not",
            fix="Leave each of them one kind.",
            field="rows",
        )
    if not texts[True]:
        raise InputError(
            f"{rows} has no examples of what is in scope",
            fix='Give lines like {"kind": "in_scope", "text": "Where is my parcel?"}, of split "train" or none.',
            field="rows",
        )
    with opened() as desk:
        with progress_bar("Embedding", len(texts[True]) + len(texts[False])) as advance:
            examples = Examples(*(embedded(texts[kind], desk.embedder, advance) for kind in (True, False)))
        found = cut(examples, lost)
        made = ScopeFit(
            id=uuid4().hex, tenant=tenant, created_at=desk.clock.now().isoformat(), embedder=desk.embedder.identity.sha256,
            inside=len(examples.inside), outside=len(examples.outside), least=found.least, lost=lost, caught=found.caught,
        )  # fmt: skip
        desk.scopes.keep(made, examples.inside, examples.outside)
    _show(made, stale=False)


@scoping.command()
def show(tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """What was learned of the scope."""
    with opened() as desk:
        found = desk.scopes.fit(tenant)
        stale = found is not None and desk.scope_guard.stale(found)
    if as_json:
        console.print_json(found.model_dump_json() if found else "null")
    elif found is None:
        console.print("Nothing was learned of the scope: no message is declined for being about something else.")
    else:
        _show(found, stale=stale)


@scoping.command()
def drop(tenant: Tenant = "default") -> None:
    """Forget it: no message is declined for being about something else."""
    with opened() as desk:
        gone = desk.scopes.drop(tenant)
    console.print("The scope is forgotten." if gone else "There was none.")


def _show(fit: ScopeFit, *, stale: bool) -> None:
    console.print(
        f"Learned on {fit.created_at[:10]} from {fit.inside} messages in scope and {fit.outside} that are not."
    )
    console.print(f"Of messages in scope at most {fit.lost:.1%} are declined.")
    if fit.caught is None:
        messages.print(
            "How many of the others are declined is not known: give some messages that are out of scope, too."
        )
    else:
        console.print(f"Of the examples out of scope {fit.caught:.0%} would be, each told by all the others.")
    if stale:
        messages.print(
            "[bold]It was made with another embedder, and decides nothing:[/] run `deskhand scope fit` again."
        )


def scope(
    rows: Annotated[
        Path, typer.Option(help="JSON lines of dataset, split (train, valid), kind (in_scope, or another) and text.")
    ],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Whether held-out messages out of scope are told from those in scope, by examples of one kind and of both."""
    examples = comparable(read_examples(rows))
    with opened() as desk, progress_bar("Embedding", len(examples)) as on_progress:
        report = evaluate_scope(examples, desk.embedder, on_progress)
    written(report, out or Path("build/bench/scope.json"))
    if as_json:
        console.print_json(report.model_dump_json())
        return
    table = Table("Dataset", "Out of scope", "Messages", "By examples in scope", "By examples of both", title="AUROC")
    for told in report.told:
        both = f"{told.by_both.value:.3f} ({told.by_both.low:.3f} to {told.by_both.high:.3f})" if told.by_both else ""
        inside = f"{told.by_inside.value:.3f} ({told.by_inside.low:.3f} to {told.by_inside.high:.3f})"
        table.add_row(told.dataset, told.kind, f"{told.inside} against {told.outside}", inside, both)
    console.print(table)
    title = "Declined of held-out messages, by examples of both"
    declined = Table("Dataset", "Out of scope", "May be lost", "Of those in scope", "Of the others", title=title)
    for told in report.told:
        for one in told.declined:
            shares = (f"{share:.1%}" for share in (one.lost, one.inside, one.outside))
            declined.add_row(told.dataset, told.kind, *shares)
    console.print(declined)
