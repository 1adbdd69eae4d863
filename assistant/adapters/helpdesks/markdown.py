"""Plain text → Markdown that shows the text as it is: nothing in it turns into a heading, an image or a named link."""

import re

_URL = re.compile(r"(https?://[^\s<>()\[\]\"'`\\#]*[^\s<>()\[\]\"'`\\#.,;:!?])(?![^\s<>()\[\]\"'`.,;:!?])")
_MARKS = re.compile(r"[\\`*_\[\]]|(?<=\])\(")
_RULE = re.compile(r"[-=][-=\s]*|~~~.*")
_NUMBERED = re.compile(r"\d+(?=\.)")
_UNSEEN = "\u2060"
"""A word joiner: takes no room, and a line that starts with it is neither a rule nor a fence."""


def as_markdown(text: str) -> str:
    """Line for line what ``text`` says. Web addresses in it can be clicked; an address with # stays plain."""
    return "\n".join(_line(line.strip()) for line in text.splitlines())


def _line(line: str) -> str:
    if _RULE.fullmatch(line):
        return _UNSEEN + line
    parts = _URL.split(line)
    parts[::2] = [_MARKS.sub(r"\\\g<0>", part.replace("&", "&amp;").replace("<", "&lt;")) for part in parts[::2]]
    parts[1::2] = [f"<{url}>" for url in parts[1::2]]
    shown = "".join(parts)
    if shown.startswith(("#", ">", "+")):
        return "\\" + shown
    number = _NUMBERED.match(shown)
    return f"{number[0]}\\{shown[number.end() :]}" if number else shown
