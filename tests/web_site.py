"""A small web site on this machine."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebSite:
    """A server with some pages, and a list of what it was asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers)))
                status, headers, body = site.pages.get(self.path, (404, {}, b"Not here."))
                if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                    status, headers, body = 304, {}, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def has(self, path: str, html: str, status: int = 200, kind: str = "text/html", **headers: str) -> None:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": kind, **told}, html.encode())

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]
