"""A web site → sources: its sitemap's pages and those they link to, on the same host and below the address it starts from."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import urlsplit

from protego import Protego

from assistant.kernel.errors import InputError, UnreadableDocument
from assistant.kernel.knowledge import Problem
from ingest.sources.kinds import MEDIA_TYPES, PICTURE_TYPES, is_passed_over, media_type
from ingest.sources.source import Source
from ingest.sources.web.fetch import AGENT, Fetcher, Page, Unreachable
from ingest.sources.web.links import Links, links_of, locations, normal

MAX_SITEMAPS = 100
MAX_VARIANTS = 50
"""Of one path with different queries: a calendar or a search has them without end."""
MAX_CRAWL_DELAY_S = 30.0
MAX_REDIRECTS = 6
MAX_FAILURES = 5
"""So many pages one after another that cannot be had: the server is in trouble, and is left alone."""
MAX_ROBOTS_CHARS = 512_000
"""RFC 9309 asks for 500 KiB at least."""
_SUFFIXES = {
    kind: suffix
    for suffix, kind in reversed(MEDIA_TYPES.items())
    if kind not in {"application/xml", "message/rfc822", *PICTURE_TYPES}
}
_HTML = {"text/html", "application/xhtml+xml"}
_SUFFIXES["application/xhtml+xml"] = ".html"
_NOTHING = Links((), "", "")


def is_web_address(text: str) -> bool:
    return text.lower().startswith(("https://", "http://"))


def site_root(start: str) -> str:
    """The beginning of the addresses of all pages that belong to it. Raises InputError when ``start`` is no web address.

    ``/help/index.html`` stands in the folder ``/help/``; ``/help`` is taken for that folder.
    """
    url = normal(start)
    if url is None:
        raise InputError(f"{start} is no web address", fix="Give one such as https://help.example.com/.", field="path")
    folder, _, last = url.partition("?")[0].rpartition("/")
    return f"{folder}/{last}/" if last and "." not in last else f"{folder}/"


def site_roots(start: str) -> list[str]:
    """What the keys of its documents begin with or are."""
    return [site_root(start), normal(start) or start]


def crawl(start: str, fetcher: Fetcher, max_pages: int) -> Iterator[Source | Problem]:
    """The site's pages. While something is missing, a Problem covers the site: nothing is taken for deleted."""
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
        self._given: set[str] = set()
        self._at_home: dict[str, str] = {}
        """Pages that were left out for another, which they say is their home."""
        self._variants: Counter[str] = Counter()
        self._failures = 0
        self._left_out = self._told = False
        self._robots = Protego.parse("")

    def pages(self) -> Iterator[Source | Problem]:
        try:
            self._robots = self._read_robots()
        except Unreachable as error:
            yield self._missing(self._at("/robots.txt"), str(error), error.fix)
            return
        if not self._robots.can_fetch(self._start, AGENT):
            yield self._missing(self._start, "its robots.txt asks not to read it", "Ask whoever runs the site.")
        self._take(self._start)
        yield from self._read_sitemaps()
        while self._queue and self._failures < MAX_FAILURES:
            url = self._queue.popleft()
            if self._robots.can_fetch(url, AGENT):
                yield from self._page(url)
        for url, home in self._at_home.items():
            if home not in self._given and self._failures < MAX_FAILURES:
                yield from self._page(url, whatever_its_home=True)
        yield from self._ended()

    def _ended(self) -> Iterator[Problem]:
        """What was not read, if anything."""
        if self._failures >= MAX_FAILURES:
            left = f"{MAX_FAILURES} pages one after another could not be had; the rest was left out"
            yield self._missing(self._start, left, "Try again later.")
        if self._left_out:
            left = f"more than {self._max_pages:,} pages were found; the rest was left out"
            yield self._missing(self._start, left, "Give an address further down, or a higher --max-pages.")
        if not self._given and not self._told:
            yield self._missing(self._start, "no document was found there", "Check the address in a browser.")

    def _page(self, url: str, *, whatever_its_home: bool = False) -> Iterator[Source | Problem]:
        try:
            page = self._fetcher.get(url, _SUFFIXES.__contains__)
        except Unreachable as error:
            self._failures += 1
            yield self._missing(url, str(error), error.fix)
            return
        if page.moved_to:
            yield from self._moved(url, normal(page.moved_to, url) or page.moved_to)
        elif page.status in (404, 410) and url != self._start:
            return
        elif 400 <= page.status < 500 and page.status not in (408, 429) and url != self._start:
            reason, fix = f"the server answers {page.status}", "Nothing, if it is not for everybody."
            yield Problem(name=url, reason=reason, fix=fix, key=url)
        elif page.status != 200:
            self._failures += 1
            yield self._missing(url, f"the server answers {page.status}", "Check the address, or try again later.")
        elif page.kind in _SUFFIXES:
            self._failures = 0
            yield from self._document(url, page, whatever_its_home=whatever_its_home)

    def _moved(self, url: str, target: str) -> Iterator[Problem]:
        if url == self._start and not target.startswith(self._root):
            yield self._missing(url, f"it leads to {target}", "Give that address.")
        self._take(target)

    def _document(self, url: str, page: Page, *, whatever_its_home: bool) -> Iterator[Source | Problem]:
        links = links_of(page.data, url) if page.kind in _HTML else _NOTHING
        rules = set(re.split(r"[\s,]+", f"{page.robots} {links.robots}"))
        if not rules & {"nofollow", "none"}:
            for link in links.links:
                self._take(link)
        if rules & {"noindex", "none"}:
            return
        if links.canonical not in ("", url) and links.canonical.startswith(self._root) and not whatever_its_home:
            self._at_home[url] = links.canonical
            self._take(links.canonical)
            return
        try:
            kind = media_type(f"page{_SUFFIXES[page.kind]}", page.data)
        except UnreadableDocument as error:
            yield Problem(name=url, reason=str(error), fix=error.fix, key=url)
        else:
            self._given.add(url)
            yield Source(url, url, kind, page.data, url, modified=page.modified)

    def _take(self, url: str) -> None:
        """Queue an address if it belongs to the site and is new."""
        path = url.partition("?")[0]
        if url in self._seen or not (url == self._start or url.startswith(self._root)):
            return
        if is_passed_over(urlsplit(url).path.rpartition("/")[2]):
            return
        self._variants[path] += 1
        if self._variants[path] > MAX_VARIANTS:
            return
        if len(self._seen) >= self._max_pages:
            self._left_out = True
            return
        self._seen.add(url)
        self._queue.append(url)

    def _read_robots(self) -> Protego:
        """Raises Unreachable when nobody can say what is allowed; then nothing is (RFC 9309 2.3.1)."""
        page = self._followed(self._at("/robots.txt"))
        if page.status >= 500 or page.status == 429:
            raise Unreachable(f"the server answers {page.status}")
        robots = Protego.parse(page.data.decode("utf-8", "replace")[:MAX_ROBOTS_CHARS])
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
        host = urlsplit(self._root).netloc
        named = [
            url for each in self._robots.sitemaps if (url := normal(each, self._root)) and urlsplit(url).netloc == host
        ]
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
                    queue.extend(each for each in found if urlsplit(each).netloc == host)
                else:
                    for each in found:
                        self._take(each)
            elif named:
                yield self._missing(url, f"the server answers {page.status}", "Correct the site's robots.txt.")

    def _at(self, path: str) -> str:
        return normal(path, self._root) or self._root

    def _missing(self, url: str, reason: str, fix: str) -> Problem:
        self._told = True
        return Problem(name=url, reason=reason, fix=fix, covers=self._root)
