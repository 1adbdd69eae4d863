"""How runs, passages and summaries look on a terminal."""

from collections.abc import Sequence
from typing import assert_never

from rich import box
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

from assistant.cli.session import console
from assistant.kernel.conversation import Answer, Citation, Clarify, Draft, Handoff, Refuse
from assistant.kernel.knowledge import Audience, Passage
from assistant.kernel.reasons import explain
from assistant.kernel.reply import Reply
from assistant.kernel.runs import Run
from assistant.kernel.summary import Point, TicketSummary

_EXCERPT = 160


def show_run(run: Run, heading: str | bool = False) -> None:
    """A page for a support lead: the reply or the handoff, its sources, and why."""
    if heading:
        console.print()
        console.print(Rule(f"Ticket {heading}"))
    console.print(f"[dim]Customer:[/] {escape(_short(run.question.text, 300))}\n")
    decision = run.decision
    match decision:
        case Answer():
            sure = "" if run.confidence is None else f", {run.confidence:.0%} of such drafts were acceptable"
            _title("Draft reply", "green", f"by the {decision.draft.tier} model{sure}")
            console.print(Padding(escape(decision.draft.text), (0, 2)))
            _sources(decision.draft)
        case Clarify():
            _title("Ask back", "yellow", "the question is not clear enough to answer")
            console.print(Padding(escape(decision.question), (0, 2)))
        case Refuse():
            _title("Decline", "yellow", "a reply that says so")
            console.print(Padding(escape(decision.text), (0, 2)))
        case Handoff():
            _show_handoff(decision)
        case _:
            assert_never(decision)
    console.print(f"\n[bold]Why:[/] {escape(' '.join(explain(decision.reasons)))}")
    for finding in run.attempts[-1].verdict.findings if run.attempts and isinstance(decision, Answer) else ():
        console.print(f"  [dim]left out:[/] “{escape(_short(finding.sentence, 120))}” ({escape(finding.detail)})")
    spent = ", ".join(f"{stage} {ms / 1000:.1f} s" for stage, ms in run.timings_ms.items() if ms >= 50)
    console.print(f"[dim]run {run.id[:12]} · {spent}[/]")


def _show_handoff(handoff: Handoff) -> None:
    _title("For a human", "red", handoff.reasons[0].replace("_", " "))
    console.print(Padding(escape(handoff.summary), (0, 2)))
    for what, said in (("proposed to", handoff.team), ("no passage speaks of", ", ".join(handoff.missing))):
        if said:
            console.print(Padding(f"[dim]{what}[/] {escape(said)}", (0, 2)))
    for line in handoff.tried:
        console.print(Padding(f"[dim]tried[/] {escape(_short(line, 300))}", (0, 2)))
    if handoff.draft is not None:
        console.print("\n[bold]A draft for you to check[/]")
        console.print(Padding(escape(handoff.draft.text), (0, 2)))


def show_outcomes(replies: Sequence[Reply]) -> None:
    """One line a ticket, after several."""
    table = Table("Ticket", "Ended as", "By", "Why", "Seconds", box=box.SIMPLE_HEAD, title="All tickets")
    for number, reply in enumerate(replies, start=1):
        tier = f"{reply.tier} model" if reply.tier else "code" if reply.decision in ("clarify", "refuse") else "a human"
        why = reply.reasons[0].code.replace("_", " ")
        table.add_row(str(number), reply.decision, tier, why, f"{reply.timings_ms['total'] / 1000:.1f}")
    console.print(table)


def show_passages(passages: Sequence[Passage]) -> None:
    if not passages:
        console.print("Nothing was found.")
    for number, passage in enumerate(passages, start=1):
        chunk = passage.chunk
        outdated = " [dim](outdated)[/]" if chunk.outdated else ""
        console.print(f"[bold]{number}. {escape(chunk.heading_line())}[/]{_internal(chunk.audience)}{outdated}")
        console.print(Padding(escape(_short(chunk.text, 2 * _EXCERPT)), (0, 3)))
        console.print(Padding(f"[dim]{escape(chunk.url)}[/]", (0, 3)))


def show_summary(summary: TicketSummary) -> None:
    """Each statement with the numbers of the messages that say it."""
    console.print(f"[bold]{escape(summary.short.text)}[/]\n")
    console.print(f"[bold]Request:[/] {_told(summary.request)}")
    if product := " ".join(part for part in (summary.product, summary.version) if part):
        console.print(f"[bold]Product:[/] {escape(product)}")
    for title, points in (("Tried", summary.tried), ("Answers", summary.answers), ("Open", summary.open_questions)):
        console.print(f"[bold]{title}:[/]" + ("" if points else " nothing"))
        for point in points:
            console.print(f"  - {_told(point)}")
    console.print(f"[bold]Next:[/] {escape(summary.next_step) or 'nothing proposed'}")
    before, now = summary.sentiment_at_first, summary.sentiment
    changed = f", at first {before}" if before is not now else ""
    console.print(f"[bold]Sentiment:[/] {now}{changed}  [bold]Language:[/] {summary.language}")
    if fell := summary.unsupported:
        console.print(f"[dim]{fell} of the model's statements left out: no message says so.[/]")


def _told(point: Point) -> str:
    numbers = ", ".join(map(str, point.messages))
    return f"{escape(point.text)} [dim](message {numbers})[/]" if numbers else escape(point.text)


def _sources(draft: Draft) -> None:
    """Each cited passage once, with the words that support the draft."""
    console.print("\n[bold]Sources[/]")
    quotes: dict[int, list[str]] = {}
    first: dict[int, Citation] = {}
    for citation in (citation for sentence in draft.sentences for citation in sentence.citations):
        first.setdefault(citation.n, citation)
        if citation.quote not in quotes.setdefault(citation.n, []):
            quotes[citation.n].append(citation.quote)
    for n, citation in sorted(first.items()):
        console.print(
            f"  \\[{n}] [bold]{escape(citation.title)}[/]{_internal(citation.audience)}  [dim]{escape(citation.url)}[/]",
            soft_wrap=True,
        )
        for quote in quotes[n]:
            console.print(Padding(f"“{escape(_short(quote, _EXCERPT))}”", (0, 6)))


def _title(text: str, colour: str, note: str) -> None:
    console.print(f"[bold {colour}]{text}[/] [dim]({escape(note)})[/]")


def _internal(audience: Audience) -> str:
    return " [yellow](internal)[/]" if audience is Audience.INTERNAL else ""


def _short(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
