"""``deskhand documents``: what has been ingested, what is left out as a near-duplicate, and what is outdated."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from assistant.cli.session import console, opened
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import Audience, Standing, StoredDocument
from assistant.wiring import App
from ingest.index import index
from ingest.wiring import create_ingest

PAGE = 500
app = typer.Typer(help="The documents of a tenant, and what they are worth.", no_args_is_help=True)
Tenant = Annotated[str, typer.Option(help="Whose documents.")]


@app.command("list")
def list_documents(
    tenant: Tenant = "default",
    copies: Annotated[bool, typer.Option("--copies", help="Only near-duplicates that are left out.")] = False,
    standing: Annotated[Standing | None, typer.Option(help="Only those that were marked so.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Documents by key, and for which other one a near-duplicate is left out."""
    check_tenant(tenant)
    with opened() as desk:
        found = [
            document
            for document in each_document(desk, tenant)
            if (document.copy_of or not copies) and standing in (None, document.standing)
        ]
    if as_json:
        console.print_json(json.dumps([document._asdict() for document in found]))
        return
    for document in found:
        console.print(f"{document.id}  {document.title}", markup=False, soft_wrap=True)
        about = [document.key, f"changed {(document.modified_at or document.updated_at)[:10]}"]
        if document.standing is not Standing.CURRENT:
            about.append(document.standing)
        if document.copy_of:
            about.append(f"left out for {document.copy_of}")
        console.print(f"    {', '.join(about)}", markup=False, soft_wrap=True, style="dim")


@app.command()
def mark(
    document: Annotated[str, typer.Argument(help="Its id or key, as `deskhand documents list` prints them.")],
    standing: Annotated[
        Standing,
        typer.Argument(help="outdated: it sinks. separate: it has no near-duplicates. current: neither."),
    ],
    tenant: Tenant = "default",
) -> None:
    """Say what a document is worth, and publish that."""
    check_tenant(tenant)
    with opened() as desk:
        found = next((each for each in each_document(desk, tenant) if document in (each.id, each.key)), None)
        if found is None:
            raise NotFound(f"there is no document {document!r}", fix="`deskhand documents list` prints ids and keys.")
        desk.documents.mark(tenant, found.id, standing, frozenset(Audience))
        parts = create_ingest(desk)
        manifest = index(tenant, parts.store, parts.writer, parts.embedder).manifest
    console.print(f"{found.title} is {standing}. Snapshot {manifest.generation}.", markup=False, soft_wrap=True)


def each_document(desk: App, tenant: str) -> Iterator[StoredDocument]:
    """All of a tenant's documents, by key, near-duplicates too."""
    after, everybody = "", frozenset(Audience)
    while page := desk.documents.documents(tenant, everybody, limit=PAGE, after=after):
        yield from page
        after = page[-1].key
