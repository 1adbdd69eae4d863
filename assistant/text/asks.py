"""Which sentences of a message ask for something: customers tell a story and ask in one line of it."""

import re
from collections.abc import Sequence

from assistant.text.sentences import split_sentences

_OPENS = re.compile(
    r"^\W*(?:(?:so|and|but|also|first|second|then|hi|hello|hey|now)\b[\s,:]*)*"
    r"(?:how|what|when|where|why|which|who|whom|whose|can|could|is|are|do|does|did|will|would|may|should|am|has|have"
    r"|wie|was|wann|wo|warum|welche\w*|wer|kann|können|ist|sind|muss|darf"
    r"|comment|quand|où|pourquoi|quel\w*|qui|puis-je|est-ce|cómo|qué|cuándo|dónde|cuál|puedo)\b",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"(?<=\w)[\s,]+(?:and|und|et|y)\s+(?:how|what|when|where|why|which|who|can|could|do|does|is|are|will|wie|was|wann|wo|warum"
    r"|comment|quand|où|cómo|qué|cuándo|dónde)\b",
    re.IGNORECASE,
)
_WISHES = re.compile(
    r"\b(?:please|i need|we need|i want|we want|i(?:'d| would) like|looking for|tell me|let me know|wonder\w*|help me"
    r"|explain|show me|bitte|ich möchte|ich brauche|je voudrais|necesito|quisiera)\b",
    re.IGNORECASE,
)


def asking_sentences(text: str) -> list[str]:
    """The sentences of ``text`` that end in a question mark, open like a question, or utter a wish; in order."""
    return [span.text for span in split_sentences(text) if _asks(span.text)]


def count_questions(sentences: Sequence[str]) -> int:
    """How many things are asked: sentences with a question mark, and questions joined to them by an "and"."""
    asked = [text for text in sentences if _is_question(text)]
    return sum(1 + len(_JOINED.findall(text)) for text in asked)


def _is_question(sentence: str) -> bool:
    return sentence.rstrip("\"'”’) ").endswith("?")


def _asks(sentence: str) -> bool:
    return bool(_is_question(sentence) or _OPENS.match(sentence) or _WISHES.search(sentence))
