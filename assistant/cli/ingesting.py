"""``deskhand ingest``: bring folders, files, web sites and solved tickets into the knowledge base."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from assistant.cli.session import EXIT_PARTLY, console, messages, opened, progress_bars, show_error
from assistant.kernel.access import check_tenant
from assistant.kernel.errors import DeskhandError, InputError
from assistant.kernel.knowledge import Audience, Problem
from assistant.stages.redact import mask
from ingest.embed import OnEmbedded
from ingest.index import index
from ingest.load import count, load, root_key
from ingest.pipeline import IngestReport, OnProgress
from ingest.pipeline import ingest as run_ingest
from ingest.sources.source import Source
from ingest.sources.tickets import load_tickets, tickets_root
from ingest.sources.web.crawl import crawl, is_web_address, site_roots
from ingest.sources.web.fetch import Fetcher
from ingest.wiring import create_fetcher, create_ingest


def ingest(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders, files, archives, Git checkouts and web sites: HTML, Markdown, text, PDF, Office, tables, mail, "
            "Mallard, DocBook, JSON lines."
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose documents these are.")] = "default",
    audience: Annotated[
        Audience | None, typer.Option(help="Who may read them.", show_default="public; solved tickets internal")
    ] = None,
    solved_tickets: Annotated[
        bool,
        typer.Option(
            help="The files hold solved tickets: JSON lines or CSV, also as helpdesks export them. Personal data is masked."
        ),
    ] = False,
    rebuild: Annotated[
        bool, typer.Option(help="Publish a new snapshot from the database, even if nothing changed.")
    ] = False,
    base_url: Annotated[
        str,
        typer.Option(
            help="Where readers find the same files, such as https://docs.example.com/; else links lead to the disk."
        ),
    ] = "",
    max_pages: Annotated[int, typer.Option(min=1, help="Most pages of a web site.")] = 2_000,
    rate: Annotated[float, typer.Option(min=0.01, max=100, help="Requests a second to a web site.")] = 2.0,
    private_host: Annotated[
        list[str] | None, typer.Option(help="A host that may be read although it is in a private network.")
    ] = None,
    every: Annotated[
        str, typer.Option(help="Do it again after so long, such as 45s, 30m, 6h or 1d, until it is stopped.")
    ] = "",
    allow_mass_delete: Annotated[
        bool, typer.Option(help="Go on although most known documents of a place are gone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Read documents and publish a snapshot. Done again, only what changed is worked on; what is gone disappears."""
    if not places and not rebuild:
        raise InputError(
            "no place was given", fix="Name folders, files or web sites, or give --rebuild.", field="places"
        )
    if base_url and not is_web_address(base_url):
        raise InputError(
            "the base url is not a web address", fix="Give one that begins with https://.", field="base-url"
        )
    if rebuild and places:
        raise InputError("places and --rebuild were both given", fix="Give one of them.", field="rebuild")
    if solved_tickets and any(map(is_web_address, places or [])):
        raise InputError("solved tickets are not read from web sites", fix="Export them to a file.", field="places")
    check_tenant(tenant)
    rest_s = _seconds(every) if every else None
    readers = audience or (Audience.INTERNAL if solved_tickets else Audience.PUBLIC)
    work = _Round(
        places or [], solved_tickets, tenant, readers, base_url, max_pages, rate, private_host or [], allow_mass_delete
    )
    if not places:
        with opened() as desk:
            parts = create_ingest(desk)
            manifest = index(tenant, parts.store, parts.writer, parts.embedder, force=True).manifest
        console.print(f"Snapshot {manifest.generation}: {manifest.documents} documents, {manifest.chunks} chunks.")
        return
    if rest_s is None:
        report = work.run()
        _show(report, as_json=as_json)
        raise typer.Exit(EXIT_PARTLY if report.problems else 0)
    while True:
        messages.print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}")
        try:
            _show(work.run(), as_json=as_json)
        except DeskhandError as error:  # A site that is away, an empty folder: the next round may do better.
            show_error(error)
        time.sleep(rest_s)


class _Round(NamedTuple):
    """All that one reading of the places needs."""

    places: list[str]
    are_tickets: bool
    tenant: str
    audience: Audience
    base_url: str
    max_pages: int
    rate: float
    private_hosts: list[str]
    allow_mass_delete: bool

    def run(self) -> IngestReport:
        with (
            opened() as desk,
            closing(create_fetcher(desk, 1 / self.rate, self.private_hosts)) as fetcher,
            ingest_bars(self._count()) as (on_progress, on_embedded),
        ):
            return run_ingest(
                chain.from_iterable(self._documents(place, fetcher) for place in self.places),
                self.tenant,
                self.audience,
                create_ingest(desk),
                roots=[root for place in self.places for root in self._roots(place)],
                allow_mass_delete=self.allow_mass_delete,
                on_progress=on_progress,
                on_embedded=on_embedded,
            )

    def _count(self) -> int | None:
        """How many documents there are, where that is known before they are read."""
        if self.are_tickets or any(map(is_web_address, self.places)):
            return None
        return sum(count(Path(place)) for place in self.places)

    def _documents(self, place: str, fetcher: Fetcher) -> Iterator[Source | Problem]:
        if self.are_tickets:
            return load_tickets(Path(place), mask)
        return crawl(place, fetcher, self.max_pages) if is_web_address(place) else load(Path(place), self.base_url)

    def _roots(self, place: str) -> list[str]:
        if self.are_tickets:
            return [tickets_root(Path(place))]
        return site_roots(place) if is_web_address(place) else [root_key(Path(place))]


def _seconds(duration: str) -> float:
    """Seconds of ``45s``, ``30m``, ``6h`` or ``1d``. Raises InputError."""
    found = re.fullmatch(r"([1-9]\d{0,3})([smhd])", duration.strip())
    if found is None:
        raise InputError(f"{duration!r} is no length of time", fix="Give one such as 30m, 6h or 1d.", field="every")
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}[found[2]]


@contextmanager
def ingest_bars(documents: int | None) -> Iterator[tuple[OnProgress, OnEmbedded]]:
    """Bars of an ingest: one of documents that are read, and one of texts that are embedded, when there are any."""
    with progress_bars() as add:
        bars: list[OnProgress] = []

        def on_embedded(more: int, left: int) -> None:
            if not more and left:
                bars.append(add("Embedding", left, 0))
            elif more:
                bars[-1](more)

        yield add("Reading", documents, 0), on_embedded


def _show(report: IngestReport, *, as_json: bool) -> None:
    if as_json:
        console.print_json(report.model_dump_json())
        return
    console.print(
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, {report.deleted} deleted; "
        f"{report.embedded} chunks embedded."
    )
    console.print(f"Snapshot {report.generation}: {report.documents} documents, {report.chunks} chunks.")
    if report.left_out:
        console.print(f"{report.left_out} near-duplicates are left out: `deskhand documents list --copies`.")
    if report.problems:
        console.print(f"\n[bold]{len(report.problems)} not read:[/]")
    for problem in report.problems:
        console.print(f"  {problem.name}: {problem.reason}. {problem.fix}", markup=False, soft_wrap=True)
