"""Starts the real helpdesk in a process of its own, and does there what customers and agents do."""

import email
import email.policy
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from selectolax.lexbor import LexborHTMLParser, LexborNode

PROJECT = Path(__file__).parents[2]
RESOLVED, CLOSED = 3, 4


@dataclass(frozen=True)
class Login:
    user: str
    password: str


@dataclass(frozen=True)
class RunningHelpdesk:
    """One helpdesk that runs. ``deskhand`` and ``agent`` are staff users."""

    url: str
    data: Path
    deskhand: Login
    agent: Login
    process: "subprocess.Popen[str]"

    def create_ticket(self, subject: str, text: str, email: str) -> int:
        """A customer's ticket, through the public form; its number."""
        with httpx2.Client(base_url=self.url) as browser:
            form = browser.get("/tickets/submit/")
            queue = re.search(r'<option value="(\d+)"[^>]*>Coffee support', form.text)
            hidden = re.search(r'name="queue" value="(\d+)"', form.text)
            found = queue or hidden
            assert found, "the public form offers no queue"
            answer = browser.post(
                "/tickets/submit/",
                data={
                    "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                    "queue": found[1],
                    "title": subject,
                    "body": text,
                    "submitter_email": email,
                    "priority": "3",
                },
            )
        assert answer.status_code == 302, f"the form was refused with {answer.status_code}"
        return int(parse_qs(urlsplit(answer.headers["Location"]).query)["ticket"][0].rsplit("-", 1)[1])

    def mail(self, subject: str, text: str, sender: str, cc: Sequence[str] = ()) -> None:
        """A customer's e-mail. With ``[coffee-7]`` in the subject it belongs to ticket 7, else it opens one."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, "support@fernhill.example", subject
        message["Message-ID"] = f"<{uuid.uuid4()}@mail.example>"
        if cc:
            message["Cc"] = ", ".join(cc)
        message.set_content(text)
        (self.data / "mailbox" / f"{uuid.uuid4()}.eml").write_bytes(bytes(message))
        self._tell("fetch-mail", "fetched")
        left = list((self.data / "mailbox").iterdir())
        assert not left, "the helpdesk did not take the mail"

    def agent_writes(self, ticket_id: int, text: str, *, public: bool = True, status: int | None = None) -> int:
        """What the agent does in the browser; the follow-up's number."""
        body = {"ticket": ticket_id, "comment": text, "public": public}
        with self.as_agent() as api:
            answer = api.post("/api/followups/", json=body | ({} if status is None else {"new_status": status}))
        assert answer.status_code == 201, answer.text[:500]
        return int(answer.json()["id"])

    def followups(self, ticket_id: int) -> list[dict[str, Any]]:
        """All of a ticket's follow-ups, oldest first, as the REST API shows them."""
        return sorted(self.ticket(ticket_id)["followup_set"], key=lambda followup: (followup["date"], followup["id"]))

    def as_shown(self, ticket_id: int, title: str) -> LexborNode:
        """The newest follow-up with this title as the agent sees it on the ticket's page: its comment's element."""
        with self.browser() as browser:
            page = LexborHTMLParser(browser.get(f"/tickets/{ticket_id}/").text)
        items = [
            item for item in page.css("#followup-list > li") if title in (h6.text(strip=True) for h6 in item.css("h6"))
        ]
        assert items, f"ticket {ticket_id} shows no follow-up {title!r}"
        comment = items[-1].css_first("div.mt-3")
        assert comment is not None, f"the follow-up {title!r} of ticket {ticket_id} has no text"
        return comment

    def ticket(self, ticket_id: int) -> dict[str, Any]:
        with self.as_agent() as api:
            answer = api.get(f"/api/tickets/{ticket_id}/")
        assert answer.status_code == 200
        return dict(answer.json())

    def emails(self) -> list[EmailMessage]:
        """What the helpdesk sent, oldest first."""
        messages = []
        for file in sorted((self.data / "sent").glob("*.log"), key=lambda path: path.stat().st_mtime_ns):
            parts = re.split(rb"^-{79}\n", file.read_bytes(), flags=re.MULTILINE)
            messages += [email.message_from_bytes(part, policy=email.policy.default) for part in parts if part.strip()]
        return messages

    def as_agent(self) -> httpx2.Client:
        """The REST API as the agent."""
        return httpx2.Client(base_url=self.url, auth=(self.agent.user, self.agent.password))

    @contextmanager
    def browser(self) -> Iterator[httpx2.Client]:
        """A browser in which the agent is logged in."""
        with httpx2.Client(base_url=self.url, follow_redirects=True) as browser:
            browser.get("/login/")
            token = browser.cookies["csrftoken"]
            form = {"csrfmiddlewaretoken": token, "username": self.agent.user, "password": self.agent.password}
            assert browser.post("/login/", data=form).status_code == 200
            yield browser

    def _tell(self, command: str, answer: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == answer


@contextmanager
def running_helpdesk(
    data: Path, webhook_url: str, *, port: int = 0, sidebar: str = "", mail_everything: bool = False
) -> Iterator[RunningHelpdesk]:
    """The helpdesk with its data in ``data``, telling ``webhook_url`` of tickets and follow-ups; ended at the end.

    With ``mail_everything`` its operator chose to tell the customer of private changes too.
    """
    options = ["--data", str(data), "--webhook", webhook_url, "--port", str(port), "--sidebar", sidebar]
    options += ["--mail-everything"] if mail_everything else []
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpdesk_site", *options],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for whoever runs this, which then ends it.
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        if not ready:
            raise RuntimeError(
                f"the helpdesk did not start (exit {process.wait(timeout=30)}): see above, or another port"
            )
        said = json.loads(ready)
        deskhand, agent = (Login(said[who]["user"], said[who]["password"]) for who in ("deskhand", "agent"))
        yield RunningHelpdesk(url=said["url"], data=data, deskhand=deskhand, agent=agent, process=process)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
