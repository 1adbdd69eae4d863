"""The ways of drafting that are compared, and one draft made in one of them."""

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

import assistant
from assistant.engine.local import LocalModel
from assistant.engine.protocol import ModelFile
from assistant.kernel.conversation import Tier
from assistant.kernel.generation import Token
from assistant.kernel.policy import Policy
from assistant.policies import load_policy
from assistant.prompts import Prompt, load_prompt
from assistant.stages.generate import generate
from assistant.stages.select import select
from assistant.stages.verify import verify
from tests.bench.quality.cases import Case
from tests.bench.quality.measures import measure

DEADLINE_S = 600.0
BASE = "base"
_DRAFTS = (
    "engine/*.py",
    "stages/generate.py",
    "stages/verify.py",
    "text/alignment.py",
    "text/sentences.py",
    "text/words.py",
)
_SELECTS = ("stages/select.py", "text/reading.py", "text/language.py")
"""The code a draft and its figures depend on; the second part only where sentences are selected."""


class Variant(NamedTuple):
    """One way of drafting. ``base`` is what all others are held against."""

    name: str
    prompt: str = "draft/5"
    policy: str = "whole-10"
    reuse_passages: bool = False
    prompt_lookup: bool = False
    shuffled: bool = False
    """Whether passages stand in an order that has nothing to do with their rank."""
    quantised: bool = False
    """Whether it answers with the Q4_0 file in place of the model's own."""

    def file(self, own: ModelFile, q4: Path | None) -> ModelFile:
        """Its model: one of its own only where the engine must treat it in another way."""
        if self.quantised:
            assert q4 is not None
            return own.model_copy(update={"name": f"{own.name}-q4_0", "path": str(q4), "sha256": _sha256(q4)})
        if self.reuse_passages:
            return own.model_copy(update={"name": f"{own.name}-passages", "reuse_passages": True})
        if self.prompt_lookup:
            return own.model_copy(update={"name": f"{own.name}-lookup", "prompt_lookup": True})
        return own


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant(BASE),
        Variant("sentences", policy="default-10"),
        Variant("passages", reuse_passages=True),
        Variant("shuffled", shuffled=True),
        Variant("q4_0", quantised=True),
        Variant("lookup", prompt_lookup=True),
    )
}


class Writer:
    """Writes and measures the drafts of one variant."""

    def __init__(self, variant: Variant, model: LocalModel, file: ModelFile) -> None:
        self.variant = variant
        self._model = model
        self._prompt: Prompt = load_prompt(variant.prompt)
        self._policy: Policy = load_policy(variant.policy)[0]
        # The order of passages must not depend on what was asked before.
        self._generate = self._policy.generate.model_copy(update={"familiar_gain": 0})
        self.made_with = _digest(file, self._prompt, self._policy)

    def write(self, case: Case) -> dict[str, float | str]:
        """Figures of one draft, and its text. States are kept apart from the other variants' by the tenant."""
        policy, started, first = self._policy, time.monotonic(), [0.0]

        def on_token(_: Token) -> None:
            first[0] = first[0] or time.monotonic() - started

        best = case.evidence.passages[: policy.generate.passages]
        chosen = select(case.question, best, policy.select)
        if self.variant.shuffled:
            chosen = tuple(sorted(chosen, key=lambda passage: passage.chunk.id))
        shown = case.evidence.model_copy(update={"passages": chosen})
        raw = generate(
            case.question, shown, Tier.SMALL, self._model, self._prompt, self._generate,
            tenant=self.variant.name, deadline_s=DEADLINE_S, on_token=on_token,
        )  # fmt: skip
        total = time.monotonic() - started
        verdict = verify(case.question, raw, case.evidence, policy.verify)
        return {
            **measure(raw, verdict, case.gold, case.reference),
            "prompt_tokens": raw.completion.prompt_tokens,
            "reused_tokens": raw.completion.reused_tokens,
            "written_tokens": raw.completion.completion_tokens,
            "first_token_s": round(first[0], 3),
            "total_s": round(total, 3),
            "text": raw.completion.text,
        }


def _digest(file: ModelFile, prompt: Prompt, policy: Policy) -> str:
    """Changes whenever the same question might be answered, or measured, in another way."""
    folder = Path(assistant.__file__).parent
    patterns = (*_DRAFTS, *_SELECTS) if policy.select.passage_tokens else _DRAFTS
    sources = (path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern)))
    code = hashlib.sha256(b"\0".join((*sources, Path(measure.__code__.co_filename).read_bytes()))).hexdigest()
    parts = (
        file.model_dump_json(exclude={"path"}),
        prompt.sha256,
        policy.model_dump_json(include={"generate", "select", "verify"}),
        code,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
