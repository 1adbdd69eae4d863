"""``deskhand search|draft|summarize|replay``: answers, for a person to read or a machine to parse."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from assistant.cli.batching import TENANT, summarize_file
from assistant.cli.session import EXIT_FAILED, EXIT_PARTLY, console, messages, opened
from assistant.cli.show import show_outcomes, show_passages, show_run, show_summary
from assistant.evaluation.replay import replay as replay_run
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.reply import Reply, reply_of
from assistant.pipeline import answer
from assistant.pipeline import summarize as summarize_ticket
from assistant.stages.retrieve import Said
from assistant.stages.retrieve import search as search_snapshot

Tenant = Annotated[str, typer.Option(help="Whose knowledge base answers.")]
Internal = Annotated[bool, typer.Option("--internal", help="Read and cite internal documents too.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Text = Annotated[str | None, typer.Option(help="The customer's message.")]
Files = Annotated[list[Path] | None, typer.Option("--file", help="A ticket as JSON; may be given several times.")]


def search(
    query: str, tenant: Tenant = "default", internal: Internal = False, limit: int = 5, as_json: AsJson = False
) -> None:
    """Find passages in the knowledge base."""
    with opened() as desk:
        snapshot = desk.index.snapshot(tenant)
        if snapshot is None:
            raise InputError(
                f"tenant {tenant!r} has no documents yet", fix="Run `deskhand ingest PATH`.", field="tenant"
            )
        policy = desk.policy[0].retrieval.model_copy(update={"shown": limit})
        evidence = search_snapshot(
            [Said(query)],
            desk.settings.default_language,
            scope_of(tenant, internal),
            snapshot,
            desk.embedder,
            policy,
            desk.reranker,
        )
    if as_json:
        console.print_json(json.dumps([passage.model_dump(mode="json") for passage in evidence.passages]))
    else:
        show_passages(evidence.passages)


def draft(
    text: Text = None,
    files: Files = None,
    tenant: Tenant = "default",
    internal: Internal = False,
    as_json: AsJson = False,
) -> None:
    """Draft a reply with citations, or hand the ticket to a human. Reads a ticket or plain text from standard input too."""
    tickets = _tickets(text, files)
    with opened() as desk:
        outcomes: list[Reply] = []
        for number, ticket in enumerate(tickets):
            run = answer(ticket, scope_of(tenant, internal), desk.desk)
            desk.runs.record(run)
            outcomes.append(reply_of(run))
            if as_json:
                print(outcomes[-1].model_dump_json(indent=None if len(tickets) > 1 else 2))
            else:
                show_run(run, heading=len(tickets) > 1 and f"{number + 1} of {len(tickets)}")
    if len(outcomes) > 1 and not as_json:
        show_outcomes(outcomes)


def summarize(
    text: Text = None,
    files: Files = None,
    batch: Annotated[Path | None, typer.Option(help="A file of tickets, a JSON object a line.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the rows of a batch go, a JSON object a line.")] = None,
    short: Annotated[bool, typer.Option("--short", help="Show the one sentence alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Summarise a ticket: in a sentence, and what was asked, tried, answered and left open. With --batch: many of them."""
    if batch is not None or out is not None:
        _summarize_batch(batch, out, text=text, files=files)
        return
    tickets = _tickets(text, files)
    with opened() as desk:
        for ticket in tickets:
            summary = summarize_ticket(ticket, TENANT, desk.desk).summary
            if as_json:
                print(summary.model_dump_json(indent=None if len(tickets) > 1 else 2))
            elif short:
                console.print(summary.short.text, markup=False)
            else:
                show_summary(summary)


def _summarize_batch(batch: Path | None, out: Path | None, **others: object) -> None:
    if batch is None or out is None or any(others.values()):
        raise InputError("a batch needs --batch and --out, and neither --text nor --file", field="batch")
    with opened() as desk:
        rows, failed = summarize_file(batch, out, desk)
    messages.print(f"{rows} rows in {out}, {failed} of them errors.")
    if failed:
        raise typer.Exit(EXIT_PARTLY)


def replay(run_id: str, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """Write the drafts of a run again, greedily, and say whether the text is the same."""
    with opened() as desk:
        outcomes = replay_run(desk.runs.find(tenant, run_id), desk.desk)
    if as_json:
        console.print_json(json.dumps([outcome.model_dump(mode="json") for outcome in outcomes]))
    for outcome in outcomes if not as_json else ():
        state = "same text" if outcome.same else f"DIFFERENT from character {outcome.differs_at}"
        console.print(f"{outcome.tier}: {state}. {' '.join(outcome.changed)}".strip(), markup=False)
    if not outcomes:
        messages.print("No model wrote in this run; there is nothing to repeat.")
    if not all(outcome.same for outcome in outcomes):
        raise typer.Exit(EXIT_FAILED)


def scope_of(tenant: str, internal: bool) -> Scope:
    audiences = {Audience.PUBLIC, Audience.INTERNAL} if internal else {Audience.PUBLIC}
    return Scope(tenant=tenant, audiences=frozenset(audiences))


def _tickets(text: str | None, files: list[Path] | None) -> list[Ticket]:
    """The tickets given: by option, by file, or on standard input."""
    if text is not None and files:
        raise InputError("--text and --file were both given", fix="Give one of them.", field="text")
    if text is not None:
        return [_from_text(text)]
    if files:
        return [_from_file(path) for path in files]
    if sys.stdin.isatty():
        raise InputError("there is no ticket", fix="Give --text, --file, or a ticket on standard input.", field="text")
    given = sys.stdin.buffer.read().decode("utf-8", "replace")
    return [_from_json(given, "standard input") if given.lstrip().startswith("{") else _from_text(given)]


def _from_text(text: str) -> Ticket:
    if not text.strip():
        raise InputError("the message is empty", fix="Write what the customer asks.", field="text")
    try:
        return Ticket.from_text(text)
    except ValidationError as error:
        raise InputError(f"the message is not valid: {error.errors()[0]['msg']}", field="text") from error


def _from_file(path: Path) -> Ticket:
    try:
        return _from_json(path.read_bytes().decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", fix="Save it as UTF-8.", field="file") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", fix="Check the path.", field="file") from error


def _from_json(text: str, name: str) -> Ticket:
    try:
        return Ticket.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(
            f"{name} is not a ticket: {place}: {first['msg']}",
            fix='A ticket is {"subject": "…", "messages": [{"author": "customer", "text": "…"}]}.',
            field=place,
        ) from error
