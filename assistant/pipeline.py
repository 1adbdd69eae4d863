"""The product on one screen: ``answer()`` takes a ticket to a cited draft, a question back, or a human.

The loop "small, then large, then human" lives here and nowhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import assert_never

from assistant.kernel.calibration import InForce
from assistant.kernel.conversation import (
    Answer,
    Clarify,
    Decision,
    Question,
    RawDraft,
    Refuse,
    Route,
    Sentence,
    Step,
    Ticket,
    Tier,
    ToHuman,
    TryTier,
    Wish,
)  # fmt: skip
from assistant.kernel.errors import (
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    DeskhandError,
    PromptTooLong,
    RetryLater,
)  # fmt: skip
from assistant.kernel.generation import Token
from assistant.kernel.knowledge import Evidence, Passage, Scope
from assistant.kernel.policy import Policy
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import (
    Attempt,
    EvidenceFound,
    OnEvent,
    Run,
    RunManifest,
    SentenceStands,
    StepTaken,
    TokenWritten,
)  # fmt: skip
from assistant.kernel.summary import Summarized
from assistant.ports import Clock, Embedder, IndexReader, LanguageModel, Reranker
from assistant.prompts import Prompt
from assistant.stages.appraise import appraise
from assistant.stages.decide import decide
from assistant.stages.generate import generate
from assistant.stages.hand_off import hand_off
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.stages.route import route
from assistant.stages.select import select
from assistant.stages.shield import shield
from assistant.stages.summarize import summarize as summarize_stage
from assistant.stages.verify import RunningDraft, verify
from assistant.text.answerability import answerability


@dataclass(frozen=True)
class Desk:
    """All that answering needs. ``models`` holds the tiers that exist; a missing one is skipped.

    ``summary_models`` are those that summarise, where they differ from those that draft. ``in_force`` gives the calibration that
    decides on a tenant's drafts, if there is one. ``in_scope`` tells of a tenant and a message whether it is about what is answered there,
    ``team_for`` which team is to be handed it.
    """

    index: IndexReader
    embedder: Embedder
    models: Mapping[Tier, LanguageModel]
    prompts: Mapping[str, Prompt]
    policy: Policy
    clock: Clock
    provenance: Callable[[int], RunManifest]
    new_id: Callable[[], str]
    default_language: str = "en"
    summary_tier: Tier = Tier.LARGE
    summary_models: Mapping[Tier, LanguageModel] | None = None
    reranker: Reranker | None = None
    in_force: Callable[[str], InForce | None] = lambda _: None
    in_scope: Callable[[str, str], bool] = lambda *_: True
    team_for: Callable[[str, str], str] = lambda *_: ""


def answer(ticket: Ticket, scope: Scope, desk: Desk, on_event: OnEvent = lambda _: None, wish: Wish = Wish()) -> Run:
    """One question, from ticket to decision. Raises Cancelled when ``on_event`` does; errors of one model do not."""
    work = _Work(desk, scope, on_event, wish)
    with work.timed("redact"):
        question = redact(ticket, desk.default_language)
    with work.timed("retrieve"):
        found = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval, desk.reranker)
    with work.timed("shield"):
        evidence, notes = shield(found, desk.policy.shield)
    work.incidents += notes
    on_event(EvidenceFound(evidence))
    with work.timed("route"):
        paying = work.paying(question, evidence, tuple(Tier))
        step: Route | Step = route(question, evidence, desk.policy.route, paying, in_scope=work.in_scope(question))
    while True:
        on_event(StepTaken(step))
        match step:
            case Answer() | Clarify() | Refuse():
                return work.finish(ticket, question, evidence, step)
            case ToHuman(reasons=reasons, draft=draft):
                team = desk.team_for(scope.tenant, question.text)
                handoff = hand_off(question, evidence, work.attempts, work.incidents, reasons, draft, team)
                return work.finish(ticket, question, evidence, handoff)
            case TryTier(tier=tier):
                step = work.try_tier(tier, question, evidence)
            case _:
                assert_never(step)


def summarize(ticket: Ticket, tenant: str, desk: Desk, deadline_s: float | None = None) -> Summarized:
    """A ticket in short, by the model the settings name for it (or the only one there is). Raises as it does."""
    question = redact(ticket, desk.default_language)
    models = desk.summary_models or desk.models
    if not models:
        raise ConfigurationError("no model is configured", fix="Set DESKHAND_SMALL_MODEL.")
    model = models.get(desk.summary_tier) or next(iter(models.values()))
    deadline_s = deadline_s or desk.policy.generate.deadline_s
    return summarize_stage(question, tenant, model, desk.prompts["summary"], desk.policy.summarize, deadline_s)


@dataclass
class _Work:
    """What one run has gathered so far; its verbs call the stages and keep the time."""

    desk: Desk
    scope: Scope
    on_event: OnEvent
    wish: Wish
    attempts: list[Attempt] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.desk.clock.monotonic()
        self.in_force = self.desk.in_force(self.scope.tenant)
        self.written = ""
        self.running: RunningDraft | None = None

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = self.desk.clock.monotonic()
        try:
            yield
        finally:
            spent = (self.desk.clock.monotonic() - start) * 1000
            self.timings_ms[stage] = round(self.timings_ms.get(stage, 0.0) + spent, 1)

    def try_tier(self, tier: Tier, question: Question, evidence: Evidence) -> Step:
        """Generate, verify and decide on one tier."""
        tiers = [known for known in Tier if known in self.desk.models]
        if tier not in tiers:
            return self._give_up_on(tier, Reason.MODEL_UNAVAILABLE, "is not configured")
        with self.timed("select"):
            shown = self._shown(question, evidence)
        with self.timed(f"generate_{tier}"):
            raw = self._write(tier, question, evidence, shown)
        if not isinstance(raw, RawDraft):
            return raw
        with self.timed("verify"):
            verdict = verify(question, raw, evidence, self.desk.policy.verify)
        self._tell_sentences(tier, self.running.rest(verdict.draft) if self.running else [])
        with self.timed("appraise"):
            features = answerability(question, evidence)
            features |= appraise(question, raw, verdict, evidence.passages, self.desk.reranker)
        assurance = self.in_force.assure(tier, features) if self.in_force else None
        later = self.paying(question, evidence, tiers[tiers.index(tier) + 1 :])
        step = decide(verdict, tier, (tier, *later), self.desk.policy.decide, assurance)
        self.attempts.append(Attempt(raw=raw, verdict=verdict, features=features, assurance=assurance, step=step))
        return step

    def paying(self, question: Question, evidence: Evidence, tiers: Sequence[Tier]) -> tuple[Tier, ...]:
        """Those of ``tiers`` that are worth trying; all where no calibration says what to expect of them."""
        return self.in_force.paying(answerability(question, evidence), tiers) if self.in_force else tuple(tiers)

    def in_scope(self, question: Question) -> bool:
        """Whether what is asked is answered here. A turn that follows others may leave what it is about to them: it always is."""
        return bool(question.previous) or self.desk.in_scope(self.scope.tenant, question.text)

    def _shown(self, question: Question, evidence: Evidence) -> Evidence:
        """What of the evidence a model gets to read."""
        policy = self.desk.policy
        best = evidence.passages[: policy.generate.passages]
        return evidence.model_copy(update={"passages": select(question, best, policy.select)})

    def _write(
        self, tier: Tier, question: Question, evidence: Evidence, shown: Evidence
    ) -> RawDraft | TryTier | ToHuman:
        """A draft by ``tier``, asked again when its process dies; the next tier when that fails too."""
        policy = self.desk.policy.generate
        model = self.desk.models[tier]
        for _ in range(policy.tries_per_tier):
            left = policy.deadline_s - (self.desk.clock.monotonic() - self.started)
            if left <= 0:
                return ToHuman(reasons=(Reason.OUT_OF_TIME,))
            try:
                return generate(
                    question, shown, tier, model, self.desk.prompts["draft"], policy,
                    tenant=self.scope.tenant, deadline_s=left, on_token=lambda token: self._tell(tier, token),
                    on_passages=lambda used: self._begin(question, evidence, used), wish=self.wish,
                )  # fmt: skip
            except RetryLater as error:
                self.incidents.append(f"{tier} model: {error}")
            except DeadlineExceeded:
                return ToHuman(reasons=(Reason.OUT_OF_TIME,))
            except PromptTooLong as error:
                return self._give_up_on(tier, Reason.QUESTION_TOO_LONG, str(error))
            except Cancelled:
                raise
            except DeskhandError as error:
                return self._give_up_on(tier, Reason.MODEL_UNAVAILABLE, str(error))
        return self._give_up_on(tier, Reason.MODEL_UNAVAILABLE, "gave no draft")

    def _give_up_on(self, tier: Tier, reason: Reason, why: str) -> TryTier | ToHuman:
        self.incidents.append(f"{tier} model: {why}")
        later = [
            known for known in Tier if known in self.desk.models and list(Tier).index(known) > list(Tier).index(tier)
        ]
        return TryTier(tier=later[0], reasons=(reason,)) if later else ToHuman(reasons=(reason,))

    def _begin(self, question: Question, evidence: Evidence, shown: Sequence[Passage]) -> None:
        """A draft starts from nothing: another tier's, or the same one's after its process died.

        It is checked against whole passages, whatever was shown of them.
        """
        whole = {passage.chunk.id: passage for passage in evidence.passages}
        passages = [whole[passage.chunk.id] for passage in shown]
        self.written, self.running = "", RunningDraft(question, passages, self.wish, self.desk.policy.verify)

    def _tell(self, tier: Tier, token: Token) -> None:
        self.on_event(TokenWritten(tier, token.text))
        self.written += token.text
        self._tell_sentences(tier, self.running.stands(self.written) if self.running else [])

    def _tell_sentences(self, tier: Tier, sentences: Sequence[tuple[int, Sentence]]) -> None:
        for place, sentence in sentences:
            self.on_event(SentenceStands(tier, place, sentence))

    def finish(self, ticket: Ticket, question: Question, evidence: Evidence, decision: Decision) -> Run:
        desk = self.desk
        self.timings_ms["total"] = round((desk.clock.monotonic() - self.started) * 1000, 1)
        return Run(
            id=desk.new_id(),
            tenant=self.scope.tenant,
            audiences=self.scope.audiences,
            ticket_id=ticket.id,
            created_at=desk.clock.now().isoformat(),
            question=question,
            evidence=evidence,
            attempts=tuple(self.attempts),
            incidents=tuple(self.incidents),
            decision=decision,
            manifest=self._manifest(evidence.generation),
            timings_ms=self.timings_ms,
        )

    def _manifest(self, generation: int) -> RunManifest:
        made_with = self.desk.provenance(generation)
        if self.in_force is None:
            return made_with
        return made_with.model_copy(update={"calibration": self.in_force.calibration.id})
