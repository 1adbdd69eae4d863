"""How fast a model reads and writes, through the same port as everything else: what users get, not what it could do."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.kernel.value import Value
from assistant.ports import LanguageModel

DEADLINE_S = 900.0
_WORDS = (
    "the parcel is late and support asks for an order number before anyone can look into it since two clerks share "
    "one desk while customers wait near a window that shows rain over roofs of brick"
).split()
Monotonic = Callable[[], float]


class Prefill(Value):
    """Reading: a prompt of so many tokens, to the first token of the reply."""

    prompt_tokens: int
    seconds: float
    tokens_per_s: float


class Decode(Value):
    """Writing: so many replies at once; all of them together, and each for itself."""

    replies: int
    tokens_per_s: float
    tokens_per_s_each: float


class Speed(Value):
    """``memory_mb`` is of the model's process, shared pages split, after all the rest; None where the system tells none."""

    model: str
    load_s: float
    memory_mb: int | None
    prefill: tuple[Prefill, ...]
    decode: tuple[Decode, ...]


def measure_prefill(model: LanguageModel, tokens: int, clock: Monotonic = time.monotonic) -> Prefill:
    """Read a prompt of about ``tokens`` tokens that no other begins with, so that nothing of it is known yet."""
    messages = _prompt(model, tokens)
    start = clock()
    done = run_to_end(
        model.stream(messages, Sampling(max_tokens=1), tenant="bench", deadline_s=DEADLINE_S), lambda _: None
    )
    seconds = clock() - start
    read = done.prompt_tokens - done.reused_tokens
    return Prefill(prompt_tokens=done.prompt_tokens, seconds=round(seconds, 3), tokens_per_s=round(read / seconds, 1))


def measure_decode(model: LanguageModel, replies: int, tokens: int, clock: Monotonic = time.monotonic) -> Decode:
    """Let ``replies`` threads each have a reply of up to ``tokens`` tokens written, at the same time.

    Raises ModelUnavailable when one of them failed.
    """
    times: list[list[float]] = [[] for _ in range(replies)]
    failures: list[Exception] = []

    def write(place: int) -> None:
        story = ChatMessage(role="user", content=f"Tell a very long story about {_WORDS[place % len(_WORDS)]}.")
        sampling = Sampling(max_tokens=tokens, temperature=0.8, seed=place)
        try:
            stream = model.stream((story,), sampling, tenant="bench", deadline_s=DEADLINE_S)
            run_to_end(stream, lambda _: times[place].append(clock()))
        except Exception as error:  # Told by the thread that waits for all.
            failures.append(error)

    threads = [threading.Thread(target=write, args=(place,), name="bench") for place in range(replies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise ModelUnavailable(f"{len(failures)} of {replies} replies failed: {failures[0]}") from failures[0]
    together = rate(times)
    return Decode(replies=replies, tokens_per_s=round(together, 1), tokens_per_s_each=round(together / replies, 1))


def rate(times: Sequence[Sequence[float]]) -> float:
    """Tokens a second of several replies, given when each token came.

    Taken while all were being written. Where there is no such time, since they were written one after the other,
    taken from the first token to the last.
    """
    written = [reply for reply in times if reply]
    if not written:
        return 0.0
    start, end = max(reply[0] for reply in written), min(reply[-1] for reply in written)
    if end <= start:
        start, end = min(reply[0] for reply in written), max(reply[-1] for reply in written)
    tokens = sum(start < at <= end for reply in written for at in reply)
    return tokens / (end - start) if end > start else 0.0


def memory_mb(pid: int) -> int | None:
    """Proportional resident memory of a process in megabytes, weights mapped from the file included (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:")), None)


def _prompt(model: LanguageModel, tokens: int) -> tuple[ChatMessage, ...]:
    """A chat of about ``tokens`` tokens, by the model's own count, that begins with a number of its own."""
    chance = random.Random(tokens)
    words = [str(time.time_ns()), *chance.choices(_WORDS, k=tokens)]
    counted = model.count_tokens((ChatMessage(role="user", content=" ".join(words)),))
    kept = max(1, int(len(words) * tokens / counted))
    return (ChatMessage(role="user", content=" ".join(words[:kept])),)
