"""Bounds on a JSON schema from outside.

Engines turn a schema into a grammar, and repeat a rule as often as the schema says: a few bytes that ask for a
billion items would fill the memory of the process that owns the models.
"""

import json
import re

MAX_BYTES = 50_000
MAX_DEPTH = 30
MAX_REPETITIONS = 500
"""Grammars nest as deep as what may repeat, and their readers call themselves as often."""
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})


def check_schema(schema: dict[str, object]) -> str:
    """What is wrong with ``schema`` as a sentence, or nothing."""
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError):  # Not a number, half a character, or nested without end.
        return "It is not JSON that can be sent on"
    if size > MAX_BYTES:
        return f"It has {size} bytes; up to {MAX_BYTES} are supported"
    level: list[object] = [schema]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for part in level:
            if trouble := _trouble(part):
                return trouble
            inner += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        if not inner:
            return ""
        level = inner
    return f"It is nested deeper than {MAX_DEPTH} levels"


def _trouble(part: object) -> str:
    """What is wrong with one object of a schema. A property that is called like a keyword has a schema, no number."""
    if not isinstance(part, dict):
        return ""
    for keyword in _COUNTS & part.keys():
        count = part[keyword]
        if isinstance(count, int | float) and count > MAX_REPETITIONS:
            return f"{keyword} is above {MAX_REPETITIONS}"
    reference = part.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#/"):
        return "$ref may only point into the schema itself, beginning with #/"
    pattern = part.get("pattern")
    if isinstance(pattern, str) and any(_repeats_too_often(count) for count in _repetitions(pattern)):
        return f"pattern repeats something more than {MAX_REPETITIONS} times"
    if isinstance(pattern, str) and _repeats_repetitions(pattern):
        return "pattern repeats a group in which something is repeated or one of several; write it without"
    return ""


def _repeats_repetitions(pattern: str) -> bool:
    """Whether a group is repeated that has repetitions or alternatives: readers of such grammars take for ever."""
    branches = [False]
    plain = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "x", pattern, flags=re.DOTALL)
    for at, character in enumerate(plain):
        if character == "(":
            branches.append(False)
        elif character == ")" and len(branches) > 1:
            inner = branches.pop()
            if inner and plain[at + 1 : at + 2] in ("*", "+", "{"):
                return True
            branches[-1] = branches[-1] or inner
        elif character in "*+{|":
            branches[-1] = True
    return False


def _repetitions(pattern: str) -> list[str]:
    """The numbers of its quantifiers, such as {2,5}."""
    return re.findall(r"\d+", " ".join(re.findall(r"\{[\d,]*\}", pattern)))


def _repeats_too_often(count: str) -> bool:
    return len(count) > 6 or int(count) > MAX_REPETITIONS
