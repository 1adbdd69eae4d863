"""Drafts and questions beside an ingest that embeds: with the compute lane, without it, and alone, in turns in one run.

Without the lane is how a guest of the service used to embed: 64 texts in a request, whatever else went on.
"""

import gzip
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from assistant.config import Settings
from assistant.engine.lane import BATCH
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import ChatMessage, Sampling, Token, run_to_end
from assistant.ports import Embedder, Vectors
from assistant.wiring import App
from tests.bench.report import keep, show

ROUNDS, DRAFTS, QUESTIONS = 3, 2, 3
PASSAGE_CHARS, PASSAGES, REPLY_TOKENS = 1_000, 2, 48
OLD_REQUEST = 64
NO_LANE = "beside an ingest without it"
QUESTION = "How do I change the language of the menus?"


class Seen(NamedTuple):
    """What one draft or question saw. ``embedded`` texts a second is the ingest's, meanwhile."""

    first_token_s: float
    tokens_a_s: float
    question_s: float
    embedded: float


class Company:
    """An ingest beside the drafts, or nobody: embeds ``at_once`` passages again and again and counts them."""

    def __init__(self, embed: Callable[[list[str]], Vectors] | None, at_once: int) -> None:
        self._embed, self._at_once = embed, at_once
        self.embedded = 0

    @contextmanager
    def present(self, passages: list[str]) -> Iterator[None]:
        if self._embed is None:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._ingest, args=(passages, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _ingest(self, passages: list[str], over: threading.Event) -> None:
        assert self._embed is not None
        for at in itertools.cycle(range(0, len(passages) - self._at_once + 1, self._at_once)):
            if over.is_set():
                return
            self._embed(passages[at : at + self._at_once])
            self.embedded += self._at_once


def main(corpus: Path) -> None:
    passages = read(corpus)
    fresh = reversed(passages)
    with tempfile.TemporaryDirectory() as folder:
        app = App(Settings(data_dir=Path(folder)), hosting=True)
        app.model_process.start()
        app.embedder.embed(["warm up"])
        look(app, app.embedder, Company(None, 0), itertools.islice(fresh, PASSAGES))  # The first finds all cold.
        ways = {
            "alone": Company(None, 0),
            NO_LANE: Company(app.own_embedder.embed, OLD_REQUEST),
            "beside an ingest in the lane": Company(app.bulk_embedder.embed, BATCH),
        }
        seen: dict[str, list[Seen]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, company in ways.items():
                embedder = app.own_embedder if name == NO_LANE else app.embedder
                with company.present(passages[: len(passages) // 2]):
                    seen[name] += [
                        look(app, embedder, company, itertools.islice(fresh, PASSAGES)) for _ in range(DRAFTS)
                    ]
        app.close()
    tell(seen)


def look(app: App, embedder: Embedder, company: Company, passages: Iterable[str]) -> Seen:
    """A question embedded, QUESTIONS times, and then a draft of passages never read before."""
    questions = [timed(lambda: embedder.embed([QUESTION])) for _ in range(QUESTIONS)]
    prompt = ChatMessage(role="user", content="\n\n".join((*passages, f"Explain this at length. {QUESTION}")))
    arrivals: list[float] = []

    def arrived(_: Token) -> None:
        arrivals.append(time.monotonic())

    sampling = Sampling(max_tokens=REPLY_TOKENS, temperature=0.0)
    before, started = company.embedded, time.monotonic()
    run_to_end(app.models[Tier.SMALL].stream((prompt,), sampling, tenant="bench", deadline_s=300), arrived)
    ended = time.monotonic()
    return Seen(
        first_token_s=arrivals[0] - started,
        tokens_a_s=(len(arrivals) - 1) / (arrivals[-1] - arrivals[0]),
        question_s=statistics.median(questions),
        embedded=(company.embedded - before) / (ended - started),
    )


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def tell(seen: dict[str, list[Seen]]) -> None:
    medians = {
        name: Seen(*(statistics.median(column) for column in zip(*rows, strict=True))) for name, rows in seen.items()
    }
    alone = medians["alone"]
    rows = [
        (
            name,
            round(median.first_token_s, 2),
            round(median.first_token_s / alone.first_token_s, 2),
            round(median.tokens_a_s, 1),
            round(median.tokens_a_s / alone.tokens_a_s, 2),
            round(median.question_s * 1_000),
            round(median.embedded, 1),
        )
        for name, median in medians.items()
    ]
    columns = (
        "Draft",
        "first token, s",
        "ratio",
        "tokens a s",
        "ratio",
        "question embedded, ms",
        "texts a s meanwhile",
    )
    show(f"lane (medians of {ROUNDS * DRAFTS} drafts, in turns)", columns, rows)
    keep("lane", {name: median._asdict() for name, median in medians.items()})


def read(corpus: Path) -> list[str]:
    """Passages of equal length out of the corpus, the beginning of each document."""
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        texts = (json.loads(line)["text"][:PASSAGE_CHARS] for line in itertools.islice(lines, 2_000))
        return [text for text in texts if len(text) == PASSAGE_CHARS]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
