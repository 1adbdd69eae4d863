"""A page is asked for politely, and what a server claims of it is checked."""

import gzip
from pathlib import Path

import pytest

from ingest.sources.source import Source
from ingest.sources.web import fetch
from ingest.sources.web.addresses import PublicTransport
from ingest.sources.web.crawl import crawl
from ingest.sources.web.fetch import Fetcher
from tests.ingest.web.reading import page, read
from tests.web_site import WebSite


def test_what_did_not_change_is_not_sent_again(site: WebSite, fetcher: Fetcher) -> None:
    site.has("/", page("Start.", "/a"), ETag='"1"')
    site.has("/a", page("Article."), ETag='"2"')
    first = list(crawl(f"{site.url}/", fetcher, 100))
    site.asked.clear()
    assert list(crawl(f"{site.url}/", fetcher, 100)) == first
    assert [headers.get("If-None-Match") for path, headers in site.asked if path in ("/", "/a")] == ['"1"', '"2"']
    site.has("/a", page("Changed."), ETag='"3"')
    changed = list(crawl(f"{site.url}/", fetcher, 100))
    assert isinstance(changed[1], Source)
    assert b"Changed." in changed[1].data


def test_a_damaged_cache_is_asked_for_anew(site: WebSite, fetcher: Fetcher, tmp_path: Path) -> None:
    site.has("/", page("Start."), ETag='"1"')
    assert len(read(f"{site.url}/", fetcher)[0]) == 1
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(b"{}\nnothing")
    assert len(read(f"{site.url}/", fetcher)[0]) == 1


def test_a_body_without_end_is_refused(site: WebSite, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_FILE_BYTES", 1_000_000)
    bomb = gzip.compress(b"\0" * 50_000_000)
    site.has("/", page("Start.", "/bomb"))
    site.pages["/bomb"] = (200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, bomb)
    urls, (problem,) = read(f"{site.url}/", fetcher)
    assert (urls, problem.name) == ([f"{site.url}/"], f"{site.url}/bomb")
    assert "larger than" in problem.reason


def test_a_page_is_read_in_the_encoding_its_server_names(site: WebSite, fetcher: Fetcher) -> None:
    site.pages["/"] = (
        200,
        {"Content-Type": "text/html; charset=iso-8859-2"},
        "<p>Zwrot w ciągu 30 dni</p>".encode("iso-8859-2"),
    )
    (source,) = crawl(f"{site.url}/", fetcher, 10)
    assert isinstance(source, Source)
    assert "ciągu" in source.data.decode()


@pytest.mark.parametrize("charset", ["undefined", "utf-7", "punycode", "unicode_escape", "no-such", "\u00fc"])
def test_an_odd_charset_is_not_believed(site: WebSite, fetcher: Fetcher, charset: str) -> None:
    site.pages["/"] = (
        200,
        {"Content-Type": f"text/html; charset={charset}", "ETag": '"\u00fc"'},
        "<p>Grüße +2AA- \\ud800</p>".encode(),
    )
    for _ in range(2):
        (source,) = crawl(f"{site.url}/", fetcher, 10)
        assert isinstance(source, Source)
        assert "Grüße" in source.data.decode()


@pytest.mark.parametrize(
    ("retry_after", "rested"),
    [
        ("7", 7.0),
        ("soon", 1.0),
        ("nan", 1.0),
        ("-3", 1.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.5),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999999999", 1.0),
    ],
)
def test_a_busy_server_is_given_the_rest_it_asks_for(
    site: WebSite, tmp_path: Path, retry_after: str, rested: float
) -> None:
    site.has("/", "", status=503, Retry_After=retry_after)
    rests: list[float] = []

    def sleep(seconds: float) -> None:
        rests.append(seconds)
        site.has("/", page("Start."))

    fetcher = Fetcher(PublicTransport(["127.0.0.1"]), tmp_path, interval_s=0.5, sleep=sleep)
    assert fetcher.get(f"{site.url}/").status == 200
    assert rests[0] == rested


def test_who_wants_a_long_rest_is_left_alone(site: WebSite, tmp_path: Path) -> None:
    site.has("/", "", status=503, Retry_After="3600")
    rests: list[float] = []
    fetcher = Fetcher(PublicTransport(["127.0.0.1"]), tmp_path, interval_s=0.0, sleep=rests.append)
    assert fetcher.get(f"{site.url}/").status == 503
    assert (len(site.asked), rests) == (1, [])
