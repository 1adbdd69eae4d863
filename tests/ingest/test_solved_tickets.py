"""Solved tickets become documents: question and answer together, nobody's data, nothing that only agents saw."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Audience, Problem
from assistant.stages.redact import mask
from ingest.load import load, root_key
from ingest.parse import parse
from ingest.pipeline import Ingest, ingest
from ingest.sources.source import Source
from ingest.sources.tickets import load_tickets, tickets_root

ASKED = "My Duo shows E4. Mail me at ann@shop.example or call +44 20 7946 0958."
ANSWERED = "E4 means that no water flows. Fill the tank and press Clean."
NOTE = "He is rude, do not tell him of the discount."
ROWS: dict[str, dict[str, object]] = {
    "own": {
        "id": "7", "subject": "E4", "status": "solved",
        "messages": [{"author": "customer", "text": ASKED}, {"author": "agent", "text": ANSWERED}],
    },
    "zendesk": {
        "id": 7, "subject": "E4", "status": "solved", "requester_id": 1,
        "comments": [
            {"author_id": 1, "body": ASKED, "public": True}, {"author_id": 2, "body": NOTE, "public": False},
            {"author_id": 2, "html_body": f"<div><p>{ANSWERED}</p></div>", "body": ANSWERED, "public": True},
        ],
    },
    "freshdesk": {
        "id": 7, "subject": "E4", "status": 5, "description": f"<div>{ASKED}</div>", "description_text": ASKED,
        "conversations": [
            {"body": f"<p>{NOTE}</p>", "incoming": False, "private": True}, {"body": f"<p>{ANSWERED}</p>", "incoming": False, "private": False},
        ],
    },
    "zammad": {
        "id": 3, "number": "7", "title": "E4", "state": "closed",
        "articles": [
            {"sender": "Customer", "body": ASKED, "internal": False}, {"sender": "Agent", "body": NOTE, "internal": True},
            {"sender": "Agent", "body": ANSWERED, "internal": False}, {"sender": "System", "body": "Escalated.", "internal": False},
        ],
    },
    "chatwoot": {
        "id": 7, "status": "resolved",
        "messages": [
            {"content": ASKED, "message_type": 0, "private": False}, {"content": NOTE, "message_type": 1, "private": True},
            {"content": "Ann joined", "message_type": 2}, {"content": ANSWERED, "message_type": 1, "private": False},
        ],
    },
    "intercom": {
        "id": "7", "title": "E4", "state": "closed", "source": {"body": f"<p>{ASKED}</p>", "author": {"type": "user"}},
        "conversation_parts": {"conversation_parts": [
            {"part_type": "note", "body": NOTE, "author": {"type": "admin"}},
            {"part_type": "assignment", "body": None, "author": {"type": "admin"}},
            {"part_type": "comment", "body": f"<p>{ANSWERED}</p>", "author": {"type": "admin"}},
        ]},
    },
}  # fmt: skip


def written(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def read(path: Path) -> tuple[list[Source], list[Problem]]:
    items = list(load_tickets(path, mask))
    return [each for each in items if isinstance(each, Source)], [each for each in items if isinstance(each, Problem)]


@pytest.mark.parametrize("form", ROWS)
def test_each_helpdesk_s_export_is_read(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "tickets.jsonl", ROWS[form])
    (source,), problems = read(path)
    document = parse(source)
    text = "\n".join(block.text for block in document.blocks)
    assert problems == []
    assert text.splitlines() == [
        "Customer:", "My Duo shows E4. Mail me at [email] or call [phone].", "Agent:", ANSWERED,
    ]  # fmt: skip
    assert document.title == ("Solved ticket" if form == "chatwoot" else "E4")
    assert (source.key, source.key.startswith(tickets_root(path))) == (f"tickets:{path.as_uri()}#7", True)


def test_a_table_of_questions_and_answers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(["Ticket ID", "Subject", "Description", "Resolution", "Status"])
        rows.writerow(["7", "E4", ASKED, ANSWERED, "Closed"])
        rows.writerow(["8", "E5", ASKED, "", "Open"])
    (source,), problems = read(path)
    assert problems == []
    assert parse(source).blocks[-1].text == ANSWERED


def test_open_tickets_are_passed_over_and_unanswered_ones_named(tmp_path: Path) -> None:
    unanswered = {"id": "9", "messages": [{"author": "customer", "text": ASKED}]}
    rows = [
        ROWS["own"] | {"id": "8", "status": "open"},
        unanswered,
        ROWS["own"],
        ROWS["own"],
        "{broken",
        {"a": 1},
        [1],
        {"messages": 3},
    ]
    sources, problems = read(written(tmp_path / "tickets.ndjson", *rows))
    assert len(sources) == 1
    assert [(problem.name.rpartition(":")[2], problem.reason.split(";")[0]) for problem in problems] == [
        ("2", "it has no question that an agent answered"), ("4", "its id stands twice"),
        *((str(number), "it is no ticket of a known form with an id") for number in (5, 6, 7, 8)),
    ]  # fmt: skip


def test_no_ticket_s_text_is_in_a_problem(tmp_path: Path) -> None:
    rows = [ROWS["own"] | {"messages": ASKED}, '{"id": "' + ASKED]
    assert all("E4" not in problem.model_dump_json() for problem in read(written(tmp_path / "t.jsonl", *rows))[1])


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.jsonl", b""), ("a.jsonl.gz", b"no gzip"), ("a.jsonl.gz", gzip.compress(b"{}" * 900)[:-9]), ("a.txt", b"text")],
)
def test_what_holds_no_tickets_is_named(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    sources, problems = read(tmp_path)
    assert sources == []
    assert problems
    assert all(problem.covers == f"tickets:{(tmp_path / name).as_uri()}#" for problem in problems)


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        read(tmp_path / "missing")


def test_tickets_and_documents_of_a_folder_do_not_delete_each_other(tmp_path: Path) -> None:
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)
    (tmp_path / "a.md").write_text("# Returns\n\nWithin thirty days.")
    written(tmp_path / "tickets.jsonl", ROWS["own"])
    for _ in range(2):
        ingest(load(tmp_path), "default", Audience.PUBLIC, desk, roots=[root_key(tmp_path)])
        ingest(load_tickets(tmp_path, mask), "default", Audience.INTERNAL, desk, roots=[tickets_root(tmp_path)])
    assert len(desk.store.hashes("default")) == 2
