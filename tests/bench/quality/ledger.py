"""What has been measured so far, so that a run that was cut off goes on where it stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from assistant.kernel.errors import InputError

Figures = Mapping[str, float | str]


class Key(NamedTuple):
    """Which draft: ``made_with`` is a digest of all that could change it."""

    variant: str
    question: str
    made_with: str


class Ledger:
    """A file of JSON lines, one a draft, written as soon as it is measured. The last line of a key counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known = dict(self._read()) if path.is_file() else {}

    def get(self, key: Key) -> Figures | None:
        return self._known.get(key)

    def add(self, key: Key, figures: Figures) -> None:
        self._known[key] = figures
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({**key._asdict(), **figures}, ensure_ascii=False) + "\n")

    def _read(self) -> list[tuple[Key, Figures]]:
        """All whole lines. Only the last one may have been cut off; it is taken out, for the next is appended."""
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            self._path.write_bytes(whole)
        read = []
        for number, line in enumerate(whole.decode().split("\n")[:-1], start=1):
            try:
                row = json.loads(line)
                key = Key(*(row.pop(name) for name in Key._fields))
            except (ValueError, KeyError, AttributeError) as error:
                raise InputError(f"{self._path}:{number} is not a measured draft", fix="Delete the line.") from error
            read.append((key, row))
        return read
