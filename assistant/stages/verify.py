"""RawDraft → Verdict: tie every sentence to the words that support it, and find what does not stand.

Support of a sentence is the share of its stemmed content words that its passages contain. Which passage supports it is found here by
alignment; the model's own ``[n]`` only breaks ties. Overlap alone cannot see a denial, or a number lent to its neighbour: what was changed
in a claim is told by a small fitted model, kind by kind (decision 028).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.kernel.conversation import Draft, Finding, Question, RawDraft, Sentence, Verdict, Wish
from assistant.kernel.knowledge import Evidence, Passage
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.reasons import Reason
from assistant.text.alignment import Source, align, cite, cite_unread, hints_in, make_source
from assistant.text.claims import agreement
from assistant.text.findings import FITTED, changed, misplaced_numbers, missing_facts, polarity, promises, unquoted
from assistant.text.ground import Ground
from assistant.text.language import identify_language
from assistant.text.sentences import LIST_MARKER, Span, split_sentences
from assistant.text.words import content_stems, share, strip_citations, words

_MARKS_SO_FAR = re.compile(r"[\[\]\d\s,;]*")
_NO_ANSWER = re.compile(
    r"\b(?:i (?:do not|don't|cannot|can't) (?:know|find|answer|have)|i'm (?:sorry|not sure|unable)|i am (?:sorry|unable)"
    r"|(?:passages?|documents?|information|context)(?: \w+){0,3} (?:do(?:es)? not|don't|doesn't) (?:mention|contain|provide|say|"
    r"specify|state|include|give|cover)|not (?:mentioned|stated|specified|provided) in the (?:passages?|documents?|context)"
    r"|ich (?:weiß|kann|finde|habe)(?: \w+){0,4} (?:nicht (?:beantworten|sagen|finden)|keine (?:informationen|antwort|angaben))"
    r"|(?:passagen|dokumente?n?|unterlagen|informationen)(?: \w+){0,4} (?:enthalten|erwähnen|nennen)(?: \w+){0,3} (?:nicht|keine?n?)"
    r"|je (?:ne (?:sais|peux|trouve) pas|n'ai (?:pas|aucune))|les (?:passages|documents) ne (?:\w+) pas"
    r"|no (?:sé|puedo (?:responder|encontrar)|tengo (?:información|respuesta))|los (?:pasajes|documentos) no \w+)\b",
    re.IGNORECASE,
)

_YES_NO = re.compile(r"\s*(?:yes|no|ja|nein)\b", re.IGNORECASE)


class _Basis(NamedTuple):
    """What a draft is checked against. ``question`` has the language the draft was asked for.

    ``alike`` says whether draft and sources are in one language, ``asked_alike`` whether draft and ticket are. ``known`` are sentences
    that were checked, each after the one before it.
    """

    question: Question
    sources: Sequence[Source]
    ground: Ground
    policy: VerifyPolicy
    alike: bool
    asked_alike: bool
    known: "dict[tuple[Span | None, Span], _Checked]"


class _Checked(NamedTuple):
    """A draft sentence with where it came from in the raw text."""

    span: Span
    sentence: Sentence | None
    findings: tuple[Finding, ...]


def verify(question: Question, raw: RawDraft, evidence: Evidence, policy: VerifyPolicy) -> Verdict:
    """Check ``raw`` against the passages it was given.

    The verdict's draft keeps the sentences that stand, citations numbered in order of first use; each
    sentence that fell has findings that say what was claimed and what is missing.
    """
    by_id = {passage.chunk.id: passage for passage in evidence.passages}
    basis = _basis(question, [by_id[chunk_id] for chunk_id in raw.passages_used], raw.wish, policy)
    text = raw.completion.text
    spans = split_sentences(text)
    findings: list[Finding] = []
    if raw.completion.finish == "length" and spans:
        findings.append(Finding(reason=Reason.CUT_SHORT, sentence=spans[-1].text, detail="the draft was cut short"))
        spans = spans[:-1]
    checked = _check_all(spans, basis)
    findings += [finding for item in checked for finding in item.findings]
    draft = Draft(tier=raw.tier, text=_laid_out(text, checked), sentences=tuple(_numbered(text, checked)))
    findings += _whole_draft_findings(basis, text, draft)
    supports = [sentence.support for sentence in draft.sentences]
    return Verdict(
        draft=draft,
        findings=tuple(findings),
        support=sum(supports) / len(supports) if supports else 0.0,
        weakest=min(supports, default=0.0),
        question_coverage=_coverage(basis.question, draft),
        dropped=sum(any(f.reason is not Reason.REPEATS_QUESTION for f in item.findings) for item in checked),
        faithfulness=_faithfulness(spans, basis),
    )


class RunningDraft:
    """The check of each sentence while the draft is still being written; ``verify`` has the last word on the whole."""

    def __init__(self, question: Question, passages: Sequence[Passage], wish: Wish, policy: VerifyPolicy) -> None:
        self._basis = _basis(question, passages, wish, policy)
        self._complete = 0
        self._told: list[Sentence] = []

    def stands(self, text: str) -> list[tuple[int, Sentence]]:
        """Sentences of ``text``, all that is written so far, that are newly complete and stand, with their index."""
        spans = split_sentences(text)
        # The last sentence may go on, and so may the one before it, whose mark comes after its full stop.
        open_ended = 1 if len(spans) > 1 and not _MARKS_SO_FAR.fullmatch(text[spans[-2].end :]) else 2
        if len(spans) - open_ended <= self._complete:
            return []
        self._complete = len(spans) - open_ended
        return self._news(_numbered(text, _check_all(spans[: self._complete], self._basis)))

    def rest(self, draft: Draft) -> list[tuple[int, Sentence]]:
        """What ``stands`` has not told of the verified ``draft``: all of it, from index 0, should the two differ."""
        return self._news(draft.sentences)

    def _news(self, sentences: Sequence[Sentence]) -> list[tuple[int, Sentence]]:
        known = len(self._told) if self._told == list(sentences[: len(self._told)]) else 0
        self._told = list(sentences)
        return list(enumerate(sentences))[known:]


def _basis(question: Question, passages: Sequence[Passage], wish: Wish, policy: VerifyPolicy) -> _Basis:
    language = wish.language or question.language
    sources = [make_source(passage, language) for passage in passages]
    written_in = identify_language("\n".join(source.passage.chunk.text for source in sources), language)
    return _Basis(
        question=question.model_copy(update={"language": language}),
        sources=sources,
        ground=Ground([source.text for source in sources], language),
        policy=policy,
        alike=not wish.language or language == written_in,
        asked_alike=language == question.language,
        known={},
    )


def _check_all(spans: Sequence[Span], basis: _Basis) -> list[_Checked]:
    """Each distinct sentence, with the one before it in mind."""
    distinct = _distinct(spans)
    pairs = list(zip((None, *distinct), distinct, strict=False))
    for before, span in pairs:
        if (before, span) not in basis.known:
            basis.known[before, span] = _check(span, before, basis)
    return [basis.known[pair] for pair in pairs]


def _distinct(spans: Sequence[Span]) -> list[Span]:
    """Sentences that say something, each once: small models repeat themselves."""
    by_claim: dict[str, Span] = {}
    for span in spans:
        claim = " ".join(words(LIST_MARKER.sub("", strip_citations(span.text)))).lower()
        if claim:
            by_claim.setdefault(claim, span)
    return list(by_claim.values())


def _check(span: Span, before: Span | None, basis: _Basis) -> _Checked:
    """One sentence against all sources: its citations when it stands, findings when it does not."""
    if not basis.alike:
        return _check_facts_alone(span, basis)
    question, sources, policy = basis.question, basis.sources, basis.policy
    claim = LIST_MARKER.sub("", strip_citations(span.text))
    stems = content_stems(claim, question.language)
    if not stems:  # "Yes." alone: nothing in it can be checked, nothing is lost without it.
        return _Checked(span, None, ())
    chosen = align(stems, hints_in(span.text), sources, policy)
    joined = frozenset().union(*(source.stems for source in chosen))
    support = share(stems, joined)
    findings = []
    if support < policy.min_support:
        missing = ", ".join(dict.fromkeys(stem for stem in stems if stem not in joined))
        findings.append(Finding(reason=Reason.UNSUPPORTED_CLAIM, sentence=claim, detail=f"not in a passage: {missing}"))
    findings += missing_facts(claim, chosen, question)
    if _says_nothing_new(claim, stems, question):
        findings.append(
            Finding(reason=Reason.REPEATS_QUESTION, sentence=claim, detail="it adds nothing to the question")
        )
    citations = tuple(cite(source, stems, policy) for source in chosen)
    if question.language in FITTED:
        marked, earlier = strip_citations(span.text), strip_citations(before.text) if before else ""
        findings += changed(claim, marked, earlier, question, basis.ground, policy)
    else:
        findings += polarity(claim, stems, citations, question)
    if len(citations) > 1 or question.language not in FITTED:
        findings += misplaced_numbers(claim, stems, citations, question, policy)
    findings += promises(claim, [citation.quote for citation in citations], policy)
    findings += unquoted(claim, stems, citations, question, policy)
    if findings or not chosen:
        return _Checked(span, None, tuple(findings))
    return _Checked(span, Sentence(text=claim, citations=citations, support=round(support, 4)), ())


def _check_facts_alone(span: Span, basis: _Basis) -> _Checked:
    """What can be checked across languages: numbers, links and promises. Its citations are the model's own marks."""
    claim = LIST_MARKER.sub("", strip_citations(span.text))
    wrong = {Reason.UNSUPPORTED_NUMBER, Reason.UNSUPPORTED_LINK}
    found = [item for item in missing_facts(claim, basis.sources, basis.question) if item.reason in wrong]
    found += promises(claim, [], basis.policy)
    if found:
        return _Checked(span, None, tuple(found))
    named = [n for n in dict.fromkeys(hints_in(span.text)) if 1 <= n <= len(basis.sources)]
    citations = tuple(cite_unread(basis.sources[n - 1]) for n in named)
    return _Checked(span, Sentence(text=claim, citations=citations, support=0.0, checked=False), ())


def _says_nothing_new(claim: str, stems: Sequence[str], question: Question) -> bool:
    """A question back, or words that all stand in the question: small models do both when they have no answer."""
    if claim.rstrip().endswith("?"):
        return True
    asked = [frozenset(content_stems(ask, question.language)) for ask in question.asks]
    return not _YES_NO.match(claim) and any(all(stem in ask for stem in stems) for ask in asked)


def _numbered(text: str, checked: Sequence[_Checked]) -> list[Sentence]:
    """The sentences that stand, citations numbered by first use, each with what leads to it in ``text``."""
    order: dict[str, int] = {}
    sentences: list[Sentence] = []
    end = 0
    for span, sentence, _ in checked:
        if sentence is None:
            continue
        for citation in sentence.citations:
            order.setdefault(citation.passage_id, len(order) + 1)
        citations = tuple(c.model_copy(update={"n": order[c.passage_id]}) for c in sentence.citations)
        gap = ("\n" if "\n" in text[end : span.start] else " ") if sentences else ""
        marker = LIST_MARKER.match(span.text)
        lead = f"{gap}{marker.group().strip()} " if marker else gap
        sentences.append(sentence.model_copy(update={"citations": citations, "lead": lead}))
        end = span.end
    return sentences


def _laid_out(text: str, checked: Sequence[_Checked]) -> str:
    """The sentences that stand as one text with their marks, in the draft's own layout."""
    kept = [item.span for item in checked if item.sentence is not None]
    parts = []
    for span, sentence in zip(kept, _numbered(text, checked), strict=True):
        parts.append("\n" if sentence.lead.startswith("\n") else " " if sentence.lead.startswith(" ") else "")
        parts.append(_with_marks(strip_citations(span.text), [c.n for c in sentence.citations]))
    return "".join(parts)


def _with_marks(text: str, ns: Sequence[int]) -> str:
    """``text`` with its citations before the full stop: ``Open Settings [1].``"""
    body = text.rstrip()
    cut = len(body.rstrip(".!?:;…"))
    marks = "".join(f" [{n}]" for n in ns)
    return f"{body[:cut].rstrip()}{marks}{body[cut:]}"


def _whole_draft_findings(basis: _Basis, text: str, draft: Draft) -> list[Finding]:
    question = basis.question
    findings = []
    if not basis.alike:
        detail = f"it was asked for in {question.language!r}, the sources are in another language"
        findings.append(Finding(reason=Reason.UNCHECKED_LANGUAGE, sentence="", detail=detail))
    if not basis.asked_alike:
        detail = f"it was asked for in {question.language!r}, the ticket is in another language"
        findings.append(Finding(reason=Reason.UNCHECKED_QUESTION, sentence="", detail=detail))
    outdated = {source.passage.chunk.id for source in basis.sources if source.passage.chunk.outdated}
    for sentence in draft.sentences:
        if sentence.citations and {citation.passage_id for citation in sentence.citations} <= outdated:
            title = sentence.citations[0].title
            detail = f"it stands only in {title!r}, which is marked outdated"
            findings.append(Finding(reason=Reason.OUTDATED_EVIDENCE, sentence=sentence.text, detail=detail))
    if no_answer := _NO_ANSWER.search(text.replace("’", "'")):
        findings.append(
            Finding(
                reason=Reason.NO_ANSWER_IN_DRAFT, sentence=no_answer.group(), detail="the draft says it has no answer"
            )
        )
    written = identify_language(draft.text)
    if written and written != question.language:
        findings.append(
            Finding(
                reason=Reason.WRONG_LANGUAGE,
                sentence=draft.text[:80],
                detail=f"written in {written!r}, it should be in {question.language!r}",
            )
        )
    return findings


def _faithfulness(spans: Sequence[Span], basis: _Basis) -> float | None:
    claims = [strip_citations(span.text) for span in spans]
    if not claims or not basis.alike or basis.question.language not in FITTED:
        return None
    features = agreement(claims, f"{basis.question.subject}\n{basis.question.text}", basis.ground)
    return round(basis.policy.fit.faithful.probability(features), 4)


def _coverage(question: Question, draft: Draft) -> float:
    """Share of the content words of what is asked that the draft, its quotes and their titles contain.

    Of several things asked, the one that is covered best counts: stories and side remarks need no answer.
    """
    cited = [f"{c.title} {c.quote}" for sentence in draft.sentences for c in sentence.citations]
    said = frozenset(content_stems("\n".join([draft.text, *cited]), question.language))
    asked = [
        list(dict.fromkeys(content_stems(ask, question.language)))
        for ask in (question.subject, *question.asks, question.text)
    ]
    return max((share(stems, said) for stems in asked), default=0.0)
