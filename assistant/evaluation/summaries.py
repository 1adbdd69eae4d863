"""Batches of dialogues against reference summaries: ROUGE-L, support by the dialogue, valid rows, rows a minute."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from pydantic import ValidationError

from assistant.batches.lines import parse_line
from assistant.evaluation.metrics import rouge_l
from assistant.kernel.batches import SummaryRow
from assistant.kernel.conversation import TicketSummary
from assistant.kernel.errors import InputError
from assistant.kernel.value import Value
from assistant.text.words import content_stems


class SummaryScores(Value):
    """Means over rows. ``rouge_l`` takes the best of a row's references; ``support`` is the share of the content
    words of a summary that stand in its dialogue, and ``unsupported_items`` the share of its list items with
    less than half of theirs there.
    """

    rows: int
    valid: int
    errors: int
    rouge_l: float
    rouge_l_lead: float
    support: float
    unsupported_items: float
    words: float


class Dialogue(NamedTuple):
    source: str
    references: tuple[str, ...]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Rows with ``dialogue`` and ``summary1`` … or ``summary``. Raises InputError."""
    try:
        return [_dialogue(json.loads(line), line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a file of dialogues: {error}", field="dialogues") from error


def score(dialogues: Sequence[Dialogue], rows: Sequence[str]) -> SummaryScores:
    """Compare output lines with the dialogues they belong to, in order."""
    parsed = [row for row in map(_parsed, rows) if row is not None]
    if len(parsed) != len(dialogues):
        raise InputError(f"{len(dialogues)} dialogues have {len(parsed)} valid rows", fix="Finish the batch first.")
    pairs = [
        (dialogue, row.summary, _text(dialogue))
        for dialogue, row in zip(dialogues, parsed, strict=True)
        if row.summary is not None
    ]
    items = [_support(item, text) for _, summary, text in pairs for item in (*summary.done, *summary.open_questions)]
    return SummaryScores(
        rows=len(rows),
        valid=len(parsed),
        errors=sum(row.error is not None for row in parsed),
        rouge_l=_mean(_best(prose(summary), dialogue.references) for dialogue, summary, _ in pairs),
        rouge_l_lead=_mean(_best(_lead(text), dialogue.references) for dialogue, _, text in pairs),
        support=_mean(_support(_all(summary), text) for _, summary, text in pairs),
        unsupported_items=_mean(value < 0.5 for value in items),
        words=_mean(len(prose(summary).split()) for _, summary, _ in pairs),
    )


def _parsed(row: str) -> SummaryRow | None:
    try:
        return SummaryRow.model_validate_json(row)
    except ValidationError:
        return None


def prose(summary: TicketSummary) -> str:
    """What of a summary retells the conversation."""
    return " ".join((summary.customer_request, *summary.done))


def _all(summary: TicketSummary) -> str:
    return " ".join((summary.customer_request, *summary.done, *summary.open_questions, summary.next_step))


def _dialogue(row: Mapping[str, Any], line: str) -> Dialogue:
    names = [name for name in row if name.startswith("summary")]
    return Dialogue(line, tuple(str(row[name]) for name in names))


def _text(dialogue: Dialogue) -> str:
    ticket = parse_line(dialogue.source, "", _no_reference)
    return "\n".join(message.text for message in ticket.messages)


def _no_reference(*_: object) -> Any:
    raise InputError("a dialogue cannot name a ticket elsewhere")


def _lead(text: str) -> str:
    """The first thirty words: what a summary must beat to be worth a model."""
    return " ".join(text.split()[:30])


def _support(claim: str, text: str) -> float:
    stems, known = content_stems(claim), set(content_stems(text))
    return sum(stem in known for stem in stems) / len(stems) if stems else 1.0


def _best(text: str, references: Sequence[str]) -> float:
    return max((rouge_l(text, reference) for reference in references), default=0.0)


def _mean(values: Iterator[float]) -> float:
    listed = list(values)
    return round(mean(listed), 4) if listed else 0.0
