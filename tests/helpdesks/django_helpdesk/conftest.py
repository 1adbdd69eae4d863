"""The adapter against the real django-helpdesk, with its real webhooks, mailbox and outgoing mail; one for all tests."""

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assistant.adapters.helpdesks.django_helpdesk import PATH_SECRET, DjangoHelpdesk
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskKind
from tests.helpdesk_site.running import RunningHelpdesk, running_helpdesk

SECRET = "b7c1f0a94e6d4c1c8a32"
MAUREEN = "maureen@customers.example"
QUESTION = "The display on my Duo keeps telling me to descale. How many sachets do I need?\n\nThanks\nMaureen"


class Listener:
    """Takes webhooks as Deskhand's API route does: the last segment of the address goes into a header."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                headers[PATH_SECRET] = self.path.rsplit("/", 1)[1]
                listener.deliveries.put(Delivery(headers=headers, body=body, received_at=datetime.now(UTC)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/webhooks/demo/{SECRET}"

    def next(self) -> Delivery:
        return self.deliveries.get(timeout=30)

    def forget(self) -> None:
        """Drop what came so far. The helpdesk delivers before it answers, so nothing earlier is still on its way."""
        while not self.deliveries.empty():
            self.deliveries.get()


@pytest.fixture(scope="package")
def shared_listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, daemon=True)
    thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()
    thread.join()


@pytest.fixture
def listener(shared_listener: Listener) -> Listener:
    shared_listener.forget()
    return shared_listener


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, shared_listener: Listener) -> Iterator[RunningHelpdesk]:
    with running_helpdesk(tmp_path_factory.mktemp("helpdesk"), shared_listener.url) as running:
        yield running


def connection(site: RunningHelpdesk, **changes: str) -> Connection:
    values = {"url": site.url, "user": site.deskhand.user, "token": site.deskhand.password, "secret": SECRET}
    return Connection(name="demo", kind=HelpdeskKind.DJANGO_HELPDESK, **(values | changes))


@pytest.fixture(scope="package")
def desk(site: RunningHelpdesk) -> DjangoHelpdesk:
    return DjangoHelpdesk(connection(site))


def ask(site: RunningHelpdesk, text: str = QUESTION) -> int:
    return site.create_ticket("Descaling the Duo", text, MAUREEN)


def reply_by_mail(site: RunningHelpdesk, ticket_id: int, text: str, cc: tuple[str, ...] = ()) -> None:
    site.mail(f"Re: [coffee-{ticket_id}] Descaling the Duo", text, MAUREEN, cc)
