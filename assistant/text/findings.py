"""What speaks against a claim, as findings that a person can check against its passages."""

import re
from collections.abc import Sequence

from assistant.kernel.conversation import Citation, Finding, Question
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.reasons import Reason
from assistant.text.alignment import Source
from assistant.text.claims import Kind, compare, judge, plain
from assistant.text.ground import Ground, tokens
from assistant.text.promises import promised
from assistant.text.words import content_stems, links, measured, names, numbers, share

FITTED = frozenset({"en"})
"""Languages of the claims that ``VerifyPolicy.fit`` was fitted to, and of the words it knows as denials and opposites."""
_CHANGED = {
    Kind.NUMBER: Reason.UNSUPPORTED_NUMBER,
    Kind.UNIT: Reason.UNSUPPORTED_NUMBER,
    Kind.NAME: Reason.UNSUPPORTED_NAME,
}
_DIFFERS = {
    Kind.NUMBER: "the passages say its number of something else",
    Kind.UNIT: "the passages have another unit",
    Kind.NAME: "the passages say this of another name",
    Kind.NEGATION: "it denies what the passages affirm, or the other way round",
    Kind.CONDITION: "the passages say the opposite",
    Kind.STEPS: "the passages have its steps in another order",
}
_DENIALS = {
    "de": r"kein\w*|nicht|nichts|nie|niemals|ohne|weder",
    "fr": r"ne|n['’]\w+|pas|jamais|aucun\w*|rien|sans|non|ni",
    "es": r"no|nunca|jamás|ning[uú]n\w*|nada|sin|ni|tampoco",
    "it": r"non|mai|nessun\w*|niente|nulla|senza|né",
    "pt": r"não|nunca|jamais|nenhum\w*|nada|sem|nem",
    "nl": r"niet|niets|geen|nooit|zonder|noch",
}
_ENGLISH = r"no|not|never|none|nothing|cannot|without|neither|nor|unable|\w+n['’]t"
_NEGATIONS = {language: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for language, words in _DENIALS.items()}
_ANY_NEGATION = re.compile(rf"\b(?:{_ENGLISH}|{_DENIALS['de']})\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"[A-Z][\w'’]*+(?:[\s-]++(?:(?:of|and|for|the)\s++)*+[A-Z][\w'’]*+)+")


def missing_facts(claim: str, sources: Sequence[Source], question: Question) -> list[Finding]:
    """Numbers, links and names of the claim that its sources lack. Names may also come from the question."""
    text = "\n".join(source.text for source in sources)
    urls = " ".join(source.passage.chunk.url for source in sources)
    bare = plain(claim)
    checks = (
        (Reason.UNSUPPORTED_NUMBER, (numbers(bare) - numbers(text)) | _otherwise_measured(bare, text)),
        (Reason.UNSUPPORTED_LINK, links(claim) - links(f"{text} {urls}")),
        (Reason.UNSUPPORTED_NAME, _unknown_names(bare, f"{text}\n{question.text}", question.language)),
    )
    return [
        Finding(reason=reason, sentence=claim, detail=f"not in the cited passages: {', '.join(sorted(missing))}")
        for reason, missing in checks
        if missing
    ]


def _otherwise_measured(claim: str, text: str) -> set[str]:
    """Numbers that the claim has with a sign or a currency, and ``text`` only with others."""
    known = measured(text)
    return {
        f"{measure}{number}"
        for number, measures in measured(claim).items()
        for measure in measures
        if measure and number in known and measure not in known[number] and "" not in known[number]
    }


def _unknown_names(claim: str, known: str, language: str) -> set[str]:
    """Names in no form of ``known``. Initials of what the claim itself writes out are not counted."""
    stems = {token.stem for token in tokens(known, language)}
    runs = ["".join(re.findall(r"[A-Z]", run)).lower() for run in _CAPITALISED.findall(claim)]
    initials = {run[begin:] for run in runs for begin in range(len(run) - 1)}  # A run may begin with "The".
    return {
        name for name in names(claim) - initials if not stems.issuperset(token.stem for token in tokens(name, language))
    }


def changed(
    claim: str, marked: str, before: str, question: Question, ground: Ground, policy: VerifyPolicy
) -> list[Finding]:
    """Whether ``claim`` reads like its passages with something changed: a number, a unit, a name, a denial, a condition, an order.

    ``marked`` is the claim with its list marker, ``before`` the sentence before it.
    """
    judgement = judge(compare(marked, before, f"{question.subject}\n{question.text}", ground), policy.fit)
    if judgement.risk <= policy.max_risk or judgement.kind is None:
        return []
    said = f": {judgement.said!r}" if judgement.said else ""
    instead = f", where they rather have {judgement.instead!r}" if judgement.instead else ""
    detail = f"{_DIFFERS[judgement.kind]}{said}{instead}"
    return [Finding(reason=_CHANGED.get(judgement.kind, Reason.CONTRADICTS_PASSAGE), sentence=claim, detail=detail)]


def misplaced_numbers(
    claim: str, stems: Sequence[str], citations: Sequence[Citation], question: Question, policy: VerifyPolicy
) -> list[Finding]:
    """A number must stand beside what it is said of, and not just somewhere in the same passage.

    One quote that holds a number of the claim must cover most of the claim, with its title; nearly all of
    it when a second passage was needed, for stitching is how a number is lent to its neighbour.
    """
    said = [f"{citation.title} {citation.quote}" for citation in citations]
    elsewhere = numbers(claim) - numbers("\n".join(said))
    beside = [text for text in said if numbers(text) & numbers(claim)]
    shares = (share(stems, frozenset(content_stems(text, question.language))) for text in beside)
    enough = policy.min_number_support if len(citations) == 1 else policy.min_joined_number_support
    if not elsewhere and (not beside or max(shares) >= enough):
        return []
    detail = "the quoted words around its number speak of something else"
    return [Finding(reason=Reason.UNSUPPORTED_NUMBER, sentence=claim, detail=detail)]


def polarity(claim: str, stems: Sequence[str], citations: Sequence[Citation], question: Question) -> list[Finding]:
    """A claim that denies what no quote denies, or affirms a word that its quote denies."""
    negation = _NEGATIONS.get(question.language[:2], _ANY_NEGATION)
    if negation.search(claim):
        if any(negation.search(citation.quote) for citation in citations):
            return []
        return [Finding(reason=Reason.UNSUPPORTED_CLAIM, sentence=claim, detail="it denies, its passages do not")]
    denied = {
        following[0]
        for citation in citations
        for match in negation.finditer(citation.quote)
        if (following := content_stems(citation.quote[match.end() :][:80], question.language))
    }
    if flipped := denied.intersection(stems):
        detail = f"its passage denies: {', '.join(sorted(flipped))}"
        return [Finding(reason=Reason.UNSUPPORTED_CLAIM, sentence=claim, detail=detail)]
    return []


def promises(claim: str, quotes: Sequence[str], policy: VerifyPolicy) -> list[Finding]:
    """What it promises that no quote does, each kind by itself."""
    return [
        Finding(reason=Reason.PROMISE, sentence=claim, detail=f"{kind.replace('_', ' ')}: {said!r}")
        for kind, said in promised(claim, quotes, policy.promises).items()
    ]


def unquoted(
    claim: str, stems: Sequence[str], citations: Sequence[Citation], question: Question, policy: VerifyPolicy
) -> list[Finding]:
    """Whether the quotes and their titles cover too little of a claim."""
    quoted = "\n".join(f"{citation.title} {citation.quote}" for citation in citations)
    if not citations or share(stems, frozenset(content_stems(quoted, question.language))) >= policy.min_quote_support:
        return []
    detail = "no two sentences of its passage say most of it"
    return [Finding(reason=Reason.UNSUPPORTED_CLAIM, sentence=claim, detail=detail)]
