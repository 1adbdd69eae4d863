"""A person decides on a proposed article: approved, it is sent to be ingested; rejected, it stays away."""

import re
from typing import NamedTuple

from assistant.kernel.errors import InputError
from assistant.kernel.jobs import Job, JobName, Upload
from assistant.kernel.knowledge import Audience
from assistant.kernel.learning import Article, ArticleProposal, ProposalState
from assistant.learning.parts import Learning

MAX_ARTICLE_CHARS = 100_000
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_AT_START = re.compile(r"^(\s*)([#+=>-]|\d{1,9}(?=[.)]))")


class Approved(NamedTuple):
    """The proposal as it stands now, and the job that ingests its article. Wake it after."""

    proposal: ArticleProposal
    job: Job


def approve(
    tenant: str, proposal_id: str, audience: Audience, parts: Learning, *, title: str = "", text: str = ""
) -> Approved:
    """Send the article to be ingested, in one transaction with the decision.

    ``title`` replaces the proposed one, ``text`` (Markdown) the whole body, as a person edited it. The document's
    name comes from the proposal: approved again for the same audience after its gap grew, it is a new version of
    the same document.
    A document that came from elsewhere is never overwritten: the article stands beside it. Raises NotFound, and InputError when it was decided on before or there is nothing to say.
    """
    with parts.transactions.together():
        before = parts.proposals.get(tenant, proposal_id)
        _refuse_decided(before)
        markdown = _markdown(before, title.strip(), text.strip())
        name = f"gap-{before.id}.md"
        decided = _decided(before, ProposalState.APPROVED, "", parts).model_copy(update={"document": name})
        kept = parts.proposals.update(decided, seen=before.state)
        upload = parts.uploads.add(Upload(tenant=tenant, name=name, url="", audience=audience, data=markdown.encode()))
        job = parts.jobs.add(tenant, JobName.INGEST_UPLOAD, upload)
    return Approved(kept, job)


def reject(tenant: str, proposal_id: str, why: str, parts: Learning) -> ArticleProposal:
    """Say that no article shall come of it, and why. Raises NotFound, and InputError when it was decided on before."""
    with parts.transactions.together():
        before = parts.proposals.get(tenant, proposal_id)
        _refuse_decided(before)
        return parts.proposals.update(_decided(before, ProposalState.REJECTED, why, parts), seen=before.state)


def article_markdown(article: Article) -> str:
    """An article as Markdown, in which nothing that an agent wrote can be markup."""
    lines: list[str] = []
    for sentence in article.sentences:
        text = _escaped(sentence.text)
        if sentence.item:
            lines.append(f"- {text}")
        elif lines and not lines[-1].startswith("- "):
            lines[-1] = f"{lines[-1]} {text}"
        else:
            lines += ["", text] if lines else [text]
    return f"# {_escaped(article.title)}\n\n" + "\n".join(lines) + "\n"


def _decided(before: ArticleProposal, state: ProposalState, why: str, parts: Learning) -> ArticleProposal:
    now = parts.clock.now().isoformat()
    changes = {"state": state, "why": why, "decided_tickets": before.gap.tickets, "updated_at": now}
    return before.model_copy(update=changes)


def _refuse_decided(proposal: ArticleProposal) -> None:
    if proposal.state is not ProposalState.PROPOSED:
        raise InputError(
            f"proposal {proposal.id} is {proposal.state} already",
            fix="Look at the others with `deskhand gaps list`.",
            field="id",
        )


def _markdown(proposal: ArticleProposal, title: str, text: str) -> str:
    if len(text) > MAX_ARTICLE_CHARS:
        raise InputError(f"the article has more than {MAX_ARTICLE_CHARS} characters", fix="Shorten it.", field="text")
    if text:
        heading = title or ("" if text.startswith("# ") else proposal.article.title)
        return f"# {_escaped(heading)}\n\n{text}\n" if heading else f"{text}\n"
    if not proposal.article.sentences:
        raise InputError(
            f"proposal {proposal.id} has no text: no agent's answer could be used",
            fix="Write the article and give it with --edit FILE, or `text` over REST.",
            field="text",
        )
    article = proposal.article.model_copy(update={"title": title}) if title else proposal.article
    return article_markdown(article)


def _escaped(text: str) -> str:
    """``text`` as Markdown that shows it as it is: no markup, no HTML."""
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _AT_START.sub(lambda m: f"{m[1]}{m[2]}\\" if m[2].isdigit() else f"{m[1]}\\{m[2]}", text)
