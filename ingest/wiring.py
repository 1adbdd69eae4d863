"""App → Ingest: the one module of ingest that knows how adapters are chosen."""

from collections.abc import Collection

from assistant.wiring import App
from ingest.bounded import BoundedParser
from ingest.pipeline import Ingest
from ingest.sources.web.addresses import PublicTransport
from ingest.sources.web.fetch import Fetcher


def create_ingest(app: App) -> Ingest:
    return Ingest(
        store=app.documents,
        writer=app.index_writer,
        embedder=app.bulk_embedder,
        chunk_tokens=app.embedder.identity.max_tokens,  # What it does not read would not be found.
        overlap_tokens=app.settings.overlap_tokens,
        parse=BoundedParser(app.settings.parse_timeout_s, app.settings.parse_memory_mb),
    )


def create_fetcher(app: App, interval_s: float, private_hosts: Collection[str]) -> Fetcher:
    """For web sites; what it has fetched is kept beside the other data."""
    return Fetcher(PublicTransport(private_hosts), app.settings.data_dir / "web", interval_s)
