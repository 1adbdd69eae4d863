"""Feedback, gaps and proposed articles as a support lead reads them, 80 columns wide."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.markup import escape
from rich.padding import Padding

from assistant.cli.session import console, messages
from assistant.kernel.conversation import proposed
from assistant.kernel.knowledge import Audience
from assistant.kernel.learning import ArticleProposal, Gap, Lesson, NearestArticle, ProposalState
from assistant.kernel.runs import Run
from assistant.learning.export import Tally
from assistant.learning.gaps import MAX_RUNS, Findings, Found
from assistant.learning.summary import FeedbackSummary, changed_share

_COLOURS = {ProposalState.PROPOSED: "yellow", ProposalState.APPROVED: "green", ProposalState.REJECTED: "red"}
_KINDS = {
    ("new", False): "New article",
    ("change", False): "Article beside the nearest one (changing that may be better)",
    ("change", True): "New version of the article that was approved before",
}


def show_tally(tally: Tally, out: Path) -> None:
    """What an export wrote, what it left out and why, and what a person still has to look at."""
    messages.print(f"{tally.rows} rows in {escape(str(out))}.", soft_wrap=True)
    for reason, count in sorted(tally.skipped.items()):
        messages.print(f"Left out: {_count(count, 'run')} ({reason}).")
    if tally.masked:
        messages.print(f"{_count(tally.masked, 'sent text')} with a placeholder such as \\[email] in it.")
    messages.print("Names, postal addresses and order numbers are not masked: read it before you train on it.")


def show_summary(summary: FeedbackSummary) -> None:
    """Counts by verdict and reason, and how much of what was drafted was changed."""
    if not summary.feedback:
        console.print("Nobody has given feedback yet.")
        return
    console.print(f"[bold]{_count(summary.feedback, 'judgement')}[/] on {_count(summary.runs, 'run')}")
    for title, counts in (("Verdicts", summary.verdicts), ("Reasons", summary.reasons)):
        if counts:
            console.print(f"\n[bold]{title}[/]")
            for name, count in counts.items():
                share = count / summary.feedback
                console.print(f"  {name.replace('_', ' '):<12}{count:>6}  {'█' * round(share * 40)} {share:.0%}")
    if summary.changed is not None:
        console.print("\n[bold]Sent text against draft[/]")
        console.print(f"  {_count(summary.compared, 'sent text')} had a draft to compare with;")
        console.print(
            f"  on average {summary.changed:.0%} of the words were changed, {summary.sent_as_drafted} went as drafted."
        )


def show_feedback_list(lessons: Sequence[Lesson]) -> None:
    """One line a run."""
    if not lessons:
        console.print("Nobody has given feedback yet.")
        return
    console.print(f"[bold]{'Run':<14}{'Day':<8}{'Said':<11}{'Ended as':<10}{'Changed':<9}Question[/]")
    for lesson in lessons:
        run = lesson.run
        said = _cut(", ".join(dict.fromkeys(given.feedback.verdict for given in lesson.feedback)), 10)
        line = f"{run.id[:12]:<14}{_day(lesson.feedback[-1].given_at):<8}{said:<11}{run.decision.kind:<10}"
        _line(f"{line}{_changed(lesson):<9}{run.question.text}")


def show_feedback(run: Run, lesson: Lesson | None) -> None:
    """One run: what was drafted and what was sent."""
    console.print(f"[dim]Customer:[/] {escape(' '.join(run.question.text.split()))}")
    draft = proposed(run.decision)
    console.print(f"\n[bold]Drafted[/] [dim]({run.decision.kind})[/]")
    console.print(Padding(escape(draft) if draft else "[dim]nothing[/]", (0, 2)))
    for given in lesson.feedback if lesson else ():
        said = given.feedback
        console.print(f"\n[bold]{said.verdict.capitalize()}[/] [dim]({_day(given.given_at)})[/]")
        for text in (said.comment, said.sent_text):
            if text.strip():
                console.print(Padding(escape(text), (0, 2)))
    if lesson is None:
        console.print("\nNobody has said anything of it.")


def show_findings(findings: Findings, min_count: int, *, proposed: bool) -> None:
    """Each gap in a few lines, the largest first."""
    if not findings.tickets:
        console.print("No ticket was handed off for lack of evidence.")
        return
    inside = sum(found.gap.tickets for found in findings.found)
    console.print(f"{_count(findings.tickets, 'ticket')} handed off for lack of evidence.")
    console.print(f"{_count(len(findings.found), 'gap')} of at least {_count(min_count, 'ticket')}, {inside} in all:")
    if findings.more:
        console.print(f"Only the newest {MAX_RUNS:,} were looked at; older ones are left out.")
    for number, found in enumerate(findings.found, start=1):
        console.print()
        _gap(f"{number}. ", found.gap)
        _last_line(found)
    if findings.found and not proposed:
        console.print("\n[dim]`deskhand gaps --propose` keeps an article for each, to approve or reject.[/]")


def show_proposals(proposals: Sequence[ArticleProposal]) -> None:
    """Two lines a proposal."""
    if not proposals:
        console.print("Nothing is proposed. `deskhand gaps --propose` looks for gaps.")
    for proposal in proposals:
        size = _count(len(proposal.article.sentences), "sentence") if proposal.article.sentences else "no text yet"
        colour = _COLOURS[proposal.state]
        tickets = _count(proposal.gap.tickets, "ticket")
        console.print(f"[bold]{proposal.id}[/]  [{colour}]{proposal.state:<10}[/]{proposal.kind:<8}{tickets:<13}{size}")
        _line(f"    {proposal.article.title}")


def show_proposal(proposal: ArticleProposal) -> None:
    """The whole proposal, with what a person must know to decide."""
    article = proposal.article
    console.print(f"[bold]Proposal {proposal.id}[/] [{_COLOURS[proposal.state]}]({proposal.state})[/]")
    if proposal.why:
        console.print(f"[dim]said when it was decided:[/] {escape(proposal.why)}")
    console.print()
    _gap("", proposal.gap)
    for wording in proposal.gap.questions:
        console.print(Padding(f"[dim]also:[/] {escape(wording)}", (0, 4)))
    console.print(f"\n[bold]{_KINDS[proposal.kind, proposal.reopened]}[/]")
    console.print(Padding(f"[bold]{escape(article.title)}[/]", (0, 4)))
    for sentence in article.sentences:
        runs = ", ".join(run_id[:12] for run_id in sentence.run_ids[:3])
        more = f" and {len(sentence.run_ids) - 3} more" if len(sentence.run_ids) > 3 else ""
        console.print(Padding(f"{'- ' if sentence.item else ''}{escape(sentence.text)}", (0, 4)))
        console.print(Padding(f"[dim]answered in {runs}{more}[/]", (0, 6)))
    if article.notes:
        console.print("\n[bold]Look at[/]")
    for note in article.notes:
        console.print(Padding(escape(note), (0, 4)))
    if proposal.state is ProposalState.PROPOSED:
        edit = "" if article.sentences else " --edit FILE"
        console.print(
            f"\n[dim]deskhand gaps approve {proposal.id}{edit}\ndeskhand gaps reject {proposal.id} --why …[/]"
        )


def _gap(number: str, gap: Gap) -> None:
    answered = "all" if gap.answered == gap.tickets else gap.answered or "none"
    when = (
        _day(gap.first_at)
        if _day(gap.first_at) == _day(gap.last_at)
        else f"{_day(gap.first_at)} to {_day(gap.last_at)}"
    )
    console.print(f"[bold]{number}{_count(gap.tickets, 'ticket')}[/], {answered} answered by a person · {when}")
    console.print(Padding(f"“{escape(gap.question)}”", (0, 4)))
    if gap.keywords:
        console.print(Padding(f"[dim]words:[/] {escape(', '.join(gap.keywords))}", (0, 4)))
    if gap.nearest is not None:
        console.print(Padding(f"[dim]nearest:[/] {_nearest(gap.nearest)}", (0, 4)))


def _last_line(found: Found) -> None:
    sentences = len(found.article.sentences)
    text = f"{_count(sentences, 'sentence')} from agents' answers" if sentences else "no text yet"
    if found.proposal is None:
        console.print(Padding(f"[dim]article:[/] {text}", (0, 4)))
        return
    state = found.proposal.state
    console.print(Padding(f"[dim]article:[/] {found.proposal.id} [{_COLOURS[state]}]{state}[/], {text}", (0, 4)))


def _nearest(nearest: NearestArticle) -> str:
    mark = " [yellow](internal)[/]" if nearest.audience is Audience.INTERNAL else ""
    return f"{escape(nearest.title)}{mark} [dim]({nearest.similarity:.2f})[/]"


def _changed(lesson: Lesson) -> str:
    draft = proposed(lesson.run.decision)
    sent = [given.feedback.sent_text for given in lesson.feedback if given.feedback.sent_text.strip()]
    return f"{changed_share(draft, sent[-1]):.0%}" if draft and sent else "-"


def _line(text: str) -> None:
    """One line, cut at the width of the screen."""
    console.print(escape(_cut(" ".join(text.splitlines()), console.width)))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _day(at: str) -> str:
    moment = datetime.fromisoformat(at)
    return f"{moment.day} {moment:%b}"
