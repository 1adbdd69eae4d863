"""Question and Evidence → Route: which model writes first, or a question back, or a human at once."""

import re
from collections.abc import Sequence

from assistant.kernel.conversation import Clarify, Question, Refuse, Route, Tier, ToHuman, TryTier
from assistant.kernel.knowledge import Evidence
from assistant.kernel.policy import RoutePolicy
from assistant.kernel.reasons import Reason
from assistant.text.asks import count_questions
from assistant.text.patterns import kind_of
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems

_PERSON = re.compile(
    r"\b(?:(?:speak|talk|chat|connect me|put me through)\s+(?:to|with)\s+(?:an?\s+|your\s+|the\s+)?"
    r"(?:real\s+|live\s+|actual\s+)?(?:human|person|agent|manager|supervisor|someone|representative))\b"
    r"|\b(?:real|live|actual)\s+(?:human|person|agent)\b",
    re.IGNORECASE,
)
_CLARIFY = {
    "en": ("Could you tell us a little more about what you need?", "Is it about one of these?"),
    "de": ("Können Sie uns etwas genauer sagen, worum es geht?", "Geht es um eines davon?"),
    "fr": ("Pourriez-vous nous en dire un peu plus sur votre demande ?", "S'agit-il de l'un de ces sujets ?"),
    "es": ("¿Podría darnos un poco más de detalle sobre lo que necesita?", "¿Se trata de alguno de estos temas?"),
}


_REFUSE = {
    "en": ("Thank you for your message. It seems to be about something that we do not answer here.",
           "Thank you for your message. This is nothing that we can help with."),
    "de": ("Vielen Dank für Ihre Nachricht. Es scheint darin um etwas zu gehen, das wir hier nicht beantworten.",
           "Vielen Dank für Ihre Nachricht. Dabei können wir nicht helfen."),
    "fr": ("Merci pour votre message. Il semble porter sur un sujet auquel nous ne répondons pas ici.",
           "Merci pour votre message. Nous ne pouvons pas vous aider sur ce point."),
    "es": ("Gracias por su mensaje. Parece tratar de algo que no respondemos aquí.",
           "Gracias por su mensaje. No podemos ayudarle con esto."),
}  # fmt: skip


def route(
    question: Question,
    evidence: Evidence,
    policy: RoutePolicy,
    paying: Sequence[Tier] = tuple(Tier),
    *,
    in_scope: bool = True,
) -> Route:
    """Before anything is written: cheap checks that say who should answer. ``paying`` are the tiers that are worth trying, ``in_scope``
    whether the message is about what is answered here. A customer who asks for a person gets one, whatever else they ask.
    """
    if not question.text.strip():
        return ToHuman(reasons=(Reason.NO_QUESTION,))
    if _PERSON.search(question.text):
        return ToHuman(reasons=(Reason.PERSON_REQUESTED,))
    if _unsafe(question, policy):
        return _refuse(question, Reason.UNSAFE)
    if not in_scope:
        return _refuse(question, Reason.OUT_OF_SCOPE)
    content = content_stems(question.text, question.language)
    vague = not question.previous and len(set(content)) <= policy.vague_words
    if vague and evidence.top_similarity < policy.vague_similarity:
        return _clarify(question, evidence, policy)
    if not evidence.passages or evidence.top_similarity < policy.min_similarity:
        return ToHuman(reasons=(Reason.NO_EVIDENCE,))
    if not paying:
        return ToHuman(reasons=(Reason.UNLIKELY,))
    if Tier.LARGE in paying and (
        count_questions(question.asks) >= policy.parts_for_large or len(content) >= policy.words_for_large
    ):
        return TryTier(tier=Tier.LARGE, reasons=(Reason.SEVERAL_PARTS,))
    return TryTier(tier=paying[0])


def _unsafe(question: Question, policy: RoutePolicy) -> bool:
    sentences = (span.text for span in split_sentences(" ".join(question.text.split())))
    return any(kind_of(sentence, policy.refused) for sentence in sentences)


def _refuse(question: Question, reason: Reason) -> Refuse:
    elsewhere, unsafe = _REFUSE.get(question.language, _REFUSE["en"])
    return Refuse(text=unsafe if reason is Reason.UNSAFE else elsewhere, reasons=(reason,))


def _clarify(question: Question, evidence: Evidence, policy: RoutePolicy) -> Clarify:
    """A question back that offers the nearest documents: no model writes it, so nothing in it is invented."""
    titles = [p.chunk.title for p in evidence.passages if p.similarity >= policy.min_similarity and p.chunk.title]
    options = tuple(dict.fromkeys(titles))[: policy.options]
    ask, offer = _CLARIFY.get(question.language, _CLARIFY["en"])
    text = "\n".join([f"{ask} {offer}", *(f"- {option}" for option in options)]) if options else ask
    return Clarify(question=text, options=options, reasons=(Reason.UNDERSPECIFIED,))
