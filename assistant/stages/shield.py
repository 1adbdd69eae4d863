"""Evidence → Evidence without what orders a model about: documents are data, and nothing in them is to be followed or quoted."""

from typing import NamedTuple

from assistant.kernel.knowledge import Evidence, Passage
from assistant.kernel.policy import ShieldPolicy
from assistant.text.orders import without_orders
from assistant.text.patterns import kind_of


class Shielded(NamedTuple):
    """``notes`` say for a person which passages held orders, and of what kind; never their words."""

    evidence: Evidence
    notes: tuple[str, ...]


def shield(evidence: Evidence, policy: ShieldPolicy) -> Shielded:
    """Sentences of passages that order a model about are cut out; a passage of nothing else, or with such a title, is left out.

    What is left is what a model reads, what a draft is checked against, and what a person is shown.
    """
    kept: list[Passage] = []
    notes: list[str] = []
    for passage in evidence.passages:
        chunk = passage.chunk
        cut = without_orders(chunk.text, policy.orders)
        titled = kind_of(chunk.heading_line(), policy.orders)
        if cut.kinds or titled:
            kinds = ", ".join(dict.fromkeys([*([titled] if titled else []), *cut.kinds]))
            notes.append(f"document {chunk.document_key}: what orders a model about ({kinds}) was left out")
        if cut.text.strip() and not titled:
            whole = (
                passage
                if not cut.kinds
                else passage.model_copy(update={"chunk": chunk.model_copy(update={"text": cut.text})})
            )
            kept.append(whole)
    if not notes:
        return Shielded(evidence, ())
    return Shielded(evidence.model_copy(update={"passages": tuple(kept)}), tuple(dict.fromkeys(notes)))
