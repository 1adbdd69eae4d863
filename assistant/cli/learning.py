"""``deskhand feedback|gaps``: what people said of drafts, as training data; and what the knowledge base lacks."""

import itertools
import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.answering import AsJson, Tenant
from assistant.cli.session import messages, opened
from assistant.cli.show_learning import (
    show_feedback,
    show_feedback_list,
    show_findings,
    show_proposal,
    show_proposals,
    show_summary,
    show_tally,
)
from assistant.cli.writing import written_whole
from assistant.kernel.errors import InputError, NotFound
from assistant.kernel.knowledge import Audience
from assistant.kernel.learning import VERDICTS, ArticleProposal, ProposalState
from assistant.learning.decisions import MAX_ARTICLE_CHARS
from assistant.learning.decisions import approve as approve_proposal
from assistant.learning.decisions import reject as reject_proposal
from assistant.learning.export import Tally, export
from assistant.learning.gaps import MIN_TICKETS, find_gaps, propose_articles
from assistant.learning.summary import summarize_feedback
from assistant.wiring import App

feedback = typer.Typer(help="What people said of drafts, and what they sent.", no_args_is_help=True)
gaps = typer.Typer(help="What the knowledge base lacks, and articles proposed from agents' answers.")

Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only from this date on.")
]
ProposalId = Annotated[str, typer.Argument(metavar="ID", help="The proposal's id, or its beginning.")]


class Form(StrEnum):
    PLAIN = "plain"
    CHAT = "chat"


@feedback.command("export")
def export_feedback(
    out: Annotated[Path, typer.Option(help="Where the rows go, a JSON object a line.")],
    tenant: Tenant = "default",
    since: Since = None,
    verdict: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(VERDICTS)}.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="chat: messages for TRL or axolotl. plain: all there is.")
    ] = Form.PLAIN,
    internal: Annotated[bool, typer.Option("--internal", help="Also rows with internal passages.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write what the model was asked and what people sent as training data, masked again."""
    unknown = sorted(set(verdict or ()) - set(VERDICTS))
    if unknown:
        raise InputError(f"there is no verdict {unknown[0]!r}", fix=f"Take one of {', '.join(VERDICTS)}.")
    tally = Tally()
    with opened() as desk, written_whole(out, force=force) as write:
        lessons = desk.learning.lessons.lessons(tenant, since=_moment(since), verdicts=verdict or ())
        for line in export(lessons, form.value, tally, internal=internal):
            write(line)
    show_tally(tally, out)


@feedback.command("list")
def list_feedback(
    tenant: Tenant = "default", since: Since = None, limit: Annotated[int, typer.Option(min=1)] = 20
) -> None:
    """The runs people judged, newest first."""
    with opened() as desk:
        lessons = desk.learning.lessons.lessons(tenant, since=_moment(since), newest=True)
        show_feedback_list(list(itertools.islice(lessons, limit)))


@feedback.command("show")
def show(
    run_id: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A run's id, or its beginning. None: all, counted.")
    ] = "",
    tenant: Tenant = "default",
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Counts by verdict and reason and how much was changed; or, for one run, draft and sent text."""
    with opened() as desk:
        if run_id:
            run = desk.runs.find(tenant, run_id)
            given = (lesson for lesson in desk.learning.lessons.lessons(tenant) if lesson.run.id == run.id)
            show_feedback(run, next(given, None))
            return
        summary = summarize_feedback(desk.learning.lessons.lessons(tenant, since=_moment(since)))
    if as_json:
        print(summary.model_dump_json(indent=2))
    else:
        show_summary(summary)


@gaps.callback(invoke_without_command=True)
def find(
    context: typer.Context,
    tenant: Tenant = "default",
    since: Since = None,
    min_count: Annotated[int, typer.Option(help="Fewest tickets of a gap.", min=1)] = MIN_TICKETS,
    propose: Annotated[bool, typer.Option("--propose", help="Keep a proposed article for each gap.")] = False,
    as_json: AsJson = False,
) -> None:
    """What customers ask and the knowledge base lacks, largest first; --propose keeps articles made of agents' answers."""
    if context.invoked_subcommand is not None:
        return
    with opened() as desk:
        findings = find_gaps(tenant, desk.learning, since=_moment(since), min_count=min_count)
        if propose:
            findings = propose_articles(tenant, findings, desk.learning)
    if as_json:
        rows = [
            {
                "gap": found.gap.model_dump(mode="json"),
                "article": found.article.model_dump(mode="json"),
                "proposal": found.proposal and {"id": found.proposal.id, "state": found.proposal.state.value},
            }
            for found in findings.found
        ]
        print(json.dumps({"tickets": findings.tickets, "more": findings.more, "gaps": rows}, indent=2))
    else:
        show_findings(findings, min_count, proposed=propose)


@gaps.command("list")
def list_proposals(
    tenant: Tenant = "default",
    state: Annotated[list[ProposalState] | None, typer.Option(help="Only these; all when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """The proposed articles, the last changed first."""
    with opened() as desk:
        found = desk.learning.proposals.find(tenant, state or ())
    if as_json:
        print(json.dumps([proposal.model_dump(mode="json") for proposal in found], indent=2))
    else:
        show_proposals(found)


@gaps.command("show")
def show_one(proposal_id: ProposalId, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """A proposed article: its sentences, the runs they come from, and what to look at before it is approved."""
    with opened() as desk:
        proposal = _proposal(proposal_id, tenant, desk)
    if as_json:
        print(proposal.model_dump_json(indent=2))
    else:
        show_proposal(proposal)


@gaps.command()
def approve(
    proposal_id: ProposalId,
    tenant: Tenant = "default",
    title: Annotated[str, typer.Option(help="Instead of the proposed title.")] = "",
    edit: Annotated[Path | None, typer.Option(help="A Markdown file to take instead of the proposed text.")] = None,
    audience: Annotated[Audience, typer.Option(help="Who may read it.")] = Audience.INTERNAL,
) -> None:
    """Send the article to be ingested, internal unless you say otherwise."""
    text = _read(edit) if edit is not None else ""
    with opened() as desk:
        found = _proposal(proposal_id, tenant, desk)
        done = approve_proposal(tenant, found.id, audience, desk.learning, title=title, text=text)
        desk.wake(done.job)
    messages.print(f"Approved as {audience} document {done.proposal.document}; job {done.job.id} ingests it.")
    messages.print("It is done by `deskhand serve` or a worker; see `deskhand jobs list`.")


@gaps.command()
def reject(
    proposal_id: ProposalId,
    why: Annotated[str, typer.Option(help="For whoever sees it again.", prompt=True)],
    tenant: Tenant = "default",
) -> None:
    """Say that no article shall come of it. It is proposed again only when twice as many tickets ask for it."""
    if not why.strip():
        raise InputError("the reason is empty", fix="Give --why.", field="why")
    with opened() as desk:
        found = reject_proposal(tenant, _proposal(proposal_id, tenant, desk).id, why.strip(), desk.learning)
    messages.print(f"Rejected {found.id} at {found.decided_tickets} tickets.")


def _proposal(beginning: str, tenant: str, desk: App) -> ArticleProposal:
    """The one proposal whose id begins so. Raises NotFound."""
    found = [item for item in desk.learning.proposals.find(tenant) if beginning and item.id.startswith(beginning)]
    if len(found) != 1:
        said = "more than one proposal begins" if found else "there is no proposal that begins"
        raise NotFound(f"{said} with {beginning!r}", fix="Take the id from `deskhand gaps list`.", field="id")
    return found[0]


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", fix="Check the path.", field="edit") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", fix="Save it as UTF-8.", field="edit") from error
    if not text.strip() or len(text) > MAX_ARTICLE_CHARS:
        raise InputError(f"{path} is empty or too long", fix="Write the article in it.", field="edit")
    return text


def _moment(since: datetime | None) -> datetime | None:
    """A date as the operator means it: local time, unless it says otherwise."""
    try:
        return None if since is None else since.astimezone()
    except (OverflowError, ValueError, OSError) as error:
        raise InputError("the date is too far away", fix="Give one such as 2026-11-01.", field="since") from error
