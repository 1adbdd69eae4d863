"""Ticket → Question: find what is asked, and mask personal data before anything is stored or embedded."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import phonenumbers

from assistant.kernel.conversation import Message, Question, Ticket
from assistant.text.asks import asking_sentences
from assistant.text.language import identify_language
from assistant.text.safe_html import seen

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    r"|\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|dh)[-_]?(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,}\b",
    re.DOTALL,
)
_PASSWORD = re.compile(
    r"(?i)\b(password|passwort|passphrase|pin)(\s*[:=]\s*|\s+(?:is|was|ist|lautet)\s+(?=\S*[\d!@#$%^&*_]))(\S{4,})"
)
_QUOTED = re.compile(r"^\s*>|^\s*On .{5,120} wrote:\s*$|^-{2,}\s*Original Message\s*-{2,}", re.IGNORECASE)
_ISO_639_1 = {
    "eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "nld": "nl", "dut": "nl",
    "por": "pt", "pol": "pl", "swe": "sv", "dan": "da", "fin": "fi", "nor": "no", "nob": "no", "nb": "no", "nn": "no",
}  # fmt: skip
_SIGNATURE = re.compile(r"^-- ?$")


def redact(ticket: Ticket, default_language: str = "en") -> Question:
    """The customer's question with e-mail addresses, phone and card numbers, IBANs and secrets masked, and without
    characters that nobody sees, which hide words from every check.

    The question is everything the customer wrote since the last reply, without quoted text and signature.
    The language is the ticket's, or found from the customer's words, or ``default_language``.
    """
    counts: Counter[str] = Counter()
    transcript = tuple(
        Message(author=message.author, text=_mask(seen(message.text), counts), at=message.at)
        for message in ticket.messages
    )
    subject = _mask(seen(ticket.subject), counts).strip()
    turns = _customer_turns(transcript)
    text = turns[-1] if turns else ""
    previous = turns[-2] if len(turns) > 1 else ""
    if subject and subject.lower() not in text.lower() and not previous:
        text = f"{subject}\n{text}".strip()
    language = _two_letters(ticket.language) or identify_language("\n".join([subject, *turns]), default_language)
    return Question(
        subject=subject,
        text=text,
        previous=previous,
        earlier=tuple(reversed(turns[:-2])),
        reply=_last_reply(transcript),
        asks=tuple(asking_sentences(turns[-1])) or (text,) if turns else (),
        transcript=transcript,
        language=language,
        redacted=dict(counts),
    )


def mask(text: str) -> str:
    """``text`` with what ``redact`` masks replaced by ``[email]``, ``[phone]``, ``[card]``, ``[iban]`` and ``[secret]``.

    It cannot see names, postal addresses, order and customer numbers, or phone numbers without a country code.
    Masked text stays as it is.
    """
    return _mask(text, Counter())


def _two_letters(language: str | None) -> str:
    """ISO 639-1 of a language tag, or nothing for a tag it does not know: the words then tell."""
    code = (language or "").lower().split("-")[0]
    return _ISO_639_1.get(code, code if len(code) == 2 else "")


def _customer_turns(messages: Sequence[Message]) -> list[str]:
    """What the customer wrote, one string for each run of messages between replies."""
    turns: list[str] = []
    joins = False
    for message in messages:
        if message.author == "customer":
            own = _own_words(message.text)
            if not own:
                continue
            if joins:
                turns[-1] = f"{turns[-1]}\n{own}"
            else:
                turns.append(own)
            joins = True
        elif message.author == "agent":
            joins = False
    return turns


def _last_reply(messages: Sequence[Message]) -> str:
    return next((_own_words(message.text) for message in reversed(messages) if message.author == "agent"), "")


def _own_words(text: str) -> str:
    """``text`` up to its signature, without lines quoted from earlier mail; all of it if nothing else is left."""
    kept = []
    for line in text.splitlines():
        if _SIGNATURE.match(line):
            break
        if not _QUOTED.match(line):
            kept.append(line)
    return "\n".join(kept).strip() or text.strip()


def _mask(text: str, counts: Counter[str]) -> str:
    text = _sub(_SECRET, "secret", text, counts)
    text = _PASSWORD.sub(lambda match: _counted(counts, "secret", f"{match[1]}{match[2]}[secret]"), text)
    text = _sub(_EMAIL, "email", text, counts)
    text = _sub(_IBAN, "iban", text, counts, _is_iban)
    text = _sub(_CARD, "card", text, counts, _is_card)
    for match in reversed(list(phonenumbers.PhoneNumberMatcher(text, None))):
        counts["phone"] += 1
        text = f"{text[: match.start]}[phone]{text[match.end :]}"
    return text


def _sub(
    pattern: re.Pattern[str],
    kind: str,
    text: str,
    counts: Counter[str],
    valid: Callable[[str], bool] = lambda _: True,
) -> str:
    def replace(match: re.Match[str]) -> str:
        return _counted(counts, kind, f"[{kind}]") if valid(match.group()) else match.group()

    return pattern.sub(replace, text)


def _counted(counts: Counter[str], kind: str, text: str) -> str:
    counts[kind] += 1
    return text


def _is_card(text: str) -> bool:
    """Luhn checksum (ISO/IEC 7812-1)."""
    digits = [int(ch) for ch in text if ch.isdigit()]
    total = sum(d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits)))
    return len(set(digits)) > 1 and total % 10 == 0


def _is_iban(text: str) -> bool:
    """Modulo-97 checksum (ISO 13616)."""
    bare = text.replace(" ", "")
    number = "".join(str(int(ch, 36)) for ch in bare[4:] + bare[:4])
    return 15 <= len(bare) <= 34 and int(number) % 97 == 1
