"""Gap and its cases → Article: the sentences that agents sent in answer, and nothing else. No model writes here.

What several answers share is taken; where they share nothing, the newest answer. A sentence is left out when it
holds masked data or what looks like one customer's own, or speaks of one case ("I have refunded you").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assistant.kernel.learning import Article, ArticleSentence, Case, Gap
from assistant.text.particulars import PLACEHOLDER, particulars, vocabulary
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems, numbers

ALIKE = 0.6
"""Share of all content words of two sentences that both have, from which they say the same (Jaccard)."""
MAX_SENTENCES = 40
MAX_TITLE_CHARS = 120
MIN_WORDS = 2
_ITEM = re.compile(r"^\s*(?:[-*•‣+]|\(?\d{1,2}[.)]|[a-z][.)])\s+")
_CASE = re.compile(
    r"\bi(?:['’](?:ve|m|ll|d)\b| (?:have|had|am|was|will|can|could|see|just|already|\w+ed|sent|spoke|found)\b)"
    r"|\bwe(?:['’]ve\b| (?:have|had|just|already|sent|spoke|found|refunded|cancell?ed|forwarded|noted|received)\b)"
    r"|\byour (?:\w+ )?(?:order|parcel|package|refund|request|ticket|case|account|payment|invoice|replacement)"
    r" (?:has|have|was|were|is|will) "
    r"|\b(?:ich|wir) (?:habe|haben|werde)\b|\bj['’]ai\b|\bnous avons\b|\b(?:he|hemos) \w+[aio]do\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"^\W*(?:(?:many )?thanks?(?: you)?(?: again)?(?: very much| so much)?\b|(?:we|i)?\W*(?:'m |’m |am |are )?(?:so |very |really )?sorry\b"
    r"|apologies|(?:i|we) (?:do )?(?:hope|appreciate|understand)\b|hope (?:this|that)\b|happy to help|glad to\b|great question"
    r"|(?:please )?(?:let me|let us|feel free|do ?n[o'’]t hesitate|do not hesitate|reply to this)\b|have a (?:nice|good|great)"
    r"|if you (?:have|need) any (?:more|further|other)|any (?:more|further|other) questions"
    r"|vielen dank|danke|entschuldig|es tut uns leid|melden sie sich|merci|désolé|gracias|lo sentimos)",
    re.IGNORECASE,
)


@dataclass
class _Said:
    """A sentence of one answer. ``place`` is where in its answer it stands, 0 to 1."""

    text: str
    item: bool
    place: float
    stems: frozenset[str]
    numbers: frozenset[str]
    case: Case


@dataclass
class _Kept:
    """What the answers hold that may go into an article, and how much was left out and why."""

    sentences: list[_Said] = field(default_factory=list)
    personal: int = 0
    of_the_case: int = 0
    foreign: int = 0


def propose(gap: Gap, cases: Sequence[Case], known: Sequence[str]) -> Article:
    """An article for ``gap`` from the answers in ``cases``; without sentences when nobody has answered yet.

    ``known`` are texts of the knowledge base: names in them belong to no customer.
    """
    kept = _kept(gap, cases, known)
    groups = _alike(kept.sentences)
    shared = [group for group in groups if len({said.case.run_ids for said in group}) > 1]
    newest = max((said.case for said in kept.sentences), key=lambda case: case.answered_at, default=None)
    chosen = shared or [[said] for said in kept.sentences if said.case is newest]
    chosen.sort(key=lambda group: (sum(said.place for said in group) / len(group), group[0].text))
    sentences = tuple(_sentence(group) for group in chosen[:MAX_SENTENCES])
    return Article(title=_title(gap), sentences=sentences, notes=tuple(_notes(gap, kept, groups, chosen, bool(shared))))


def _kept(gap: Gap, cases: Sequence[Case], known: Sequence[str]) -> _Kept:
    kept = _Kept()
    for case in cases:
        if not case.answer:
            continue
        if case.language != gap.language:
            kept.foreign += 1
            continue
        shared = vocabulary(
            [*known, *(text for other in cases if other is not case for text in (other.said, other.answer))]
        )
        spans = split_sentences(case.answer)
        for place, span in enumerate(spans):
            text = " ".join(_ITEM.sub("", span.text).split())
            stems = frozenset(content_stems(text, case.language))
            if len(stems) < MIN_WORDS or _COURTESY.match(text):
                continue
            if PLACEHOLDER.search(text) or particulars(text, shared, said=case.said, language=case.language):
                kept.personal += 1
            elif _CASE.search(text):
                kept.of_the_case += 1
            else:
                item = _ITEM.match(span.text) is not None
                where = place / max(1, len(spans) - 1)
                kept.sentences.append(_Said(text, item, where, stems, frozenset(numbers(text)), case))
    return kept


def _alike(sentences: Sequence[_Said]) -> list[list[_Said]]:
    """Sentences that say the same, with equal numbers, newest answer first in each group."""
    groups: list[list[_Said]] = []
    for said in sorted(sentences, key=lambda said: (said.case.answered_at, said.case.run_ids), reverse=True):
        for group in groups:
            if _overlap(said, group[0]) >= ALIKE and said.numbers == group[0].numbers:
                group.append(said)
                break
        else:
            groups.append([said])
    return groups


def _overlap(one: _Said, other: _Said) -> float:
    return len(one.stems & other.stems) / len(one.stems | other.stems)


def _sentence(group: Sequence[_Said]) -> ArticleSentence:
    run_ids = dict.fromkeys(said.case.run_ids[-1] for said in group)
    return ArticleSentence(text=group[0].text, item=group[0].item, run_ids=tuple(run_ids))


def _title(gap: Gap) -> str:
    title = gap.question.replace("\n", " ").strip().rstrip(".!…").strip()
    if len(title) > MAX_TITLE_CHARS:
        title = title[:MAX_TITLE_CHARS].rsplit(" ", 1)[0] + " …"
    return title[:1].upper() + title[1:]


def _notes(
    gap: Gap, kept: _Kept, groups: Sequence[list[_Said]], chosen: Sequence[Sequence[_Said]], shared: bool
) -> Iterator[str]:
    if not gap.answered:
        yield "Nobody has answered these tickets yet, so there is nothing to propose but their questions."
    elif not chosen:
        yield "Nothing that agents answered can stand in an article as it is; write it yourself."
    elif not shared:
        one = chosen[0][0].case.run_ids[-1][:12]
        yield f"All of it is from one answer (run {one}); no sentence stands in two."
    if kept.personal:
        yield f"Left out: {kept.personal} {_sentences(kept.personal)} with masked data, or names and numbers of one customer."
    if kept.of_the_case:
        yield f"Left out: {kept.of_the_case} {_sentences(kept.of_the_case)} on what was done in one case."
    if kept.foreign:
        yield f"Left out: {kept.foreign} answers to tickets in another language."
    for newer, older in _disagreeing(groups):
        yield (
            f"Answers differ: “{newer.text}” (run {newer.case.run_ids[-1][:12]}, newer) "
            f"but “{older.text}” (run {older.case.run_ids[-1][:12]})."
        )


def _disagreeing(groups: Sequence[list[_Said]]) -> Iterator[tuple[_Said, _Said]]:
    """Sentences of different tickets that are worded alike and have other numbers."""
    for place, group in enumerate(groups):
        for other in groups[place + 1 :]:
            one, two = group[0], other[0]
            if one.case is not two.case and one.numbers != two.numbers and _overlap_without_numbers(one, two) >= ALIKE:
                yield one, two


def _overlap_without_numbers(one: _Said, other: _Said) -> float:
    mine, theirs = one.stems - one.numbers, other.stems - other.numbers
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0


def _sentences(count: int) -> str:
    return "sentence" if count == 1 else "sentences"
