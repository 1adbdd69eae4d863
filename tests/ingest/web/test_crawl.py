"""A site's pages are found and its wishes are obeyed; what cannot be read is not taken for deleted."""

import gzip
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Audience
from ingest.pipeline import Ingest, IngestReport, ingest
from ingest.sources.web.addresses import PublicTransport
from ingest.sources.web.crawl import crawl, site_root, site_roots
from ingest.sources.web.fetch import Fetcher
from tests.ingest.web.reading import page, read
from tests.web_site import WebSite


def test_pages_are_found_by_links_and_sitemap_below_the_start_and_each_once(site: WebSite, fetcher: Fetcher) -> None:
    site.has(
        "/help/", page("Start.", "returns#top", "/help/returns?utm_source=x", "/shop", "http://other.example/", "a.png")
    )
    site.has("/help/returns", page("Thirty days.", "/help/", "mailto:a@b.c", "javascript:x()", "deep/er"))
    site.has("/help/deep/er", page("Deep."))
    site.has("/help/alone", page("Only in the sitemap."))
    site.has(
        "/sitemap.xml",
        f"<urlset><url><loc>{site.url}/help/alone</loc></url><url><loc>{site.url}/shop</loc></url></urlset>",
    )
    urls, problems = read(f"{site.url}/help/", fetcher)
    assert (urls, problems) == ([f"{site.url}/help/{each}" for each in ("", "alone", "returns", "deep/er")], [])
    assert site.paths() == ["/robots.txt", "/sitemap.xml", "/help/", "/help/alone", "/help/returns", "/help/deep/er"]
    assert all(headers["User-Agent"].startswith("deskhand/") for _, headers in site.asked)


def test_robots_txt_is_obeyed(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/robots.txt", f"User-agent: *\nDisallow: /private\nSitemap: {site.url}/map.xml.gz", kind="text/plain")
    inner = f"<urlset><loc>{site.url}/mapped</loc></urlset>"
    site.has("/inner.xml", inner)
    packed = gzip.compress(f"<sitemapindex><loc>{site.url}/inner.xml</loc></sitemapindex>".encode())
    site.pages["/map.xml.gz"] = (200, {"Content-Type": "application/gzip"}, packed)
    site.has("/", page("Start.", "/private/a", "/open"))
    for path in ("/private/a", "/open", "/mapped"):
        site.has(path, page("Text."))
    assert read(f"{site.url}/", fetcher)[0] == [f"{site.url}{path}" for path in ("/", "/mapped", "/open")]
    assert "/private/a" not in site.paths()


@pytest.mark.parametrize("status", [500, 503, 429])
def test_without_word_from_robots_txt_nothing_is_read(site: WebSite, fetcher: Fetcher, status: int) -> None:
    site.has("/robots.txt", "", status=status)
    site.has("/", page("Start."))
    urls, (problem,) = read(f"{site.url}/", fetcher)
    assert (urls, problem.covers) == ([], f"{site.url}/")
    assert "/" not in site.paths()


def test_robots_txt_and_sitemap_may_be_elsewhere(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/robots.txt", "", status=301, Location="/en/robots.txt")
    site.has("/en/robots.txt", "User-agent: deskhand\nDisallow: /private", kind="text/plain")
    site.has("/sitemap.xml", "", status=302, Location="/map.xml")
    site.has("/map.xml", f"<urlset><loc>{site.url}/mapped</loc><loc>{site.url}/private</loc></urlset>")
    for path in ("/", "/mapped", "/private"):
        site.has(path, page("Text."))
    assert read(f"{site.url}/", fetcher)[0] == [f"{site.url}/", f"{site.url}/mapped"]
    site.has("/en/robots.txt", "", status=302, Location="/robots.txt")
    assert read(f"{site.url}/", fetcher)[0] == []


def test_a_site_s_wish_for_rest_ends_with_it(site: WebSite, tmp_path: Path) -> None:
    site.has("/robots.txt", "User-agent: *\nCrawl-delay: 3", kind="text/plain")
    site.has("/", page("Start."))
    rests: list[float] = []
    fetcher = Fetcher(PublicTransport(["127.0.0.1"]), tmp_path, interval_s=0.0, sleep=rests.append)
    assert len(list(crawl(f"{site.url}/", fetcher, 10))) == 1
    assert all(rest > 2.5 for rest in rests)
    assert len(rests) == 2
    assert fetcher.interval_s == 0.0


def test_pages_that_ask_not_to_be_indexed_or_have_another_home_are_not(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", "/a", "/b", "/c", "/d"))
    site.has("/a", page("Not me.", "/from-a", head="<meta name=robots content='noindex'>"))
    site.has("/b", page("Links not.", "/from-b", head="<meta name='ROBOTS' content='NOFOLLOW'>"))
    site.has("/c", page("At home elsewhere.", head="<link rel=canonical href='/home'>"))
    site.has("/d", page("Not me either."), X_Robots_Tag="noindex")
    for path in ("/from-a", "/from-b", "/home"):
        site.has(path, page("Text."))
    assert read(f"{site.url}/", fetcher)[0] == [f"{site.url}{path}" for path in ("/", "/b", "/from-a", "/home")]


def test_a_redirect_is_followed_within_the_site_only(site: WebSite, fetcher: Fetcher) -> None:
    other = WebSite()
    other.has("/secret", page("Not of this site."))
    site.has("/", page("Start.", "/old", "/out", "/loop"))
    site.has("/old", "", status=301, Location="/new")
    site.has("/out", "", status=302, Location=f"{other.url}/secret")
    site.has("/loop", "", status=302, Location="/loop")
    site.has("/new", page("Moved."))
    assert read(f"{site.url}/", fetcher) == ([f"{site.url}/", f"{site.url}/new"], [])
    assert other.asked == []
    other.server.shutdown()
    other.server.server_close()


def test_a_start_that_leads_elsewhere_says_where(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", "", status=301, Location="https://www.shop.example/help/")
    urls, (problem,) = read(f"{site.url}/", fetcher)
    assert (urls, problem.reason) == ([], "it leads to https://www.shop.example/help/")


def test_pages_that_are_gone_are_deleted_but_not_while_something_failed(site: WebSite, fetcher: Fetcher) -> None:
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)
    start = f"{site.url}/"

    def run() -> IngestReport:
        return ingest(crawl(start, fetcher, 100), "default", Audience.PUBLIC, desk, roots=site_roots(start))

    site.has("/", page("Start.", "/a", "/b"))
    site.has("/a", page("A.", "/c"))
    site.has("/b", page("B."))
    site.has("/c", page("C."))
    assert run().documents == 4
    site.has("/a", "", status=500)
    del site.pages["/b"]
    assert [problem.name for problem in run().problems] == [f"{site.url}/a"]
    assert run().documents == 4
    site.has("/a", page("A again.", "/c"))
    report = run()
    assert (report.documents, report.changed, report.deleted) == (3, 1, 1)


def test_a_site_that_cannot_be_reached_loses_nothing(fetcher: Fetcher) -> None:
    urls, (problem,) = read("http://127.0.0.1:9/", fetcher)
    assert urls == []
    assert "cannot be reached" in problem.reason


def test_pages_without_end_are_bounded(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", *(f"/calendar?day={day}" for day in range(200)), *(f"/p{n}" for n in range(30))))
    for day in range(200):
        site.has(f"/calendar?day={day}", page(f"Day {day}."))
    for number in range(30):
        site.has(f"/p{number}", page(f"Page {number}."))
    urls, problems = read(f"{site.url}/", fetcher, max_pages=1_000)
    assert (len(urls), problems) == (81, [])
    urls, problems = read(f"{site.url}/", fetcher, max_pages=10)
    assert (len(urls), problems[0].covers) == (10, f"{site.url}/")
    assert "rest was left out" in problems[0].reason


def test_other_files_are_left_unread_and_pdf_is_read(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", "/film", "/manual", "/liar"))
    site.has("/film", "x" * 100, kind="video/mp4")
    site.has("/manual", "%PDF-1.7 …", kind="application/pdf")
    site.has("/liar", "<p>Not a PDF</p>", kind="application/pdf")
    urls, (problem,) = read(f"{site.url}/", fetcher)
    assert urls == [f"{site.url}/", f"{site.url}/manual"]
    assert (problem.name, problem.key) == (f"{site.url}/liar",) * 2


def test_a_server_in_trouble_is_left_alone(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", *(f"/p{n}" for n in range(50))))
    for number in range(50):
        site.has(f"/p{number}", "", status=500)
    urls, problems = read(f"{site.url}/", fetcher)
    assert (len(urls), len(site.asked)) == (1, 8)
    assert "one after another" in problems[-1].reason


def test_a_start_without_a_slash_is_a_folder(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/docs", page("Start.", "/docs/a", "/other"))
    site.has("/docs/a", page("A."))
    site.has("/other", page("Not below."))
    assert read(f"{site.url}/docs", fetcher)[0] == [f"{site.url}/docs", f"{site.url}/docs/a"]
    assert site_roots(f"{site.url}/docs") == [f"{site.url}/docs/", f"{site.url}/docs"]
    assert site_root("https://shop.example/docs/index.html?a=b") == "https://shop.example/docs/"


@pytest.mark.parametrize(
    "start",
    [
        (200, {"Content-Type": "text/html"}, b"<meta name=robots content='none, x'>"),
        (302, {"Location": "/"}, b""),
        (200, {"Content-Type": "video/mp4"}, b"x"),
    ],
)
def test_a_site_that_gives_nothing_says_so_and_nothing_is_deleted(
    site: WebSite, fetcher: Fetcher, start: tuple[int, dict[str, str], bytes]
) -> None:
    site.pages["/"] = start
    urls, (problem,) = read(f"{site.url}/", fetcher)
    assert (urls, problem.covers) == ([], f"{site.url}/")
    assert "no document was found" in problem.reason


def test_pages_that_call_each_other_their_home_are_read(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", "/a", "/b"))
    site.has("/a", page("A.", head="<link rel=canonical href='/b'>"))
    site.has("/b", page("B.", head="<link rel=canonical href='/a'>"))
    assert set(read(f"{site.url}/", fetcher)[0]) >= {f"{site.url}/", f"{site.url}/a"}


@pytest.mark.parametrize("answer", [(200, "<p></p>"), (403, "Sign in.")])
def test_an_unreadable_page_keeps_only_itself(site: WebSite, fetcher: Fetcher, answer: tuple[int, str]) -> None:
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)
    start = f"{site.url}/"
    site.has("/", page("Start.", "/empty/", "/a"))
    site.has("/empty/", answer[1], status=answer[0])
    site.has("/a", page("A."))
    for left in (2, 1):
        report = ingest(crawl(start, fetcher, 100), "default", Audience.PUBLIC, desk, roots=site_roots(start))
        assert (report.documents, [problem.key for problem in report.problems]) == (left, [f"{site.url}/empty/"])
        site.pages.pop("/a", None)


def test_what_is_no_web_address_is_an_error() -> None:
    with pytest.raises(InputError, match="no web address"):
        site_root("https://")
