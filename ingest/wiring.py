"""App → Ingest: the one module of ingest that knows how adapters are chosen."""

from assistant.wiring import App
from ingest.bounded import BoundedParser
from ingest.pipeline import Ingest


def create_ingest(app: App) -> Ingest:
    return Ingest(
        store=app.documents,
        writer=app.index_writer,
        embedder=app.bulk_embedder,
        chunk_tokens=app.settings.chunk_tokens,
        overlap_tokens=app.settings.overlap_tokens,
        parse=BoundedParser(app.settings.parse_timeout_s, app.settings.parse_memory_mb),
    )
