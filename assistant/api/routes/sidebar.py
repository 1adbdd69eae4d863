"""The sidebar's page, to be framed by a helpdesk, and the built files it is made of. Nothing here is private."""

import hashlib
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, Response

from assistant.api.access import app_of
from assistant.kernel.errors import NotFound
from assistant.wiring import App

SCRIPT, STYLE = "deskhand-sidebar.js", "page.css"
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types lit-html; frame-ancestors "
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="deskhand-origins" content="{origins}">
<title>Deskhand</title>
<link rel="stylesheet" href="sidebar/{style}">
<script src="sidebar/{script}" defer></script>
</head>
<body>
<deskhand-sidebar page></deskhand-sidebar>
<noscript>The sidebar needs JavaScript.</noscript>
</body>
</html>
"""
router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    content: bytes
    media_type: str
    digest: str

    def named(self, name: str) -> str:
        """``name`` with the content's hash in it, which a browser may keep for ever."""
        stem, _, ending = name.rpartition(".")
        return f"{stem}.{self.digest}.{ending}"


def frame_origins(app: App, connection_name: str) -> tuple[str, ...]:
    """The origins that may frame the sidebar of ``connection_name``, beside the service's own."""
    general = (origin.strip() for origin in app.settings.sidebar_origins.split(","))
    connection = app.connections.helpdesks.get(connection_name)
    return tuple(dict.fromkeys((*filter(None, general), *(connection.origins if connection else ()))))


@router.get("/sidebar")
def page(request: Request, connection: Annotated[str, Query(max_length=40)] = "") -> HTMLResponse:
    """The page. It learns from its host which ticket is open; see deploy/helpdesks."""
    origins = frame_origins(app_of(request), connection)
    content = _PAGE.format(
        origins=escape(" ".join(origins), quote=True),
        script=asset(SCRIPT).named(SCRIPT),
        style=asset(STYLE).named(STYLE),
    )
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY + " ".join(("'self'", *origins))})


@router.get("/sidebar/{name}")
def asset_file(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """A built file: by its plain name always the newest, by the name with its hash to be kept for ever."""
    return answer_with(name, (SCRIPT, STYLE), if_none_match)


def answer_with(name: str, known: tuple[str, ...], if_none_match: str) -> Response:
    """The one of ``known`` files that ``name`` is, as a cacheable response. Raises NotFound."""
    for plain in known:
        found = asset(plain)
        if name in {plain, found.named(plain)}:
            cache = "no-cache" if name == plain else "public, max-age=31536000, immutable"
            headers = {"Cache-Control": cache, "ETag": f'"{found.digest}"'}
            if if_none_match == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            return Response(found.content, media_type=found.media_type, headers=headers)
    raise NotFound(f"there is no file {name[:80]!r} of the sidebar", fix="Open /sidebar, which names its files.")


@lru_cache(maxsize=8)
def asset(name: str) -> Asset:
    """A file shipped in the package, read once."""
    content = files("assistant.api").joinpath("sidebar", name).read_bytes()
    return Asset(content, _TYPES[name.rpartition(".")[2]], hashlib.sha256(content).hexdigest()[:16])
