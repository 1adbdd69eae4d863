"""``deskhand init|keys|doctor|settings``: what an operator runs."""

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.checks import run_checks
from assistant.cli.session import EXIT_FAILED, console, messages, opened
from assistant.config import env_example
from assistant.kernel.access import USUAL_SCOPES, KeyScope

keys = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


def init() -> None:
    """Make the data folder and bring the database's schema up to date."""
    with opened() as desk:
        desk.settings.data.mkdir(parents=True, exist_ok=True)
        desk.settings.models.mkdir(parents=True, exist_ok=True)
        desk.migrate()
        messages.print(
            f"Data is in {desk.settings.data}, models in {desk.settings.models}. The database is up to date."
        )
        messages.print("Next: `deskhand models pull`, then `deskhand ingest PATH`, then `deskhand draft --text …`.")


@keys.command("create")
def create_key(
    tenant: Annotated[str, typer.Option(help="Whose data the key opens.")] = "default",
    name: Annotated[str, typer.Option(help="What it is for, to recognise it later.")] = "",
    scope: Annotated[
        list[KeyScope] | None, typer.Option(help="What it may do. None: everything but internal documents.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires. None: never.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Make an API key. Its secret is shown once and not kept."""
    scopes = set(scope) if scope else set(USUAL_SCOPES)
    with opened() as desk:
        key, secret = desk.keys.create(tenant, name, scopes, timedelta(days=days) if days else None)
    if as_json:
        console.print_json(json.dumps(key.model_dump(mode="json") | {"secret": secret}))
        return
    messages.print(f"Key {key.id} for tenant {tenant}. Keep this secret, it is not shown again:")
    print(secret)


@keys.command("list")
def list_keys(
    show_all: Annotated[bool, typer.Option("--all", help="Those that have expired too.")] = False,
) -> None:
    """The keys there are, without their secrets. Sidebars make many that live an hour; expired ones are left out."""
    table = Table("Id", "Begins", "Tenant", "Name", "Scopes", "Expires", "Revoked")
    with opened() as desk:
        now = desk.clock.now()
        for key in desk.keys.list():
            if not show_all and key.expired(now):
                continue
            scopes = " ".join(sorted(key.scopes))
            table.add_row(
                key.id,
                key.prefix,
                key.tenant,
                key.name,
                scopes,
                key.expires_at or "never",
                "yes" if key.revoked else "",
            )
    console.print(table)


@keys.command("revoke")
def revoke_key(key_id: str) -> None:
    """Refuse a key from now on."""
    with opened() as desk:
        desk.keys.revoke(key_id)
    messages.print(f"Key {key_id} is refused from now on.")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    tenant: Annotated[str, typer.Option(help="Whose index to check.")] = "default",
) -> None:
    """Check disk, database, models, index and port, and print a fix for each failure."""
    with opened() as desk:
        findings = run_checks(desk, tenant)
    if as_json:
        console.print_json(json.dumps([finding.model_dump() for finding in findings]))
    for finding in findings if not as_json else ():
        mark = "[green]ok[/]  " if finding.ok else "[red]FAIL[/]"
        console.print(f"{mark} {finding.name}: {finding.detail}", soft_wrap=True)
        if not finding.ok:
            console.print(f"     Fix: {finding.fix}", soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def settings() -> None:
    """Print every setting with its reason and default, as kept in deploy/env.example."""
    print(env_example(), end="")
