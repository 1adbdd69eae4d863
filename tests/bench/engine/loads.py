"""What the contestants are given: drafts and summaries as the pipeline's own stages would ask for them."""

import itertools
import json
import random
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from assistant.batches.lines import parse_line
from assistant.config import Settings
from assistant.evaluation.formats import read_queries
from assistant.evaluation.summaries import read_dialogues
from assistant.kernel.conversation import Question, Ticket, Tier
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, Token
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.kernel.policy import SummarizePolicy
from assistant.policies import load_policy
from assistant.prompts import load_prompt
from assistant.stages.generate import generate
from assistant.stages.redact import redact
from assistant.stages.summarize import summarize
from tests.bench.engine.contestants import CONTEXT_LENGTH, Ask
from tests.summaries import written

PASSAGES = 120
PASSAGE_TOKENS = range(80, 301)
A_SUMMARY = written("")


class Loads:
    """Real passages, questions and dialogues. What is drawn depends on the seed alone."""

    def __init__(
        self, passages: Sequence[Passage], questions: Sequence[Question], dialogues: Sequence[Question]
    ) -> None:
        self.passages, self._questions, self._dialogues = passages, questions, dialogues
        self._draft = load_prompt(_set("draft_prompt")), load_policy(_set("policy"))[0].generate
        self._summary = load_prompt(_set("summary_prompt"))

    def drafts(self, seed: str, count: int, tokens: int, passages: int = 3) -> list[Ask]:
        """``count`` drafts of ``tokens`` tokens, each with its passages drawn by a Zipf law with exponent 1."""
        chance = random.Random(seed)
        asks = []
        for _ in range(count):
            question, drawn = chance.choice(self._questions), self._drawn(chance, passages)
            orders = tuple(
                self._asked(question, drawn.model_copy(update={"passages": order}))
                for order in itertools.permutations(drawn.passages)
            )
            asks.append(Ask(messages=orders[0], max_tokens=tokens, fill=True, orders=orders))
        return asks

    def summaries(self, count: int) -> list[Ask]:
        """The first ``count`` dialogues, over again when there are fewer."""
        return [self._summarised(self._dialogues[number % len(self._dialogues)]) for number in range(count)]

    def long_text(self, seed: str, tokens: int, count: Callable[[str], int]) -> str:
        """Text of about so many tokens, that begins like no other."""
        chance = random.Random(seed)
        words = [f"{chance.getrandbits(40):x}"]
        while len(words) < tokens:  # No vocabulary has fewer tokens than words.
            words += chance.choice(self.passages).chunk.text.split()
        words = words[:tokens]
        return " ".join(words[: round(tokens * tokens / count(" ".join(words)))])

    def _drawn(self, chance: random.Random, count: int) -> Evidence:
        ranks = {rank: 1 / (rank + 1) for rank in range(len(self.passages))}
        drawn = []
        for _ in range(min(count, len(ranks))):
            (rank,) = chance.choices(list(ranks), list(ranks.values()))
            del ranks[rank]
            drawn.append(self.passages[rank])
        return Evidence(passages=tuple(drawn), generation=1, top_similarity=drawn[0].similarity)

    def _asked(self, question: Question, evidence: Evidence) -> tuple[ChatMessage, ...]:
        asked = _Asked()
        template, policy = self._draft
        generate(
            question, evidence, Tier.SMALL, asked, template, policy, tenant="bench", deadline_s=1, on_token=lambda _: None
        )  # fmt: skip
        return asked.messages

    def _summarised(self, question: Question) -> Ask:
        asked = _Asked()
        summarize(question, "bench", asked, self._summary, SummarizePolicy(min_support=0.0), deadline_s=1)
        assert asked.sampling is not None
        schema, tokens = asked.sampling.json_schema, asked.sampling.max_tokens
        return Ask(messages=asked.messages, max_tokens=tokens, json_schema=schema, bulk=True)


class _Asked:
    """Stands in for a model to learn what a stage asks one."""

    card = ModelCard(name="asked", sha256="", context_length=CONTEXT_LENGTH)
    messages: tuple[ChatMessage, ...] = ()
    sampling: Sampling | None = None

    def known_tokens(self, messages: Sequence[ChatMessage], *, tenant: str) -> int:
        return 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in messages) // 4

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, tenant: str, deadline_s: float
    ) -> Generator[Token, None, Completion]:
        self.messages, self.sampling = tuple(messages), sampling
        yield from ()
        return Completion(text=A_SUMMARY, finish="stop", prompt_tokens=0, completion_tokens=0)


def read_loads(data: Path, count: Callable[[str], int]) -> Loads:
    """The works' material below ``data``; ``count`` gives the tokens of a text. Raises InputError or OSError."""
    rows = [json.loads(line) for line in (data / "mtrag" / "corpus.jsonl").read_text("utf-8").splitlines()]
    random.Random("passages").shuffle(rows)
    passages: list[Passage] = []
    for row in rows:
        if len(passages) < PASSAGES and (tokens := count(row["text"])) in PASSAGE_TOKENS:
            passages.append(_passage(row["_id"], row["title"], row["text"], tokens))
    questions = [redact(query.ticket) for query in read_queries(data / "mtrag" / "queries_dev.jsonl")]
    dialogues = [
        redact(parse_line(dialogue.source, "bench", _no_ticket_elsewhere))
        for dialogue in read_dialogues(data / "summaries" / "dialogsum_dev.jsonl")
    ]
    return Loads(passages, questions, dialogues)


def _passage(id_: str, title: str, text: str, tokens: int) -> Passage:
    chunk = Chunk(
        id=id_,
        document_key=id_,
        title=title,
        url="",
        audience=Audience.PUBLIC,
        ordinal=0,
        heading_path=(),
        text=text,
        tokens=tokens,
    )
    return Passage(chunk=chunk, similarity=0.6, lexical=1.0, fused=0.03)


def _no_ticket_elsewhere(*_: object) -> Ticket:
    raise InputError("a dialogue of the benchmark names a ticket elsewhere", field="dialogues")


def _set(setting: str) -> str:
    """What Deskhand would use here: its default, unless a DESKHAND_… variable says otherwise."""
    return str(getattr(Settings(), setting))
