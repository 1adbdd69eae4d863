"""What a page or a sitemap says of other pages. Read with patterns that look at each character a bounded number of times."""

import re
import zlib
from html import unescape
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

MAX_URL_CHARS = 2_000
MAX_SITEMAP_BYTES = 64 * 1024 * 1024
"""A sitemap may have 50 MB (sitemaps.org)."""
_TAG = re.compile(r"<(a|area|base|link|meta)\s([^<>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(?<![a-zA-Z-])([a-zA-Z-]{1,30})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_LOCATION = re.compile(rb"<loc>\s{0,99}(?:<!\[CDATA\[)?([^<>\]]{1,4000})")
_TRACKING = re.compile(r"^(utm_.*|gclid|fbclid|mc_[ce]id|_ga|session_?id|phpsessid|jsessionid)$", re.IGNORECASE)
_UNQUOTED = "/%:@!$&'()*+,;=~?-._[]|"
_PORTS = {"http": 80, "https": 443}


class Links(NamedTuple):
    """``canonical``: where the page says it is at home, or empty. ``robots``: what it asks of those who index it."""

    links: tuple[str, ...]
    canonical: str
    robots: str


def links_of(data: bytes, url: str) -> Links:
    """Of the HTML page ``data`` at ``url``: addresses of links, each once, in their order."""
    base, canonical, robots = url, "", ""
    found: dict[str, None] = {}
    for tag, inner in _TAG.findall(data.decode("utf-8", "replace")):
        attributes = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(inner)}
        target = attributes.get("href", "")
        match tag.lower():
            case "base" if target:
                base = urljoin(url, target)
            case "link" if "canonical" in attributes.get("rel", "").lower().split():
                canonical = normal(target, base) or ""
            case "meta" if attributes.get("name", "").lower() in ("robots", "deskhand"):
                robots += f" {attributes.get('content', '').lower()}"
            case "a" | "area" if target and "nofollow" not in attributes.get("rel", "").lower().split():
                if address := normal(target, base):
                    found[address] = None
    return Links(tuple(found), canonical, robots)


def normal(url: str, base: str = "") -> str | None:
    """One form for each web address: host in lower case, no fragment, no default port, nothing that only tracks.

    None when it is no web address, or one with a password.
    """
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or len(url) > MAX_URL_CHARS:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    query = parts.query
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_TRACKING.match(name) for name, _ in pairs):
        query = urlencode([(name, value) for name, value in pairs if not _TRACKING.match(name)])
    path = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE)  # No path goes up in disguise.
    path = urlsplit(urljoin("http://host/", "/" + path.lstrip("/"))).path
    return urlunsplit((parts.scheme, place, quote(path, safe=_UNQUOTED), quote(query, safe=_UNQUOTED), ""))


def locations(data: bytes) -> tuple[list[str], bool]:
    """The addresses of a sitemap, and whether they are those of further sitemaps."""
    if data.startswith(b"\x1f\x8b"):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, MAX_SITEMAP_BYTES)
        except zlib.error:
            return [], False
    found = (normal(unescape(each.decode("utf-8", "replace").strip())) for each in _LOCATION.findall(data))
    return [url for url in found if url], b"<sitemapindex" in data[:4096]
