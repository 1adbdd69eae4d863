"""Helpdesks to test against, over real HTTP: one vendor a server, strict about what it is sent.

In a test: ``with running("zammad") as desk: …`` then ``desk.url``, ``desk.tickets``, ``desk.requests``.
From a shell: ``python -m tests.helpdesks.server zammad --port 8101`` prints the address. Beside the vendor's
own paths each server has, without any authentication:

    GET  /_state                     all tickets with their entries, notes and replies counted
    POST /_tickets                   {"subject", "text", "tags"?, "status"?, "channel"?} → {"id"}
    POST /_tickets/{id}/entries      {"author", "text", "public"?} → {"id"}
    POST /_faults                    {"status", "times"?, "retry_after"?, "path_part"?}; 0 hangs, -1 breaks off after work
"""

import argparse
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.helpdesks import chatwoot_desk, freshdesk_desk, zammad_desk, zendesk_desk
from tests.helpdesks.desk import DROP, HANG, Call, FakeDesk, Reject

_VENDORS = {"zammad": zammad_desk, "chatwoot": chatwoot_desk, "zendesk": zendesk_desk, "freshdesk": freshdesk_desk}
VENDORS = tuple(_VENDORS)


class _BrokenOff(Response):
    """Promises a body and breaks off before it, as a server does that dies after its work."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


def create_app(desk: FakeDesk) -> Starlette:
    """A vendor's REST over what ``desk`` holds."""

    async def vendor(request: Request) -> Response:
        call = await _call(request)
        desk.requests.append(call)
        fault = desk.fault_for(call.path)
        if fault is not None and fault.status == HANG:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response(status_code=504)
        if fault is not None and fault.status != DROP:
            return JSONResponse({"error": "as told"}, fault.status, dict(fault.headers))
        status, body = _answer(desk, call)
        return _BrokenOff() if fault is not None else JSONResponse(body, status)

    async def state(_: Request) -> Response:
        return Response(json.dumps(desk.state(), default=str), media_type="application/json")

    async def add_ticket(request: Request) -> Response:
        ticket = desk.add_ticket(**await request.json())
        return JSONResponse({"id": str(ticket.id)}, 201)

    async def add_entry(request: Request) -> Response:
        entry = desk.say(request.path_params["number"], **await request.json())
        return JSONResponse({"id": str(entry.id)}, 201)

    async def add_fault(request: Request) -> Response:
        told: dict[str, Any] = await request.json()
        headers = {"Retry-After": str(told["retry_after"])} if "retry_after" in told else {}
        desk.answer_next(told["status"], headers, times=told.get("times", 1), path_part=told.get("path_part", ""))
        return JSONResponse({}, 201)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            Route("/_state", state),
            Route("/_tickets", add_ticket, methods=["POST"]),
            Route("/_tickets/{number}/entries", add_entry, methods=["POST"]),
            Route("/_faults", add_fault, methods=["POST"]),
            Route("/{path:path}", vendor, methods=methods),
        ]
    )


async def _call(request: Request) -> Call:
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = None
    headers: Mapping[str, str] = dict(request.headers)
    return Call(request.method, request.url.path, (), dict(request.query_params), headers, body)


def _answer(desk: FakeDesk, call: Call) -> tuple[int, Any]:
    vendor = _VENDORS[desk.vendor]
    try:
        vendor.check(call)
        for method, pattern, handler in vendor.ROUTES:
            if method == call.method and (found := re.fullmatch(pattern, call.path)):
                parts = Call(call.method, call.path, found.groups(), call.query, call.headers, call.body)
                answer: tuple[int, Any] = handler(desk, parts)
                return answer
    except Reject as rejected:
        return rejected.status, {"error": rejected.said}
    return 404, {"error": "no such address"}


@contextmanager
def running(vendor: str, port: int = 0, log_level: str = "error") -> Iterator[FakeDesk]:
    """A server of this vendor on 127.0.0.1, on a thread of its own; its desk can be read and changed meanwhile.

    ``log_level`` "critical" keeps it from telling of each connection it was made to break off.
    """
    listener = socket.create_server(("127.0.0.1", port))
    desk = FakeDesk(vendor=vendor, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(create_app(desk), log_level=log_level, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A helpdesk to test against.")
    parser.add_argument("vendor", choices=VENDORS)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    with running(chosen.vendor, chosen.port) as desk:
        print(desk.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
