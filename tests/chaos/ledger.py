"""Counts what arrived where it should have: the snapshot, the helpdesk, the receiver, the batches' results.

The job table is asked only whether anything is left, and how much there was.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assistant.adapters.snapshot.manifest import read_manifest
from assistant.adapters.snapshot.reader import Parts
from assistant.batches.lines import digest
from assistant.kernel.helpdesks import writing_key
from tests.chaos.receiver import Receiver
from tests.chaos.service import Service
from tests.chaos.traffic import CONNECTION, Sent

_RUN = re.compile(r"run (\w{12})")


@dataclass
class Tally:
    """``evidence`` names by id whatever is wrong; none of it is a ticket's text."""

    jobs: int = 0
    lost: int = 0
    doubled: int = 0
    dead: int = 0
    again: int = 0
    """Jobs that were claimed more than once."""
    given_up: int = 0
    """Rows of batches that ended as an error of the model."""
    evidence: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.dead)

    def expect(self, what: str, found: int, least: int = 1, most: int = 1) -> None:
        """``found`` things must be between ``least`` and ``most``."""
        self.lost += max(0, least - found)
        self.doubled += max(0, found - most)
        if not least <= found <= most:
            self.evidence.append(f"{what}: {found} instead of {least if least == most else f'{least} to {most}'}")


def count(service: Service, receiver: Receiver, sent: Sent, state: dict[str, Any], before: int) -> Tally:
    """Lost, doubled and dead, by what can be seen from outside. The first ``before`` jobs are not of this count."""
    tally = Tally()
    _jobs(tally, service, sent, before)
    _documents(tally, service, sent)
    runs = _notes(tally, sent, state)
    _events(tally, receiver, sent, runs)
    _rows(tally, service, sent)
    return tally


def _jobs(tally: Tally, service: Service, sent: Sent, before: int) -> None:
    query = "SELECT id, name, state, attempt, detail FROM job ORDER BY rowid LIMIT -1 OFFSET ?"
    jobs = service.rows(query, before)
    dead = [job for job in jobs if job[2] == "dead"]
    tally.jobs, tally.again = len(jobs), sum(job[3] > 1 for job in jobs)
    tally.dead = abs(len(dead) - len(sent.poison))
    tally.evidence += [f"dead: {job}" for job in dead if tally.dead]
    for job in jobs:
        if job[2] in {"queued", "running"}:
            tally.expect(f"unfinished: {job}", 1, least=0, most=0)


def _documents(tally: Tally, service: Service, sent: Sent) -> None:
    """Each document is listed once, is in the newest snapshot once, and is found by a word only it holds."""
    with service.client() as client:
        listed: Counter[str] = Counter()
        after: str | None = ""
        while after is not None:
            page = client.get("/v1/documents", params={"limit": 500, "after": after}).json()
            listed.update(document["key"] for document in page["documents"])
            after = page["next"]
        for name, word in sent.documents.items():
            tally.expect(f"document {name} in the list", listed[f"upload:{name}"])
            found = client.get("/v1/search", params={"q": word, "limit": 3}).json()["passages"]
            hits = [passage for passage in found if word in passage["text"]]
            tally.expect(f"passage of {name} found by its word", len(hits))
    for what, found in _chunks(service, sent):
        tally.expect(what, found)


def _chunks(service: Service, sent: Sent) -> Iterator[tuple[str, int]]:
    """How often the marked chunk of each document lives in the newest snapshot's own files."""
    home = service.data / "snapshots" / "default"
    if not sent.documents:
        return
    manifest = read_manifest(home / (home / "CURRENT").read_text().strip())
    chunks = [chunk for live in Parts(home).open(manifest) for document in live.indexed() for chunk in document.chunks]
    for name, word in sent.documents.items():
        marked = [chunk for chunk in chunks if chunk.document_key == f"upload:{name}" and word in chunk.text]
        yield f"chunk of {name} in the snapshot", len(marked)


def _notes(tally: Tally, sent: Sent, state: dict[str, Any]) -> list[str]:
    """Every last message has one note with its key, an earlier one at most one. Returns the runs the notes name."""
    runs, known = [], set()
    for said in sent.said:
        key = writing_key(CONNECTION, said.ticket, said.entry)
        known.add(key)
        entries = state["tickets"][said.ticket]["entries"]
        notes = [entry for entry in entries if not entry["public"] and key in entry["body"]]
        tally.expect(f"note {key} at ticket {said.ticket}", len(notes), least=int(said.last))
        runs += [match.group(1) for note in notes[:1] if (match := _RUN.search(note["body"]))]
    mine = {said.ticket for said in sent.said}
    replies = sum(ticket["replies"] for number, ticket in state["tickets"].items() if number in mine)
    tally.expect("public replies", replies, least=sent.answered, most=sent.answered)
    for number in mine:
        ticket = state["tickets"][number]
        strange = [e["id"] for e in ticket["entries"] if not e["public"] and not any(k in e["body"] for k in known)]
        tally.expect(f"notes nobody asked for at ticket {number}", len(strange), least=0, most=0)
    return runs


def _events(tally: Tally, receiver: Receiver, sent: Sent, runs: list[str]) -> None:
    """Each note and each batch was told by one event; the receiver knows repetitions by the event's id."""
    told = Counter(
        data["reply"]["run_id"][:12] for type_ in ("draft.ready", "handoff.created") for data in receiver.of(type_)
    )
    finished = Counter(data["id"] for data in receiver.of("batch.finished"))
    for run in runs:
        tally.expect(f"event of run {run}", told[run])
    for batch in sent.batches:
        tally.expect(f"event of batch {batch}", finished[batch])
    tally.expect("events about other runs", len(set(told) - set(runs)), least=0, most=0)
    tally.expect("events with a wrong signature", receiver.forged, least=0, most=0)


def _rows(tally: Tally, service: Service, sent: Sent) -> None:
    """Each line of a batch has one result that carries its hash."""
    for batch, lines in sent.batches.items():
        with service.client() as client:
            text = client.get(f"/v1/summaries/batches/{batch}/results").text
        results = [json.loads(line) for line in text.splitlines()]
        found = Counter((row["line"], row["input_sha256"]) for row in results)
        for number, line in enumerate(lines, 1):
            tally.expect(f"row {number} of batch {batch}", found[(number, digest(line))])
        tally.given_up += sum(1 for row in results if row["error"] and row["error"]["kind"] == "model")
