"""Pages, and what a crawl makes of them."""

from assistant.kernel.knowledge import Problem
from ingest.sources.source import Source
from ingest.sources.web.crawl import crawl
from ingest.sources.web.fetch import Fetcher


def page(text: str, *links: str, head: str = "") -> str:
    return f"<head>{head}</head><h1>Help</h1><p>{text}</p>" + "".join(f'<a href="{link}">more</a>' for link in links)


def read(start: str, fetcher: Fetcher, max_pages: int = 100) -> tuple[list[str], list[Problem]]:
    items = list(crawl(start, fetcher, max_pages))
    return [i.url for i in items if isinstance(i, Source)], [i for i in items if isinstance(i, Problem)]
