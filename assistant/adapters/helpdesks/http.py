"""What every helpdesk's REST client shares: one HTTP client, time limits, and errors that say what to do."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from assistant.adapters.helpdesks.wire import load_json
from assistant.kernel.errors import ConfigurationError, HelpdeskUnavailable, InputError, NotFound
from assistant.kernel.helpdesks import Connection

TIMEOUT_S = 20.0
MAX_RESPONSE_BYTES = 20_000_000


class RestClient:
    """JSON requests to one helpdesk. Redirects are not followed: credentials go to the configured address only."""

    def __init__(
        self,
        connection: Connection,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if not _is_web_address(connection.url):
            raise ConfigurationError(
                f"helpdesk {connection.name!r} has no web address",
                fix='Give it one in the connections file, like url = "https://support.example.com".',
            )
        self._name = connection.name
        self._client = httpx2.Client(
            base_url=connection.url.rstrip("/") + "/",
            headers={"Accept": "application/json", **(headers or {})},
            auth=auth,
            timeout=timeout_s,
            follow_redirects=False,
        )

    def get(self, path: str, **params: str | int) -> Any:
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any], key: str = "") -> Any:
        return self._send("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._send("PUT", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._send("PATCH", path, json=body)

    def page(self, path: str) -> str:
        """The HTML page a browser would get, for what a vendor shows only there."""
        return self._exchange("GET", path, headers={"Accept": "text/html"}).decode("utf-8", "replace")

    def _send(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer, None when it is empty. Raises as the Helpdesk port says."""
        content = self._exchange(method, path, **options)
        if not content.strip():
            return None
        try:
            return load_json(content)
        except ValueError:
            raise HelpdeskUnavailable(f"helpdesk {self._name!r} answered {method} {path} without JSON") from None

    def _exchange(self, method: str, path: str, **options: Any) -> bytes:
        """The body of an answer that is no error."""
        what = f"{method} {path}"
        try:
            with self._client.stream(method, path.lstrip("/"), **options) as response:
                self._check(response, what)
                return self._content(response, what)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise HelpdeskUnavailable(
                f"helpdesk {self._name!r} cannot be reached: {type(error).__name__}",
                fix="It is tried again; check its url in the connections file if this goes on.",
            ) from error

    def _content(self, response: httpx2.Response, what: str) -> bytes:
        """The body, read no further than MAX_RESPONSE_BYTES."""
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > MAX_RESPONSE_BYTES:
                raise InputError(f"helpdesk {self._name!r} answered {what} with too many bytes")
        return bytes(content)

    def _check(self, response: httpx2.Response, what: str) -> None:
        status = response.status_code
        if status < 300:
            return
        said = f"helpdesk {self._name!r} answered {what} with {status}"
        if status == 404:
            raise NotFound(said, fix="The ticket may be deleted, or the token's user may not see it.")
        if status in {401, 403}:
            raise ConfigurationError(said, fix="Check user and token in the connections file, and the user's rights.")
        if status < 400:
            raise ConfigurationError(said, fix="Give the address it redirects to as url in the connections file.")
        if status in {408, 409, 423, 425, 429} or status >= 500:
            raise HelpdeskUnavailable(said, retry_after_s=_seconds(response.headers.get("Retry-After", "")))
        raise InputError(said, fix="It refused what was written; see its own log.")


def token_of(connection: Connection) -> str:
    """The token that this connection's requests carry. Raises ConfigurationError."""
    if not connection.token or not connection.token.isascii() or not connection.token.isprintable():
        raise ConfigurationError(
            f"helpdesk {connection.name!r} has no token that can be sent",
            fix="Give token in the connections file an API token of the user who writes notes.",
        )
    return connection.token


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _seconds(value: str) -> float:
    """Retry-After in seconds; the header may also be a date, which is not worth a parser here."""
    return min(float(value), 3_600.0) if value.isascii() and value.isdigit() else 10.0
