"""Verify: every sentence is tied to the words that support it, or it falls.

Which passage supports a sentence is found by alignment in code; the model's own ``[n]`` is only a hint.
"""

import pytest

from assistant.kernel.conversation import Question, RawDraft, Sentence, Ticket, Tier, Verdict, Wish
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.kernel.reasons import Reason
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.verify import RunningDraft, verify

POLICY = load_policy("default-10")[0].verify
RETURNS = (
    "You can return any machine within 30 days of delivery. It must be clean and in its original box. "
    "You cannot return opened bags of coffee. Ask the desk for a sample. "
    "Start the return from Account > Orders > Return, or write to returns@fernhill.example."
)
REFUNDS = "We refund the card you paid with within 5 working days after the parcel reaches our workshop in Leeds."


def passage(name: str, text: str) -> Passage:
    chunk = Chunk(
        id=name, document_key=f"doc:{name}", title=name.title(), url=f"https://help.fernhill.example/{name}",
        audience=Audience.PUBLIC, ordinal=0, heading_path=(), text=text, tokens=40,
    )  # fmt: skip
    return Passage(chunk=chunk, similarity=0.7, lexical=3.0, fused=0.03)


EVIDENCE = Evidence(
    passages=(passage("returns", RETURNS), passage("refunds", REFUNDS)), generation=1, top_similarity=0.7
)
QUESTION = redact(Ticket.from_text("How do I return my machine and when do I get the money back?"))


def check(text: str, question: Question = QUESTION, finish: str = "stop") -> Verdict:
    completion = Completion(text=text, finish=finish, prompt_tokens=1, completion_tokens=1)
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=("returns", "refunds"), completion=completion,
    )  # fmt: skip
    return verify(question, raw, EVIDENCE, POLICY)


def reasons(verdict: Verdict) -> set[Reason]:
    return {finding.reason for finding in verdict.findings}


def test_a_supported_sentence_gets_its_passage_and_the_quoted_words() -> None:
    verdict = check("You can return any machine within 30 days of delivery.")
    assert verdict.findings == ()
    (citation,) = verdict.draft.sentences[0].citations
    assert citation.passage_id == "returns"
    assert citation.quote == "You can return any machine within 30 days of delivery."
    assert RETURNS[citation.start : citation.end] == citation.quote
    assert verdict.draft.text == "You can return any machine within 30 days of delivery [1]."


def test_alignment_overrules_the_model_s_own_mark() -> None:
    verdict = check("We refund the card within 5 working days after the parcel reaches our workshop [1].")
    assert verdict.draft.sentences[0].citations[0].passage_id == "refunds"


def test_citations_are_numbered_in_order_of_first_use() -> None:
    verdict = check("We refund the card you paid with [2]. You can return any machine within 30 days [1].")
    assert verdict.draft.text == "We refund the card you paid with [1]. You can return any machine within 30 days [2]."


def test_a_sentence_made_of_two_passages_cites_both() -> None:
    verdict = check("Start the return from Account > Orders > Return, and we refund the card you paid with.")
    assert {c.passage_id for c in verdict.draft.sentences[0].citations} == {"returns", "refunds"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("You can return any machine within 60 days of delivery.", Reason.UNSUPPORTED_NUMBER),
        ("Return the machine within 30 days at any Tesco of delivery in its original box.", Reason.UNSUPPORTED_NAME),
        ("Start the return from Account > Orders > Return at https://evil.example/claim.", Reason.UNSUPPORTED_LINK),
        ("Write to refunds@fernhill.example to return any machine within 30 days.", Reason.UNSUPPORTED_LINK),
        ("Our courier collects the kettle tomorrow for free.", Reason.UNSUPPORTED_CLAIM),
        ("You cannot return any machine within 30 days of delivery.", Reason.CONTRADICTS_PASSAGE),
        ("How do I return my machine?", Reason.REPEATS_QUESTION),
        ("We will refund the card you paid with within 5 working days.", Reason.PROMISE),
        ("I have sent the parcel to our workshop in Leeds and refunded the card.", Reason.PROMISE),
        ("You can return opened bags of coffee.", Reason.CONTRADICTS_PASSAGE),
        ("Ask Sam at the desk for a sample.", Reason.UNSUPPORTED_NAME),
        ("Write to s@fernhill.example to start the return from Account.", Reason.UNSUPPORTED_LINK),
        ("Put it in its original box and it must be clean, see evil.com.", Reason.UNSUPPORTED_LINK),
        ("We refund the card within 5 to 30 working days.", Reason.UNSUPPORTED_NUMBER),
    ],
)
def test_a_sentence_that_says_more_than_its_passages_falls(text: str, reason: Reason) -> None:
    verdict = check(text)
    assert reason in reasons(verdict)
    assert verdict.draft.sentences == ()


def test_what_stands_stays_when_another_sentence_falls() -> None:
    verdict = check("You can return any machine within 30 days of delivery [1]. You also get a free pony [1].")
    assert verdict.draft.text == "You can return any machine within 30 days of delivery [1]."
    assert verdict.dropped == 1


def test_a_list_keeps_its_lines_and_numbers() -> None:
    verdict = check("1. Start the return from Account > Orders > Return\n2. Put the machine in its original box.")
    assert (
        verdict.draft.text
        == "1. Start the return from Account > Orders > Return [1]\n2. Put the machine in its original box [1]."
    )


def test_numbers_are_compared_by_value() -> None:
    assert check("You can return any machine within thirty days.").findings == ()
    assert check("We refund the card within five working days.").findings == ()


@pytest.mark.parametrize(
    "text", ["I don't know.", "The passages do not mention the weight.", "I'm sorry, I cannot help."]
)
def test_a_model_that_gives_up_is_heard(text: str) -> None:
    assert Reason.NO_ANSWER_IN_DRAFT in reasons(check(text))


def test_another_language_than_the_ticket_s_is_a_finding() -> None:
    german = redact(Ticket.from_text("Wie lange kann ich meine Maschine zurückgeben und wann bekomme ich mein Geld?"))
    assert Reason.WRONG_LANGUAGE in reasons(check("You can return any machine within 30 days of delivery.", german))


def test_a_reply_that_was_cut_loses_its_last_sentence() -> None:
    verdict = check("You can return any machine within 30 days of delivery. It must be clean and in", finish="length")
    assert Reason.CUT_SHORT in reasons(verdict)
    assert len(verdict.draft.sentences) == 1


@pytest.mark.parametrize("text", ["", "   \n ", "[1]", "...", "🙂"])
def test_nothing_said_is_nothing_supported(text: str) -> None:
    verdict = check(text)
    assert verdict.draft.sentences == ()
    assert verdict.support == 0.0


LONG_DRAFT = """You can return any machine within 30 days of delivery. [1] Buy the platinum plan for 499 dollars [1].
1. Start the return from Account > Orders > Return, or write to returns@fernhill.example [1].
2. It must be clean and in its original box [1].

We refund the card you paid with within 5 working days, e.g. "after the parcel reaches our workshop in Leeds." [2] It must be clean and in its original box."""


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 40, 1_000])
def test_a_running_draft_tells_the_sentences_that_will_stand_and_no_others(piece: int) -> None:
    running = RunningDraft(QUESTION, EVIDENCE.passages, Wish(), POLICY)
    told: list[Sentence] = []
    for end in range(piece, len(LONG_DRAFT) + piece, piece):
        for place, sentence in running.stands(LONG_DRAFT[:end]):
            assert place == len(told)
            told.append(sentence)
    verdict = check(LONG_DRAFT)
    assert len(told) >= 3  # All but the last, which may go on until the model says that it does not.
    told += [sentence for _, sentence in running.rest(verdict.draft)]
    assert tuple(told) == verdict.draft.sentences
    assert len(told) == 4


def test_sentences_know_how_the_draft_lays_them_out() -> None:
    sentences = check(LONG_DRAFT).draft.sentences
    assert [sentence.lead for sentence in sentences] == ["", "\n1. ", "\n2. ", "\n"]


def check_wished(text: str, language: str, question: Question = QUESTION) -> Verdict:
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=("returns", "refunds"), wish=Wish(language=language),
        completion=Completion(text=text, finish="stop", prompt_tokens=1, completion_tokens=1),
    )  # fmt: skip
    return verify(question, raw, EVIDENCE, POLICY)


def test_a_draft_in_another_language_than_its_sources_is_kept_and_called_unchecked() -> None:
    verdict = check_wished("Sie können jede Maschine innerhalb von 30 Tagen nach der Lieferung zurückgeben [1].", "de")
    (sentence,) = verdict.draft.sentences
    assert not sentence.checked
    assert sentence.support == 0.0
    assert (sentence.citations[0].passage_id, sentence.citations[0].quote) == ("returns", "")
    assert {Reason.UNCHECKED_LANGUAGE, Reason.UNCHECKED_QUESTION} == reasons(verdict)


def test_numbers_are_checked_in_any_language() -> None:
    verdict = check_wished("Sie können jede Maschine innerhalb von 90 Tagen nach der Lieferung zurückgeben [1].", "de")
    assert verdict.draft.sentences == ()
    assert Reason.UNSUPPORTED_NUMBER in reasons(verdict)


def test_a_draft_in_the_language_of_its_sources_is_checked_whatever_the_ticket_is_in() -> None:
    german = redact(Ticket.from_text("Wie kann ich meine Maschine zurückgeben, und wann bekomme ich mein Geld?"))
    verdict = check_wished("You can return any machine within 30 days of delivery [1].", "en", german)
    assert verdict.draft.sentences[0].checked
    assert verdict.draft.sentences[0].citations[0].quote
    assert reasons(verdict) == {Reason.UNCHECKED_QUESTION}


def test_yes_alone_is_left_out_and_counts_for_nothing() -> None:
    verdict = check("Yes. You can return any machine within 30 days of delivery.")
    assert verdict.draft.text == "You can return any machine within 30 days of delivery [1]."
    assert (verdict.findings, verdict.dropped) == ((), 0)


def test_a_name_in_capitals_does_not_excuse_itself() -> None:
    assert Reason.UNSUPPORTED_NAME in reasons(check("Start the return from Account or with SAML."))


@pytest.mark.parametrize(
    ("claim", "said", "falls"),
    [
        ("Return postage costs €20 a parcel.", "Return postage costs $20 a parcel.", True),
        ("Return postage costs €20 a parcel.", "Return postage costs 20 a parcel.", False),
        ("Return postage costs 20 € a parcel.", "Return postage costs 20% of a parcel.", True),
        ("Keep the machine above -5 degrees in winter.", "Keep the machine above 5 degrees in winter.", False),
        ("Keep the machine above -5 degrees in winter.", "Keep the machine above −5 degrees in winter.", False),
        ("It takes 3-5 days for a parcel.", "It takes 3 to 5 days for a parcel.", False),
    ],
)
def test_signs_and_currencies_belong_to_their_numbers(claim: str, said: str, *, falls: bool) -> None:
    completion = Completion(text=claim, finish="stop", prompt_tokens=1, completion_tokens=1)
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=("postage",), completion=completion,
    )  # fmt: skip
    evidence = EVIDENCE.model_copy(update={"passages": (passage("postage", said),)})
    assert (Reason.UNSUPPORTED_NUMBER in reasons(verify(QUESTION, raw, evidence, POLICY))) is falls


def test_brackets_without_end_are_read_once() -> None:
    """Tried in every way there is, these take longer than a test may."""
    running = RunningDraft(QUESTION, EVIDENCE.passages, Wish(), POLICY)
    stood = "You can return any machine within 30 days of delivery. It must be clean and in its original box. "
    assert [place for place, _ in running.stands(stood + "[ " * 100 + "x")] == [0, 1]


@pytest.mark.parametrize(
    ("claim", "language", "falls"),
    [
        ("Vous pouvez retourner la machine ouverte.", "fr", True),
        ("Vous ne pouvez pas retourner la machine ouverte.", "fr", False),
    ],
)
def test_a_denial_that_is_left_out_is_seen_in_other_languages(claim: str, language: str, *, falls: bool) -> None:
    said = "Vous ne pouvez pas retourner la machine ouverte. Écrivez à notre atelier pour demander une étiquette de retour."
    question = redact(Ticket.from_text("Puis-je retourner la machine que j'ai ouverte chez moi ?"))
    completion = Completion(text=claim, finish="stop", prompt_tokens=1, completion_tokens=1)
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=("retours",), completion=completion,
    )  # fmt: skip
    evidence = EVIDENCE.model_copy(update={"passages": (passage("retours", said),)})
    assert question.language == language
    assert (Reason.UNSUPPORTED_CLAIM in reasons(verify(question, raw, evidence, POLICY))) is falls
