"""Plain text → Markdown that shows the text as it is: nothing in it turns into a heading, an image or a named link."""

import re

_URL = re.compile(r"(https?://(?>(?:[.,:?!]*[\w~/@$&*+=%-])+))(?![.,:?!]*[#;|{}])", re.ASCII)
_MARKS = re.compile(r"[\\`*_\[\]]|(?<=\])\(")
_RULE = re.compile(r"[-=][-=\s]*$|~~~")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NUMBERED = re.compile(r"\d+(?=\.)")
_UNSEEN = "\u2060"
"""A word joiner: takes no room, and a line that starts with it is neither a rule nor a fence."""


def as_markdown(text: str) -> str:
    """Line for line what ``text`` says. Web addresses in it can be clicked; an address with # stays plain."""
    return "\n".join(_line(line.strip()) for line in _CONTROL.sub("", text).splitlines())


def _line(line: str) -> str:
    parts = _URL.split(line)
    parts[::2] = [_MARKS.sub(r"\\\g<0>", part.replace("&", "&amp;").replace("<", "&lt;")) for part in parts[::2]]
    parts[1::2] = [f"<{url}>" for url in parts[1::2]]
    shown = "".join(parts)
    if _RULE.match(line):
        return _UNSEEN + shown
    if line.startswith(("#", ">", "+", "-")):
        return "\\" + shown
    number = _NUMBERED.match(shown)
    return f"{number[0]}\\{shown[number.end() :]}" if number else shown
