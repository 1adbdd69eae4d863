"""What ``deskhand doctor`` looks at: each check says what it found and, when that is bad, how to mend it."""

import shutil
import socket
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from assistant.kernel.errors import DeskhandError
from assistant.kernel.helpdesks import HelpdeskKind
from assistant.kernel.knowledge import documents_digest
from assistant.kernel.value import Value
from assistant.models.catalogue import CatalogueModel
from assistant.tiers import missing_files
from assistant.wiring import App

MIN_FREE_BYTES = 2_000_000_000
STUCK_S = 300.0


class Finding(Value):
    name: str
    ok: bool
    detail: str
    fix: str = ""


def run_checks(desk: App, tenant: str) -> list[Finding]:
    """All checks, in order; one that breaks is a finding too."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("disk", lambda: _disk(desk)),
        ("database", lambda: _database(desk)),
        *[(f"model {model.name}", partial(_model, desk, model)) for model in desk.tiers.configured()],
        ("index", lambda: _index(desk, tenant)),
        ("jobs", lambda: _jobs(desk)),
        ("helpdesks", lambda: _helpdesks(desk)),
        ("port", lambda: _port(desk)),
    ]
    return [_guarded(name, check) for name, check in checks]


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except DeskhandError as error:
        return Finding(name=name, ok=False, detail=str(error), fix=error.fix)
    except OSError as error:
        return Finding(
            name=name, ok=False, detail=error.strerror or "it cannot be read", fix="Check the folder's permissions."
        )


def _disk(desk: App) -> Finding:
    desk.settings.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(desk.settings.data).free
    return Finding(
        name="disk",
        ok=free >= MIN_FREE_BYTES,
        detail=f"{free / 1e9:.1f} GB are free at {desk.settings.data}",
        fix="Free some space: a database that meets a full disk refuses to write.",
    )


def _database(desk: App) -> Finding:
    facts = desk.database_facts()
    return Finding(
        name="database", ok=facts.ok, detail=facts.detail, fix="Set the file's mode back, or restore it from a backup."
    )


def _model(desk: App, model: CatalogueModel) -> Finding:
    wrong = missing_files(model, desk.settings.models)
    return Finding(
        name=f"model {model.name}",
        ok=not wrong,
        detail=f"missing or incomplete: {', '.join(wrong)}"
        if wrong
        else "all files are here (hashes: `deskhand models verify`)",
        fix="Run `deskhand models pull`.",
    )


def _index(desk: App, tenant: str) -> Finding:
    """The published snapshot against the database: is what is served what is stored?"""
    snapshot = desk.index.snapshot(tenant)
    documents = desk.documents.published(tenant)
    if snapshot is None:
        return Finding(
            name="index",
            ok=not documents,
            detail=f"nothing is published for tenant {tenant!r}",
            fix="Run `deskhand ingest --rebuild`.",
        )
    same = snapshot.manifest.documents_sha256 == documents_digest(documents)
    return Finding(
        name="index",
        ok=same,
        detail=f"snapshot {snapshot.manifest.generation} of {snapshot.manifest.documents} documents"
        + ("" if same else f", the database holds {len(documents)} or other versions"),
        fix="Run `deskhand ingest --rebuild`.",
    )


def _jobs(desk: App) -> Finding:
    """Nothing dead, and nothing due that nobody takes."""
    dead, stuck = desk.jobs.dead(), [load for load in desk.jobs.load() if load.oldest_due_s > STUCK_S]
    waits = "; ".join(f"{load.lane}: {load.waiting} due, the oldest for {load.oldest_due_s:.0f} s" for load in stuck)
    return Finding(
        name="jobs",
        ok=not dead and not stuck,
        detail=f"{dead} dead{f'; {waits}' if waits else ', nothing waits long'}",
        fix="See `deskhand jobs list --state dead`, then `deskhand jobs retry`. Jobs that wait need a worker: `deskhand serve`.",
    )


def _helpdesks(desk: App) -> Finding:
    """The connections file can be read and each helpdesk has what its kind needs. Nothing is sent."""
    names = ", ".join(f"{name} ({told.kind})" for name, told in desk.connections.helpdesks.items())
    _ = desk.helpdesks
    open_to_public = [name for name, told in desk.connections.helpdesks.items() if told.public_replies]
    warning = (
        f"; {', '.join(open_to_public)} may answer customers once a calibration is fitted" if open_to_public else ""
    )
    unsigned = [
        name
        for name, told in desk.connections.helpdesks.items()
        if told.kind is HelpdeskKind.DJANGO_HELPDESK
        and urlsplit(told.url).hostname not in {"127.0.0.1", "::1", "localhost"}
    ]
    if unsigned:
        warning += f"; webhooks of {', '.join(unsigned)} are unsigned and come over a network: use HTTPS"
    return Finding(name="helpdesks", ok=True, detail=(names or "none is connected") + warning)


def _port(desk: App) -> Finding:
    """Free, or taken by something."""
    place = f"{desk.settings.host}:{desk.settings.port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((desk.settings.host, desk.settings.port))
        except OSError as error:
            return Finding(
                name="port",
                ok=False,
                detail=f"{place} cannot be used: {error.strerror}",
                fix="If Deskhand is serving already this is right; else set DESKHAND_PORT.",
            )
    return Finding(name="port", ok=True, detail=f"{place} is free")
