"""``deskhand status`` and ``deskhand index``: what is published of what was ingested, and the way back."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.documents import each_document
from assistant.cli.session import EXIT_PARTLY, console, opened
from assistant.kernel.access import check_tenant
from assistant.kernel.calibration import InForce
from assistant.kernel.errors import NotFound
from assistant.kernel.jobs import LaneLoad
from assistant.kernel.knowledge import Audience, Standing, documents_digest, indexed_as
from assistant.kernel.value import Value
from assistant.wiring import App
from ingest.tune import tune as tune_index
from ingest.wiring import create_ingest

app = typer.Typer(help="The published index of a tenant.", no_args_is_help=True)
Tenant = Annotated[str, typer.Option(help="Whose index.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


class IndexStatus(Value):
    """``jobs`` are those of all tenants. ``not_published`` documents are stored and not found yet, or deleted and still found, ``by_words_only`` chunks are not
    embedded yet. ``generation`` is 0 before anything was published.
    """

    tenant: str
    generation: int
    published_at: str
    documents: int
    chunks: int
    not_published: int
    by_words_only: int
    segments: int
    jobs: tuple[LaneLoad, ...]
    calibration: str


def status(tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """What is published, and what of the last uploads is not found yet: by words, by meaning. Exit code 3 while something is missing."""
    check_tenant(tenant)
    with opened() as desk:
        found = status_of(desk, tenant)
    if as_json:
        console.print_json(found.model_dump_json())
    else:
        table = Table(show_header=False)
        table.add_row(
            "snapshot", f"{found.generation}, published at {found.published_at}" if found.generation else "none"
        )
        table.add_row("documents", str(found.documents))
        table.add_row("chunks", f"{found.chunks} in {found.segments} segments")
        table.add_row("documents not found yet", str(found.not_published))
        table.add_row("chunks found by words only", str(found.by_words_only))
        table.add_row("confidence", found.calibration)
        for lane in found.jobs:
            if lane.waiting:
                table.add_row(
                    f"jobs of all tenants that wait ({lane.lane})",
                    f"{lane.waiting}, the oldest for {lane.oldest_due_s:.0f} s",
                )
        console.print(table)
    if found.not_published or found.by_words_only:
        raise typer.Exit(EXIT_PARTLY)


def status_of(desk: App, tenant: str) -> IndexStatus:
    """The index of ``tenant`` beside what the database holds."""
    stored, manifest = desk.documents.published(tenant), desk.index_writer.current(tenant)
    same = manifest is not None and manifest.documents_sha256 == documents_digest(stored)
    published = stored if same else desk.index_writer.documents(tenant)
    return IndexStatus(
        tenant=tenant,
        generation=manifest.generation if manifest else 0,
        published_at=manifest.created_at if manifest else "",
        documents=manifest.documents if manifest else 0,
        chunks=manifest.chunks if manifest else 0,
        not_published=len({key for key, _ in stored.items() ^ published.items()}),
        by_words_only=manifest.waiting if manifest else 0,
        segments=manifest.pieces if manifest else 0,
        jobs=tuple(desk.jobs.load()),
        calibration=_calibration(desk.watch.in_force(tenant)),
    )


def _calibration(found: InForce | None) -> str:
    if found is None:
        return "not calibrated"
    if found.changed:
        return f"every draft goes to a person: {', '.join(found.changed)} changed since it was calibrated"
    alarm = f"; alarm: {', '.join(found.alarms)} changed" if found.alarms else ""
    if found.least is None:
        return f"every draft goes to a person: no threshold keeps the target{alarm}"
    error = (found.calibration.target.stricter if found.alarms else found.calibration.target).error
    return f"accepted from {found.least:.2f} on, at most {error:.0%} wrong{alarm}"


@app.command()
def tune(
    tenant: Tenant = "default",
    recall: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Share of the ten nearest chunks that a search has to find.")
    ] = 0.97,
    questions: Annotated[int, typer.Option(min=10, max=5_000, help="Sentences of your documents to ask.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Measure on your own documents how much of a large index a search has to look into, and keep that with the index."""
    check_tenant(tenant)
    with opened() as desk:
        parts = create_ingest(desk)
        manifest = tune_index(tenant, parts.store, parts.writer, parts.embedder, recall=recall, questions=questions)
    if as_json:
        console.print_json(manifest.tuning.model_dump_json() if manifest.tuning else "null")
    elif (tuning := manifest.tuning) is None:
        console.print(
            f"{manifest.chunks} chunks are compared one by one: nothing is missed, and there is nothing to tune."
        )
    else:
        console.print(
            f"A search looks into {tuning.effort:.1%} of the index and finds {tuning.recall:.1%} of the ten nearest chunks "
            f"({tuning.questions} sentences of {tuning.chunks} chunks). Snapshot {manifest.generation}."
        )
        if tuning.recall < recall:
            console.print(f"{recall:.1%} is not reached, however far a search goes.")


@app.command()
def rollback(tenant: Tenant = "default") -> None:
    """Serve the documents of the snapshot before the one in use, until the next ingest. What was deleted, or made internal, stays so."""
    check_tenant(tenant)
    with opened() as desk:
        manifest = desk.index_writer.roll_back(tenant, lambda published: _no_longer_shown(desk, tenant, published))
        if manifest is None:
            raise NotFound(
                f"there is no earlier snapshot of tenant {tenant!r} with other documents",
                fix="Ingest the documents as they were before.",
            )
    console.print(
        f"Snapshot {manifest.generation} is in use: {manifest.documents} documents, {manifest.chunks} chunks. "
        "The next ingest publishes what the database holds."
    )


def _no_longer_shown(desk: App, tenant: str, published: Mapping[str, str]) -> set[str]:
    """Of ``published`` documents those that were deleted since, or are other versions of what only agents may read now."""
    stored = desk.documents.hashes(tenant)
    internal = {each.key for each in each_document(desk, tenant) if each.audience is Audience.INTERNAL}
    other = {
        key
        for key in published.keys() & internal & stored.keys()
        if published[key] not in {indexed_as(stored[key], standing) for standing in Standing}
    }
    return (published.keys() - stored.keys()) | other
