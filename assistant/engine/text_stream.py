"""Token bytes → text as it may be shown: whole characters only, and nothing past a stop string."""

import codecs
from collections.abc import Sequence


class TextStream:
    """Holds back what might still become a stop string or is part of a character."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.text = ""
        self.stopped = False

    def push(self, piece: bytes) -> str:
        """Text that is now certain. After a stop string ``stopped`` is true and nothing more comes."""
        return self._release(self._decoder.decode(piece))

    def end(self) -> str:
        """What was held back, at the end of the stream."""
        if self.stopped:
            return ""
        last = self._release(self._decoder.decode(b"", True))
        held, self._held = self._held, ""
        self.text += held
        return last + held

    def _release(self, new: str) -> str:
        if self.stopped:
            return ""
        text = self._held + new
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped = True
            self._held = ""
            ready = text[: min(found)]
        else:
            keep = max((_overlap(text, stop) for stop in self._stop), default=0)
            ready, self._held = text[: len(text) - keep], text[len(text) - keep :]
        self.text += ready
        return ready


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that begins ``stop``."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-size:])), 0)
