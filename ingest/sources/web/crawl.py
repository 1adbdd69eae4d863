"""A web site → sources: its sitemap's pages and those they link to, on the same host and below the address it starts from."""

from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import urlsplit

from protego import Protego

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import MEDIA_TYPES, is_passed_over, media_type
from ingest.sources.source import Source
from ingest.sources.web.fetch import AGENT, Fetcher, Page, Unreachable
from ingest.sources.web.links import Links, links_of, locations, normal

MAX_SITEMAPS = 100
MAX_VARIANTS = 50
"""Of one path with different queries: a calendar or a search has them without end."""
MAX_CRAWL_DELAY_S = 30.0
MAX_REDIRECTS = 6
_SUFFIXES = {
    kind: suffix for suffix, kind in reversed(MEDIA_TYPES.items()) if kind not in ("application/xml", "message/rfc822")
}
_HTML = {"text/html", "application/xhtml+xml"}
_SUFFIXES["application/xhtml+xml"] = ".html"
_NOTHING = Links((), "", "")


def is_web_address(text: str) -> bool:
    return text.lower().startswith(("https://", "http://"))


def site_root(start: str) -> str:
    """The beginning of the addresses of all pages that belong to it. Raises InputError when ``start`` is no web address."""
    url = normal(start)
    if url is None:
        raise InputError(f"{start} is no web address", fix="Give one such as https://help.example.com/.", field="path")
    return url.partition("?")[0].rpartition("/")[0] + "/"


def crawl(start: str, fetcher: Fetcher, max_pages: int) -> Iterator[Source | Problem]:
    """The site's pages. While something is missing, a Problem has the site's root as its key: nothing is taken for deleted."""
    usual_s = fetcher.interval_s
    try:
        yield from _Crawl(start, fetcher, max_pages).pages()
    finally:
        fetcher.interval_s = usual_s


class _Crawl:
    def __init__(self, start: str, fetcher: Fetcher, max_pages: int) -> None:
        self._root, self._start = site_root(start), normal(start) or start
        self._fetcher, self._max_pages = fetcher, max_pages
        self._queue: deque[str] = deque()
        self._seen: set[str] = set()
        self._variants: Counter[str] = Counter()
        self._robots = Protego.parse("")

    def pages(self) -> Iterator[Source | Problem]:
        try:
            self._robots = self._read_robots()
        except Unreachable as error:
            yield self._missing(self._at("/robots.txt"), str(error), error.fix)
            return
        self._take(self._start)
        yield from self._read_sitemaps()
        fetched = 0
        while self._queue:
            url = self._queue.popleft()
            if not self._robots.can_fetch(url, AGENT):
                if url == self._start:
                    yield self._missing(url, "its robots.txt asks not to read it", "Ask whoever runs the site.")
                continue
            if fetched >= self._max_pages:
                left = f"more than {self._max_pages:,} pages were found; the rest was left out"
                yield self._missing(self._start, left, "Give an address further down, or a higher --max-pages.")
                return
            fetched += 1
            yield from self._page(url)

    def _page(self, url: str) -> Iterator[Source | Problem]:
        try:
            page = self._fetcher.get(url, _SUFFIXES.__contains__)
        except Unreachable as error:
            yield self._missing(url, str(error), error.fix)
            return
        if page.moved_to:
            yield from self._moved(url, normal(page.moved_to, url) or page.moved_to)
        elif page.status in (404, 410) and url != self._start:
            return
        elif page.status != 200:
            yield self._missing(url, f"the server answers {page.status}", "Check the address, or try again later.")
        elif page.kind in _SUFFIXES:
            yield from self._document(url, page)

    def _moved(self, url: str, target: str) -> Iterator[Problem]:
        if url == self._start and not target.startswith(self._root):
            yield self._missing(url, f"it leads to {target}", "Give that address.")
        self._take(target)

    def _document(self, url: str, page: Page) -> Iterator[Source | Problem]:
        links = links_of(page.data, url) if page.kind in _HTML else _NOTHING
        rules = f"{page.robots} {links.robots}"
        if "nofollow" not in rules and "none" not in rules.split():
            for link in links.links:
                self._take(link)
        if "noindex" in rules or "none" in rules.split():
            return
        if links.canonical != url and links.canonical.startswith(self._root):
            self._take(links.canonical)
            return
        try:
            kind = media_type(f"page{_SUFFIXES[page.kind]}", page.data)
            yield Source(url, url, kind, page.data, url)
        except UnreadableDocument as error:
            yield Problem(name=url, reason=str(error), fix=error.fix, key=url)

    def _take(self, url: str) -> None:
        """Queue an address if it belongs to the site and is new."""
        path = url.partition("?")[0]
        if url in self._seen or not url.startswith(self._root) or is_passed_over(urlsplit(url).path.rpartition("/")[2]):
            return
        self._variants[path] += 1
        if self._variants[path] <= MAX_VARIANTS:
            self._seen.add(url)
            self._queue.append(url)

    def _read_robots(self) -> Protego:
        """Raises Unreachable when nobody can say what is allowed; then nothing is (RFC 9309 2.3.1)."""
        page = self._followed(self._at("/robots.txt"))
        if page.status >= 500 or page.status == 429:
            raise Unreachable(f"the server answers {page.status}")
        robots = Protego.parse(page.data.decode("utf-8", "replace")[:500_000])
        rest_s = min(float(robots.crawl_delay(AGENT) or 0), MAX_CRAWL_DELAY_S)
        self._fetcher.interval_s = max(self._fetcher.interval_s, rest_s)
        return robots

    def _followed(self, url: str) -> Page:
        """What ``url`` leads to, wherever that is: robots.txt and sitemaps may be at home elsewhere. Raises Unreachable."""
        for _ in range(MAX_REDIRECTS):
            page = self._fetcher.get(url)
            if not page.moved_to:
                return page
            url = normal(page.moved_to, url) or ""
            if not url:
                break
        raise Unreachable("it leads from one address to the next without end")

    def _read_sitemaps(self) -> Iterator[Problem]:
        named = [url for each in self._robots.sitemaps if (url := normal(each, self._root))]
        queue, read = deque(named or [self._at("/sitemap.xml")]), 0
        while queue and read < MAX_SITEMAPS:
            url = queue.popleft()
            read += 1
            try:
                page = self._followed(url)
            except Unreachable as error:
                yield self._missing(url, str(error), error.fix)
                continue
            if page.status == 200:
                found, further = locations(page.data)
                if further:
                    queue.extend(found)
                else:
                    for each in found:
                        self._take(each)
            elif named:
                yield self._missing(url, f"the server answers {page.status}", "Correct the site's robots.txt.")

    def _at(self, path: str) -> str:
        return normal(path, self._root) or self._root

    def _missing(self, url: str, reason: str, fix: str) -> Problem:
        return Problem(name=url, reason=reason, fix=fix, key=self._root)
