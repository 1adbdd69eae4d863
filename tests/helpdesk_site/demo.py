"""`make demo-helpdesk`: the helpdesk and Deskhand side by side, and three tickets answered through a webhook.

With DEMO_ONCE=1 it ends when all three have their note, else with Ctrl-C. Both keep their data, so that each run
adds three tickets; passwords, the secret and the connections file are new each time.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx2

from assistant.adapters.helpdesks.django_helpdesk import TITLE, DjangoHelpdesk
from assistant.kernel.helpdesks import Connection
from assistant.ports import Helpdesk
from tests.helpdesk_site.running import PROJECT, RunningHelpdesk, running_helpdesk

DESKHAND = Path(sys.executable).with_name("deskhand")
TICKETS = {
    "01-descale-duo.json": "maureen@customers.example",
    "07-it-does-not-work.json": "sam@customers.example",
    "10-angry-call-refund.json": "d.farrow@customers.example",
}
"""A ticket that gets an answer, one that gets a question back, and one for a person."""
READY_WITHIN_S, ANSWERED_WITHIN_S, LOOK_EVERY_S = 300, 900, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.helpdesk_site.demo")
    parser.add_argument("--data", type=Path, default=PROJECT / "build" / "demo-helpdesk")
    parser.add_argument("--helpdesk-port", type=int, default=8040)
    parser.add_argument("--deskhand-port", type=int, default=8030)
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.suppress(KeyboardInterrupt):
        run(options.data, options.helpdesk_port, f"http://127.0.0.1:{options.deskhand_port}")


def run(data: Path, helpdesk_port: int, deskhand_url: str) -> None:
    secret, connections = secrets.token_urlsafe(24), data / "connections.toml"
    webhook = f"{deskhand_url}/v1/webhooks/demo/{secret}"
    sidebar = f"{deskhand_url}/sidebar?connection=demo"
    with running_helpdesk(data / "helpdesk", webhook, port=helpdesk_port, sidebar=sidebar) as site:
        write_connections(connections, site, secret)
        helpdesk = DjangoHelpdesk(load_connection(connections))
        with running_deskhand(deskhand_url, connections) as deskhand:
            numbers = {create(site, file, sender): file for file, sender in TICKETS.items()}
            say(f"Three tickets are in {site.url}. Deskhand was told of them and writes (a minute or two)")
            for number, file in numbers.items():
                say(f"Ticket {number} ({file}): Deskhand's note in the helpdesk")
                print(wait_for_note(site, number, helpdesk, deskhand))
            tell_where(site, deskhand_url, list(numbers), connections)
            if os.environ.get("DEMO_ONCE") != "1":
                deskhand.wait()


def load_connection(path: Path) -> Connection:
    return Connection(name="demo", **tomllib.loads(path.read_text(encoding="utf-8"))["helpdesks"]["demo"])


def create(site: RunningHelpdesk, file: str, sender: str) -> int:
    ticket = json.loads((PROJECT / "deploy" / "demo" / "tickets" / file).read_text(encoding="utf-8"))
    return site.create_ticket(ticket["subject"], ticket["messages"][0]["text"], sender)


def write_connections(path: Path, site: RunningHelpdesk, secret: str) -> None:
    """The file an operator would write by hand, readable to this user only."""
    values = {
        "kind": "django-helpdesk",
        "tenant": "default",
        "url": site.url,
        "user": site.deskhand.user,
        "token": site.deskhand.password,
        "secret": secret,
        "handoff_group": "People",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(["[helpdesks.demo]", *lines, f'origins = ["{site.url}"]', ""]), encoding="utf-8")


@contextlib.contextmanager
def running_deskhand(url: str, connections: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`deskhand serve`, ready to answer."""
    env = os.environ | {"DESKHAND_CONNECTIONS": str(connections)}
    log = connections.with_name("deskhand.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [DESKHAND, "serve", "--port", url.rsplit(":", 1)[1]], env=env, stdout=output, stderr=output, cwd=PROJECT
        )
    try:
        wait_until_ready(url, process, log)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(LOOK_EVERY_S)
    sys.exit(f"Deskhand is not ready at {url}: see {log}")


def wait_for_note(site: RunningHelpdesk, number: int, helpdesk: Helpdesk, deskhand: "subprocess.Popen[bytes]") -> str:
    """What the agent reads at the ticket once Deskhand has written its note, with the queue it is in then."""
    end = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < end and deskhand.poll() is None:
        ticket = helpdesk.read(str(number))
        if any(entry.author == "agent" and not entry.public for entry in ticket.entries):
            text = site.as_shown(number, TITLE).text().replace("\u2060", "").strip()
            return f"{text}\n\n(The ticket is in the queue {ticket.group}.)"
        time.sleep(LOOK_EVERY_S)
    sys.exit(f"ticket {number} has no note: see deskhand.log beside the helpdesk's data")


def tell_where(site: RunningHelpdesk, deskhand_url: str, numbers: list[int], connections: Path) -> None:
    say("Both pages")
    print(
        f"The helpdesk:     {site.url}/tickets/{numbers[0]}/  (user {site.agent.user}, password {site.agent.password})"
    )
    print(f"Side by side:     {site.url}/side-by-side/{numbers[0]}/  (same login)")
    print(f"Deskhand's API:   {deskhand_url}/docs")
    command = [str(DESKHAND), "sidebar", "code", "--agent", "Joanna", "--connection", "demo"]
    env = os.environ | {"DESKHAND_CONNECTIONS": str(connections)}
    made = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=PROJECT)
    if made.returncode == 0:
        print(
            f"Sidebar's login:  {made.stdout.strip()}  (a code that works once; {deskhand_url}/sidebar?connection=demo)"
        )
    else:
        print(f"Sidebar's login:  no code could be made: {made.stderr.strip()[:500]}")
    if os.environ.get("DEMO_ONCE") != "1":
        print("\nWrite a ticket yourself at the helpdesk's address, logged out. Ctrl-C ends both.")


def say(line: str) -> None:
    print(f"\n\033[1m{line}\033[0m", flush=True)


if __name__ == "__main__":
    main()
