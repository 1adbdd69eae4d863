"""Summaries of dialogues against reference summaries, and beside those of the same model asked plainly: ROUGE-L, support, valid rows."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from assistant.batches.lines import Transcript, parse_line
from assistant.evaluation.metrics import mean, paired_difference, rouge_l
from assistant.kernel.batches import SummaryRow
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.kernel.summary import TicketSummary
from assistant.kernel.value import Value
from assistant.ports import LanguageModel
from assistant.text.retelling import Conversation

PLAINLY = "Summarize the following conversation in one or two sentences.\n\n"
"""What the same model is asked for comparison: without a form, an example, or a check."""
PLAIN_TOKENS = 160
DEADLINE_S = 600.0
WELL_SUPPORTED = 0.5


class SummaryScores(Value):
    """Means over rows. ``rouge_l`` is of the short summary, ``rouge_l_long`` of request, what was tried and answers, ``rouge_l_lead`` of a
    dialogue's first thirty words; each with the best of a row's references, in which speakers go by their part.

    ``statements`` are all that the rows say of their dialogues, ``traced`` the share of those that name a message, ``unsupported`` the share
    with less than half of their words in the whole dialogue, or with a number or name that is not in it. ``left_out`` is the share of what
    the model wrote that the check let fall.
    """

    rows: int
    valid: int
    errors: int
    rouge_l: float
    rouge_l_long: float
    rouge_l_lead: float
    statements: int
    traced: float
    unsupported: float
    left_out: float
    words: float


class PlainComparison(Value):
    """The same rows by the same model, asked plainly; ``gain`` is what ours score more, with its 95 % interval."""

    rows: int
    rouge_l: float
    words: float
    unsupported: float
    gain: float
    gain_low: float
    gain_high: float


class SummariesReport(Value):
    scores: SummaryScores
    plain: PlainComparison | None = None


class Dialogue(NamedTuple):
    source: str
    ticket: Ticket
    references: tuple[str, ...]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Rows of ``{dialogue, summary1, …}`` (DialogSum), or ``{turns: [{role, text}], references: [[sentence, …], …]}`` (TweetSumm).

    Raises InputError that names the line.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read", fix="Check the path; the file must be UTF-8.", field="rows"
        ) from error
    found = [_dialogue(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise InputError(f"{path} holds no dialogues", fix=_FORM, field="rows")
    return found


_FORM = 'Write lines like {"dialogue": "Ann: Hello …\\nBob: …", "summary1": "…"}.'


def _dialogue(line: str, place: str) -> Dialogue:
    try:
        row = json.loads(line)
        if "turns" in row:
            turns = [{"author": turn["role"], "text": turn["text"]} for turn in row["turns"]]
            source = json.dumps({"id": row.get("dialog_id"), "messages": turns}, ensure_ascii=False)
            return Dialogue(source, parse_line(source, "", _no_reference), tuple(map(" ".join, row["references"])))
        references = [str(row[name]) for name in row if re.fullmatch(r"summary\d*", name)]
        speakers = Transcript(dialogue=row["dialogue"]).speakers()
        ticket = parse_line(line, "", _no_reference)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError, InputError) as error:
        raise InputError(f"{place} is not a dialogue ({type(error).__name__})", fix=_FORM, field="rows") from error
    parts = {name: f"the {author}" for name, author in speakers.items() if name.startswith("#")}
    return Dialogue(line, ticket, tuple(_with_parts(reference, parts) for reference in references))


def _with_parts(text: str, parts: dict[str, str]) -> str:
    """Speakers without a name, ``#Person1#``, by the part that they have in the ticket."""
    for name, part in parts.items():
        text = text.replace(name, part)
    return text


def _no_reference(*_: object) -> Ticket:
    raise InputError("a dialogue cannot name a ticket elsewhere")


def score(dialogues: Sequence[Dialogue], rows: Sequence[str]) -> SummaryScores:
    """Compare output lines with the dialogues they belong to, in order. Raises InputError unless there is a row for each."""
    parsed = [row for row in map(_parsed, rows) if row is not None]
    if len(parsed) != len(dialogues):
        raise InputError(
            f"{len(dialogues)} dialogues have {len(parsed)} valid rows",
            fix="Finish the batch with this version of Deskhand first: run `deskhand summarize --batch` again.",
            field="rows",
        )
    pairs = [
        (dialogue, row.summary) for dialogue, row in zip(dialogues, parsed, strict=True) if row.summary is not None
    ]
    points = [(one, point) for one, summary in pairs for point in summary.points()]
    fell = sum(summary.unsupported for _, summary in pairs)
    return SummaryScores(
        rows=len(rows),
        valid=len(parsed),
        errors=sum(row.error is not None for row in parsed),
        rouge_l=_rounded(_best(summary.short.text, one) for one, summary in pairs),
        rouge_l_long=_rounded(_best(_retold(summary), one) for one, summary in pairs),
        rouge_l_lead=_rounded(_best(_lead(one), one) for one, _ in pairs),
        statements=len(points),
        traced=_rounded(bool(point.messages) for _, point in points),
        unsupported=_rounded(_unsupported(point.text, one) for one, point in points),
        left_out=round(fell / (fell + len(points)), 4) if points else 0.0,
        words=_rounded(len(summary.short.text.split()) for _, summary in pairs),
    )


def compare_plain(dialogues: Sequence[Dialogue], rows: Sequence[str], plain: Sequence[str]) -> PlainComparison:
    """``plain`` are the same model's summaries of all ``dialogues``; those that have one by us count. Raises InputError when none has."""
    pairs = [
        (one, row.summary, text)
        for one, row, text in zip(dialogues, map(_parsed, rows), plain, strict=True)
        if row is not None and row.summary is not None
    ]
    if not pairs:
        raise InputError("no row has a summary", fix="Look at the errors in the rows.", field="rows")
    theirs = [_best(text, one) for one, _, text in pairs]
    gain = paired_difference(theirs, [_best(summary.short.text, one) for one, summary, _ in pairs])
    return PlainComparison(
        rows=len(pairs),
        rouge_l=_rounded(theirs),
        words=_rounded(len(text.split()) for _, _, text in pairs),
        unsupported=_rounded(_unsupported(text, one) for one, _, text in pairs),
        gain=round(gain.mean, 4),
        gain_low=round(gain.low, 4),
        gain_high=round(gain.high, 4),
    )


def ask_plainly(ticket: Ticket, model: LanguageModel, tenant: str) -> str:
    """What ``model`` makes of the ticket when nothing helps it. Raises as it does."""
    said = "\n".join(f"{message.author}: {message.text}" for message in ticket.messages)
    asked = (ChatMessage(role="user", content=PLAINLY + said),)
    stream = model.stream(asked, Sampling(max_tokens=PLAIN_TOKENS), tenant=tenant, deadline_s=DEADLINE_S)
    return run_to_end(stream, lambda _: None).text


def _parsed(row: str) -> SummaryRow | None:
    try:
        return SummaryRow.model_validate_json(row)
    except ValidationError:
        return None


def _retold(summary: TicketSummary) -> str:
    return " ".join(point.text for point in (summary.request, *summary.tried, *summary.answers))


def _lead(one: Dialogue) -> str:
    """The first thirty words: what a summary must beat to be worth a model."""
    return " ".join("\n".join(message.text for message in one.ticket.messages).split()[:30])


def _unsupported(text: str, one: Dialogue) -> bool:
    told = Conversation(one.ticket.subject, one.ticket.messages, "en")
    return told.share(text) < WELL_SUPPORTED or bool(told.missing(text))


def _best(text: str, one: Dialogue) -> float:
    return max((rouge_l(text, reference) for reference in one.references), default=0.0)


def _rounded(values: Iterable[float]) -> float:
    return round(mean(list(values)), 4)
