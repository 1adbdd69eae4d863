"""One address → its page, asked for politely: not too often, not again if it has not changed, and not more than is sound."""

import hashlib
import json
import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx2

from assistant import __version__
from ingest.sources.source import MAX_FILE_BYTES, header_date
from ingest.sources.web.addresses import PrivateAddress

AGENT = "deskhand"
TIMEOUT_S = 20.0
PAGE_TIMEOUT_S = 120.0
"""From the request to the last byte: a server that sends a byte a second has no claim to more."""
TRIES, MAX_REST_S = 3, 60.0
"""Who wants more rest than that is not asked again in this round."""
_CHARSETS = re.compile(
    r"^(utf-?(8|16)|us-ascii|latin-?1|iso-?8859-\d{1,2}|(windows-|cp)125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(2312|k|18030)|big5)$"
)
"""Those of web pages. Others that Python knows are slow, or are no encodings of text."""
_BUSY = {429, 502, 503, 504}


class Page(NamedTuple):
    """What an address gave. ``data`` is empty unless ``status`` is 200 and ``kind`` was wanted."""

    status: int
    kind: str
    data: bytes
    moved_to: str = ""
    robots: str = ""
    """What the header X-Robots-Tag says."""
    modified: datetime | None = None


class Unreachable(Exception):
    """No page could be had. ``fix`` says what to do."""

    def __init__(self, reason: str, fix: str = "Try again later.") -> None:
        super().__init__(reason)
        self.fix = fix


class Fetcher:
    """``interval_s``: rest between two requests. ``cache``: a folder for pages, which may be deleted at any time."""

    def __init__(
        self,
        transport: httpx2.BaseTransport,
        cache: Path,
        interval_s: float,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.interval_s = interval_s
        self._cache, self._sleep = cache, sleep
        self._last = float("-inf")
        headers = {
            "User-Agent": f"{AGENT}/{__version__}",
            "Accept": "text/html, application/pdf;q=0.9, text/*;q=0.8, */*;q=0.1",
        }
        self._client = httpx2.Client(
            transport=transport, headers=headers, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        self._client.close()

    def get(self, url: str, wanted: Callable[[str], bool] = lambda _: True) -> Page:
        """The page at ``url``, its body if its media type is ``wanted``. Redirects are not followed. Raises Unreachable."""
        kept = self._kept(url)
        for tries_left in reversed(range(TRIES)):
            self._take_turn()
            try:
                page, rest_s = self._asked(url, kept, wanted)
            except PrivateAddress as error:
                raise Unreachable(
                    str(error), fix="If it is meant to be read, name its host with --private-host."
                ) from error
            except (httpx2.TransportError, httpx2.DecodingError, httpx2.InvalidURL) as error:
                if not tries_left:
                    raise Unreachable(
                        f"it cannot be reached ({type(error).__name__})", fix="Check the address."
                    ) from error
                rest_s = 2 * self.interval_s
            else:
                if page.status not in _BUSY or not tries_left or rest_s > MAX_REST_S:
                    return page
            self._sleep(rest_s)
        raise AssertionError("the last try returns or raises")

    def _asked(self, url: str, kept: "_Kept | None", wanted: Callable[[str], bool]) -> tuple[Page, float]:
        began = time.monotonic()
        with self._client.stream("GET", url, headers=kept.conditions if kept else {}) as response:
            if response.status_code == httpx2.codes.NOT_MODIFIED and kept:
                return kept.page, 0.0
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            moved_to = response.headers.get("Location", "") if response.is_redirect else ""
            robots = response.headers.get("X-Robots-Tag", "").lower()
            data = b""
            if response.status_code == httpx2.codes.OK and wanted(kind):
                data = _body(response, began)
            modified = header_date(response.headers.get("Last-Modified", ""))
            page = Page(response.status_code, kind, data, moved_to, robots, modified)
            if data:
                self._keep(url, page, response.headers)
            return page, _rest_s(response.headers.get("Retry-After", ""), self.interval_s)

    def _take_turn(self) -> None:
        rest = self._last + self.interval_s - time.monotonic()
        if rest > 0:
            self._sleep(rest)
        self._last = time.monotonic()

    def _place(self, url: str) -> Path:
        return self._cache / hashlib.sha256(url.encode()).hexdigest()[:40]

    def _kept(self, url: str) -> "_Kept | None":
        try:
            header, _, packed = self._place(url).read_bytes().partition(b"\n")
            fields = json.loads(header)
            conditions = fields["conditions"]
            modified = header_date(conditions.get("If-Modified-Since", ""))
            return _Kept(conditions, Page(200, fields["kind"], zlib.decompress(packed), "", fields["robots"], modified))
        except (OSError, ValueError, KeyError, zlib.error):  # Not there, or damaged: it is asked for anew.
            return None

    def _keep(self, url: str, page: Page, headers: httpx2.Headers) -> None:
        """Remember a page that the server can be asked about again."""
        conditions = {
            condition: headers[name]
            for condition, name in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            if headers.get(name, "").isascii() and headers.get(name, "").isprintable() and headers.get(name)
        }
        if not conditions:
            return
        header = json.dumps({"conditions": conditions, "kind": page.kind, "robots": page.robots})
        with suppress(OSError):  # A full disk: it is asked for in full the next time.
            self._cache.mkdir(parents=True, exist_ok=True)
            draft = self._place(url).with_suffix(".part")
            draft.write_bytes(header.encode() + b"\n" + zlib.compress(page.data))
            draft.replace(self._place(url))


class _Kept(NamedTuple):
    conditions: dict[str, str]
    page: Page


def _body(response: httpx2.Response, began: float) -> bytes:
    """The body, unpacked; text in UTF-8 when the server names another encoding. Raises Unreachable when it is too much."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MAX_FILE_BYTES:
            raise Unreachable(
                f"it is larger than the {MAX_FILE_BYTES / 1e6:.0f} MB a document may have", fix="Split it."
            )
        if time.monotonic() - began > PAGE_TIMEOUT_S:
            raise Unreachable(f"it takes longer than {PAGE_TIMEOUT_S:.0f} s to come")
    data = b"".join(parts)
    charset = (response.charset_encoding or "").lower()
    if not _CHARSETS.match(charset) or response.headers.get("Content-Type", "").startswith("application/"):
        return data
    try:
        return data.decode(charset).encode()
    except (LookupError, ValueError):  # The server is wrong; what the text looks like will tell.
        return data


def _rest_s(retry_after: str, interval_s: float) -> float:
    """Seconds to wait: a number, or a date (RFC 9110 10.2.3). At least the usual rest."""
    if re.fullmatch(r"\d{1,9}", retry_after.strip()):
        return max(float(retry_after), interval_s)
    date = header_date(retry_after)
    return max((date - datetime.now(UTC)).total_seconds(), interval_s) if date else 2 * interval_s
