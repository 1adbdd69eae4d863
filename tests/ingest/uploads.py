"""Documents as they come over the network."""

from assistant.kernel.knowledge import Audience
from ingest.load import load_upload
from ingest.sources.source import Source


def uploaded(name: str, data: bytes) -> Source:
    """A public document. Raises UnreadableDocument when it is refused before it is parsed."""
    [source] = load_upload(name, data, "", Audience.PUBLIC)
    assert isinstance(source, Source)
    return source
