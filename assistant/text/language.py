"""Which language a text is in (py3langid, its model bundled, no network)."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MIN_CHARS = 20
"""Below this a guess is not worth having: 'OK, danke' is as likely Afrikaans."""
MIN_PROBABILITY = 0.9
_LANGUAGES = (
    "ar bg cs da de el en es et fi fr he hi hr hu id it ja ko lt lv nl no pl pt ro ru sk sl sv th tr uk vi zh".split()
)
"""Languages with a sizeable web; rare ones mostly steal short texts of their neighbours."""

LANGUAGE_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fi": "Finnish", "fr": "French", "hu": "Hungarian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
"""What a language is called when a model is asked to write it."""


def identify_language(text: str, default: str = "") -> str:
    """ISO 639-1 code of ``text``, or ``default`` when it is too short or too mixed to say."""
    sample = text.strip()[:2_000]
    if len(sample) < MIN_CHARS:
        return default
    code, probability = _identifier().classify(sample)
    return str(code) if probability >= MIN_PROBABILITY else default


@lru_cache(maxsize=1)
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)
    return identifier
