"""Feedback → instruction-tuning rows, a JSON object each: what a model was asked, and what a person sent.

Everything is masked again, also what an agent wrote. Masking cannot see names, postal addresses and order numbers:
have a person look before a model is trained on it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from assistant.kernel.conversation import Answer, proposed
from assistant.kernel.knowledge import Audience
from assistant.kernel.learning import GivenFeedback, Lesson
from assistant.kernel.runs import Attempt, Feedback, Run
from assistant.stages.redact import mask
from assistant.text.particulars import PLACEHOLDER
from assistant.text.reply_body import without_html

Form = Literal["plain", "chat"]


class Skipped(StrEnum):
    """Why a run gives no row."""

    NOTHING_SENT = "no sent text, and no thumbs-up for an answer"
    NO_PROMPT = "no model was asked"
    INTERNAL = "its prompt holds internal passages"


@dataclass
class Tally:
    """What came of an export. ``masked`` counts rows whose target holds a placeholder such as [email]."""

    rows: int = 0
    masked: int = 0
    skipped: Counter[Skipped] = field(default_factory=Counter)


class _Target(NamedTuple):
    given: GivenFeedback
    text: str
    source: Literal["sent", "accepted_draft"]


def export(lessons: Iterable[Lesson], form: Form, tally: Tally, *, internal: bool = False) -> Iterator[str]:
    """A line of JSON for each run that teaches something, in the order of ``lessons``; ``tally`` is kept on the way.

    ``chat`` is ``{"messages": […, {"role": "assistant", "content": what was sent}]}``, the conversational form of
    TRL and axolotl. ``plain`` has all that is known. HTML of a sent text becomes the text a reader saw. A run gives one row: with its newest sent text, or, when the last
    word on it is a thumbs-up, with the draft as it was delivered.
    """
    for lesson in lessons:
        row = _row(lesson, form, internal=internal)
        if isinstance(row, Skipped):
            tally.skipped[row] += 1
            continue
        masked = _masked(row)
        tally.rows += 1
        tally.masked += PLACEHOLDER.search(_target_of(masked, form)) is not None
        yield json.dumps(masked, ensure_ascii=False) + "\n"


def discard_reason(feedback: Feedback) -> str:
    """Why a draft was of no use, as a code, where the feedback tells one."""
    return feedback.reason.value if feedback.reason is not None else ""


def _row(lesson: Lesson, form: Form, *, internal: bool) -> dict[str, Any] | Skipped:
    target = _target(lesson)
    if target is None:
        return Skipped.NOTHING_SENT
    if not lesson.run.attempts:
        return Skipped.NO_PROMPT
    attempt = lesson.run.attempts[-1]
    passages = _passages(lesson.run, attempt)
    if not internal and any(passage["audience"] == Audience.INTERNAL for passage in passages):
        return Skipped.INTERNAL
    prompt = [{"role": message.role, "content": message.content} for message in attempt.raw.messages]
    if form == "chat":
        return {"messages": [*prompt, {"role": "assistant", "content": target.text}]}
    return _plain(lesson.run, attempt, prompt, passages, target)


def _plain(
    run: Run, attempt: Attempt, prompt: list[dict[str, str]], passages: list[dict[str, str]], target: _Target
) -> dict[str, Any]:
    feedback = target.given.feedback
    return {
        "run_id": run.id,
        "created_at": run.created_at,
        "given_at": target.given.given_at,
        "language": run.question.language,
        "decision": run.decision.kind,
        "model": {"name": attempt.raw.model.name, "sha256": attempt.raw.model.sha256, "tier": attempt.raw.tier.value},
        "prompt_version": run.manifest.prompt,
        "prompt": prompt,
        "passages": passages,
        "draft": proposed(run.decision),
        "raw": attempt.raw.completion.text,
        "target": target.text,
        "target_is": target.source,
        "verdict": feedback.verdict,
        "reason": discard_reason(feedback),
        "comment": feedback.comment,
    }


def _target(lesson: Lesson) -> _Target | None:
    sent = [given for given in lesson.feedback if given.feedback.sent_text.strip()]
    if sent:
        return _Target(sent[-1], without_html(sent[-1].feedback.sent_text), "sent")
    last = lesson.feedback[-1] if lesson.feedback else None
    if last is not None and last.feedback.verdict == "up" and isinstance(lesson.run.decision, Answer):
        return _Target(last, lesson.run.decision.draft.text, "accepted_draft")
    return None


def _passages(run: Run, attempt: Attempt) -> list[dict[str, str]]:
    """The passages that stood in the prompt. One that the run no longer knows counts as internal."""
    chunks = {passage.chunk.id: passage.chunk for passage in run.evidence.passages}
    found = []
    for passage_id in attempt.raw.passages_used:
        chunk = chunks.get(passage_id)
        found.append(
            {
                "id": passage_id,
                "title": chunk.heading_line() if chunk else "",
                "text": chunk.text if chunk else "",
                "audience": (chunk.audience if chunk else Audience.INTERNAL).value,
            }
        )
    return found


_AS_IT_IS = {"run_id", "created_at", "given_at", "language", "decision", "sha256", "id", "audience", "role", "tier"}


def _masked(value: Any, name: str = "") -> Any:
    """Every text in a row masked, but for ids and codes, whose digits may look like card numbers."""
    if isinstance(value, str):
        return value if name in _AS_IT_IS else mask(value)
    if isinstance(value, dict):
        return {key: _masked(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, name) for item in value]
    return value


def _target_of(row: dict[str, Any], form: Form) -> str:
    return str(row["target"] if form == "plain" else row["messages"][-1]["content"])
