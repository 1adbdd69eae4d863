"""Addresses have one form, and only public ones are asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.sources.web.addresses import PrivateAddress, PublicTransport, is_public
from ingest.sources.web.fetch import Fetcher, Unreachable
from ingest.sources.web.links import links_of, locations, normal
from tests.ingest.web.reading import page
from tests.web_site import WebSite


def test_a_private_address_is_not_asked(site: WebSite, tmp_path: Path) -> None:
    site.has("/", page("Of the network within."))
    fetcher = Fetcher(PublicTransport(), tmp_path, interval_s=0.0)
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(Unreachable, match="not public"):
            fetcher.get(f"http://{host}:{site.server.server_port}/")
    assert site.asked == []


def names(*answers: list[str]) -> Callable[[str, int], list[str]]:
    """A name server that gives one answer after the other."""
    left = list(answers)
    return lambda _host, _port: left.pop(0)


def test_a_name_is_resolved_once_and_what_was_checked_is_asked(site: WebSite, tmp_path: Path) -> None:
    site.has("/", page("Text."))
    url = f"http://wiki.shop.example:{site.server.server_port}/"
    allowed = Fetcher(PublicTransport(["wiki.shop.example"], names(["127.0.0.1"])), tmp_path, interval_s=0.0)
    assert allowed.get(url).status == 200
    assert site.asked[0][1]["Host"] == f"wiki.shop.example:{site.server.server_port}"
    changing = PublicTransport((), names(["93.184.215.14", "127.0.0.1"], ["127.0.0.1"]))
    with pytest.raises(Unreachable, match="not public") as refusal:
        Fetcher(changing, tmp_path, interval_s=0.0).get(url)
    assert isinstance(refusal.value.__cause__, PrivateAddress)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        *((address, False) for address in (
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
            "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
            "2002:7f00:1::", "2001:db8::1", "64:ff9b:1::7f00:1", "fec0::1", "192.0.0.192", "168.63.129.16",
        )),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Help.Shop.Example:443/a/../b?x=1&utm_source=mail#top", "https://help.shop.example/b?x=1"),
        ("http://shop.example", "http://shop.example/"), ("/a/%2e%2E/b/", "https://base.example/b/"), ("/größe?a=ü", "https://base.example/gr%C3%B6%C3%9Fe?a=%C3%BC"),
        ("//shop.example:8080/a", "https://shop.example:8080/a"),
        ("ftp://shop.example/a", None), ("mailto:a@shop.example", None), ("https://ann:secret@shop.example/", None),
        ("https://shop.example:99999/", None), ("http://[::1/", None), ("https://shop.example/" + "a" * 2_000, None),
    ],
)  # fmt: skip
def test_addresses_have_one_form(url: str, expected: str | None) -> None:
    assert normal(url, "https://base.example/") == expected


@pytest.mark.parametrize(
    "data",
    [
        b"<a " * 300_000,
        b'<a href="' * 200_000,
        b"<a href=x " * 200_000,
        b"<loc>" * 400_000,
        b"<a " + b"a" * 3_000 + b">",
        b'<a b="' + b"a-" * 1_500_000,
        b"<" * 2_000_000,
    ],
)
def test_pages_made_to_be_slow_to_read_are_read(data: bytes) -> None:
    assert len(links_of(data, "https://shop.example/").links) <= 1
    assert locations(data) == ([], False)
