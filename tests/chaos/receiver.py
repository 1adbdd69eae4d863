"""A receiver of events: checks each signature with the Standard Webhooks library, and keeps what came by its id."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_Y2hhb3MtcmVjZWl2ZXItc2VjcmV0LTAx"


@dataclass
class Receiver:
    """``events`` by webhook-id; ``times`` how often each came; ``forged`` came with a signature that is wrong."""

    url: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    forged: int = 0
    refuse: int = 0
    """So many more are answered with 500, after they were kept: as a receiver does that dies before its answer."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep an event; the status to answer with."""
        number, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
        expected = Webhook(SECRET).sign(number, datetime.fromtimestamp(int(at), UTC), body.decode())
        with self.lock:
            if expected not in headers.get("webhook-signature", "").split():
                self.forged += 1
                return 401
            self.times[number] += 1
            self.events[number] = json.loads(body)
            self.refuse -= 1
            return 500 if self.refuse >= 0 else 204

    def of(self, type_: str) -> list[dict[str, Any]]:
        """The data of each distinct event of a type."""
        with self.lock:
            return [event["data"] for event in self.events.values() if event["type"] == type_]

    def forget(self) -> None:
        with self.lock:
            self.events.clear()
            self.times.clear()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on 127.0.0.1."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response(receiver.take({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """A request a line is of no use here."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
