"""Undo hard line wrapping: mail, man pages and extracted pages break lines in the middle of sentences."""

import re

_LIST_START = re.compile(r"\s*(?:[-*•‣+]|\(?\d{1,3}[.)]|[a-zA-Z][.)])\s+")
_ENDS = re.compile(r"[.!?:;…。]['\")\]]*$")
_CONTINUES = re.compile(r"^[a-z,.;:!?)\]]")
MIN_SHARE = 0.15
"""Share of line breaks that fall inside a sentence from which a paragraph counts as wrapped."""


def unwrap(paragraph: str) -> str:
    """``paragraph`` with its wrapped lines joined, if it is wrapped; list items and finished lines stay.

    A paragraph is taken for wrapped when enough of its lines go on in lower case or with punctuation.
    Tables and lists of short lines, where none does, are left as they are.
    """
    lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
    breaks = len(lines) - 1
    inside = sum(bool(_CONTINUES.match(line)) for line in lines[1:])
    if breaks < 1 or inside / breaks < MIN_SHARE:
        return "\n".join(lines)
    joined = lines[:1]
    for line in lines[1:]:
        if _LIST_START.match(line) or (_ENDS.search(joined[-1]) and not _CONTINUES.match(line)):
            joined.append(line)
        else:
            glue = "" if line[0] in ",.;:!?)]" else " "
            joined[-1] = f"{joined[-1]}{glue}{line}"
    return "\n".join(joined)
