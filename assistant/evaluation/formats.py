"""Questions and relevance judgements from files: JSON lines and TSV, as BEIR and mtRAG write them."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from assistant.kernel.conversation import Message, Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.value import Value

Answerability = Literal["answerable", "partial", "unanswerable", "underspecified", "conversational", "unknown"]
_ANSWERABILITY: dict[str, Answerability] = {
    "ANSWERABLE": "answerable",
    "PARTIAL": "partial",
    "UNANSWERABLE": "unanswerable",
    "UNDERSPECIFIED": "underspecified",
    "CONVERSATIONAL": "conversational",
}


class Query(Value):
    """A labelled question as a ticket. ``reference`` is an answer a person wrote, or empty."""

    id: str
    ticket: Ticket
    answerability: Answerability
    reference: str


def read_queries(path: Path) -> list[Query]:
    """Lines of ``{_id, text | scenario, history?: [{role, text}], answerability?, reference?}``.

    Raises InputError with the line that is wrong.
    """
    queries = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = json.loads(line)
            queries.append(_query(row))
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            raise InputError(
                f"{path}:{number} is not a question ({type(error).__name__})",
                fix='Write lines like {"_id": "1", "text": "…"}.',
                field="queries",
            ) from error
    return queries


def read_qrels(path: Path) -> dict[str, dict[str, float]]:
    """Query id → document id → gain, from tab-separated ``query-id corpus-id score`` with or without a header."""
    qrels: dict[str, dict[str, float]] = defaultdict(dict)
    for number, row in enumerate(csv.reader(_lines(path), delimiter="\t"), start=1):
        if number == 1 and row[-1:] == ["score"]:
            continue
        try:
            qrels[row[0]][row[-2]] = float(row[-1])
        except (IndexError, ValueError) as error:
            raise InputError(f"{path}:{number} is not query, document and score", field="qrels") from error
    return dict(qrels)


def _query(row: dict[str, object]) -> Query:
    text = row.get("text") or row["scenario"]
    history = row.get("history") or []
    if not isinstance(text, str) or not isinstance(history, list):
        raise TypeError("text and history")
    turns = [Message(author=_author(turn), text=turn["text"]) for turn in history]
    label = row.get("answerability") or "unknown"
    label = label[0] if isinstance(label, list) else label
    return Query(
        id=str(row["_id"]),
        ticket=Ticket(messages=(*turns, Message(author="customer", text=text))),
        answerability=_ANSWERABILITY.get(str(label).upper(), "unknown"),
        reference=str(row.get("reference") or row.get("reference_answer") or row.get("answer") or ""),
    )


def _author(turn: dict[str, str]) -> Literal["customer", "agent"]:
    return "customer" if turn.get("role", turn.get("author")) in ("user", "customer") else "agent"


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read", fix="Check the path; the file must be UTF-8.") from error
