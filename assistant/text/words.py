"""What a sentence claims, as comparable pieces: content words, numbers, names and links."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'\])}]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|(?<![\w.-])(?:(?:[^\W_]|-){1,63}\.){1,5}[a-z]{2,24}(?![\w-])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.,])\.\d+|\d+(?:[.,]\d+)*")
_MEASURES = {
    "$": "$", "usd": "$", "dollar": "$", "dollars": "$", "€": "€", "eur": "€", "euro": "€", "euros": "€",
    "£": "£", "gbp": "£", "pound": "£", "pounds": "£", "%": "%", "percent": "%", "per cent": "%", "prozent": "%",
}  # fmt: skip
_MEASURE = "|".join(map(re.escape, sorted(_MEASURES, key=len, reverse=True)))
_MEASURED = re.compile(
    rf"(?P<sign>(?<![\w.,)%-])[-−])?(?:(?P<before>{_MEASURE})\s?)?(?<![\w.,])(?P<number>\d+(?:[.,]\d+)*|\.\d+)"
    rf"(?:\s?(?P<after>{_MEASURE})(?!\w))?",
    re.IGNORECASE,
)
_CITATION = re.compile(r"\s*\[\s*\d+(?:\s*[,;]\s*\d+)*\s*\]")
_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty""".split()
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred".split()
_NUMBER_WORDS = {word: str(value) for value, word in [*enumerate(_UNITS), *zip(range(30, 101, 10), _TENS, strict=True)]}
_STOPWORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being
    below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during
    each either else etc ever few for from further get gets got had hadn't has hasn't have haven't having he her
    here hers herself hi him himself his how however i i'd i'll i'm i've if in into is isn't it it's its itself
    just let like me more most much must my myself no nor not now of off on once only or other our ours
    ourselves out over own per please quite rather really same shall she should shouldn't since so some such than
    that that's the their theirs them themselves then there there's these they they're this those though through
    thus to too under until up upon us very via was wasn't we we're well were weren't what what's when where
    whether which while who whom whose why will with within without won't would wouldn't yes yet you you'd you'll
    you're you've your yours yourself yourselves hello dear thanks thank hey okay ok""".split()
)
_OTHER_STOPWORDS = {
    "de": """aber alle als am an auch auf aus bei bin bis das dass dem den der des die dies diese dieser doch du durch ein
        eine einem einen einer eines er es für haben habe hat hier ich ihr ihre im in ist ja kann können man mein meine
        mich mir mit nach nicht noch nur oder ohne schon sein sich sie sind so über um und uns unser von vor war was
        wenn wer wie wir wird werden wo zu zum zur bitte hallo danke""".split(),
    "fr": """ai au aux avec avez avons ce ces cette comment dans de des du elle elles en est et été être fait il ils je la
        le les leur lui ma mais me mes mon ne nos notre nous on ou où par pas peut peux plus pour pouvez qu que quel
        quelle qui sa se ses si son sont sur ta te tu un une vos votre vous merci bonjour""".split(),
    "es": """al algo como con cuando de del desde donde el ella ellos en es esta está este esto ha hay la las le les lo los
        más me mi mis muy no nos nuestro o para pero por puede puedo que qué se ser si sí sin son su sus te tiene tu un
        una uno unos y ya gracias hola""".split(),
    "it": """al alla anche che chi ci come con da dal dalla dei del della delle di dove e è ed gli ha hai ho i il in io la
        le lei lo ma mi mio nel nella no noi non o per perché più può quando quello questo se si sono su sua suo ti tra
        tu un una uno vi voi grazie ciao""".split(),
}
_STEMMERS = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip


def strip_citations(text: str) -> str:
    """``text`` without marks such as ``[1]`` or ``[1, 2]``."""
    return _CITATION.sub("", text)


def words(text: str) -> list[str]:
    """Words in order, as written."""
    return [match.group() for match in _WORD.finditer(text)]


def stems(text: str, language: str = "en") -> list[str]:
    """Stems of all words in order, common ones too."""
    return [_stem(word.lower(), language) for word in words(text)]


def content_stems(text: str, language: str = "en") -> list[str]:
    """Stems of the words that carry meaning, in order, with repeats. Number words become digits."""
    stems = []
    common = _stopwords(language[:2])
    for word in words(text):
        lowered = word.lower().replace("’", "'")
        if lowered in common:
            continue
        lowered = lowered.removesuffix("'s")
        stems.append(_NUMBER_WORDS.get(lowered) or _stem(lowered, language))
    return stems


def share(stems: Sequence[str], pool: frozenset[str]) -> float:
    """How many of ``stems``, with repeats, are in ``pool`` (0 to 1)."""
    return sum(stem in pool for stem in stems) / len(stems) if stems else 0.0


def numbers(text: str) -> set[str]:
    """Numbers in a canonical form: ``1,000`` and ``1000`` are equal, so are ``2.50`` and ``2.5``, and ``three`` and ``3``."""
    bare = _LINK.sub(" ", text)
    found = {_canonical_number(match.group()) for match in _NUMBER.finditer(bare)}
    found.update(_NUMBER_WORDS[word] for word in map(str.lower, words(bare)) if word in _NUMBER_WORDS)
    found.discard("")
    return found


def measured(text: str) -> dict[str, set[str]]:
    """Number → with which signs and currencies, or a per cent sign, it stands: an empty one where it stands alone."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for match in _MEASURED.finditer(_LINK.sub(" ", text)):
        measure = _MEASURES.get((match["before"] or match["after"] or "").lower(), "")
        found[_canonical_number(match["number"])].add(("-" if match["sign"] else "") + measure)
    return found


def names(text: str) -> set[str]:
    """Words written like names, lower-cased: capitalised inside a sentence, or with capitals or digits within.

    The first word of a sentence counts only if its capitals are not explained by its place.
    """
    found = set()
    first = True
    for match in re.finditer(r"[^\W_]+(?:[-'’][^\W_]+)*|[.!?:;\n]", _LINK.sub(" ", text)):
        word = match.group()
        if word in ".!?:;\n":
            first = True
            continue
        inner = any(ch.isupper() for ch in word[1:])
        capital = word[0].isupper() and len(word) > 1
        if any(ch.isalpha() for ch in word) and (inner or (capital and not first)):
            found.add(word.lower().replace("’", "'").removesuffix("'s"))
        first = False
    return {name for name in found if name not in _STOPWORDS}


def links(text: str) -> set[str]:
    """Web addresses and e-mail addresses, lower-cased, without trailing punctuation."""
    return {match.group().lower().rstrip(".,;:!?)/") for match in _LINK.finditer(text)}


@lru_cache(maxsize=16)
def _stopwords(language: str) -> frozenset[str]:
    """English ones too: support mail in any language quotes English."""
    return _STOPWORDS.union(_OTHER_STOPWORDS.get(language, ()))


@lru_cache(maxsize=100_000)
def _stem(word: str, language: str) -> str:
    return str(_stemmer(_STEMMERS.get(language[:2], "english")).stemWord(word))


@lru_cache(maxsize=16)
def _stemmer(name: str) -> "snowballstemmer.stemmer":
    return snowballstemmer.stemmer(name)


def _canonical_number(text: str) -> str:
    digits = text
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+(,\d+)?", digits):
        digits = digits.replace(".", "")
    digits = digits.replace(",", ".")
    if digits.count(".") == 1:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or ("0" if digits else "")
