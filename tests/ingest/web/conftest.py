"""A site and what fetches from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.sources.web.addresses import PublicTransport
from ingest.sources.web.fetch import Fetcher
from tests.web_site import WebSite


@pytest.fixture
def site() -> Iterator[WebSite]:
    site = WebSite()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    fetcher = Fetcher(PublicTransport(["127.0.0.1"]), tmp_path / "cache", interval_s=0.0)
    yield fetcher
    fetcher.close()
