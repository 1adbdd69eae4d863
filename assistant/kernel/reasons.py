"""Why a decision was taken: a code for machines, a sentence for people."""

from collections.abc import Sequence
from enum import StrEnum


class Reason(StrEnum):
    """``explain`` puts each in words."""

    SUPPORTED = "supported"
    NO_QUESTION = "no_question"
    NO_EVIDENCE = "no_evidence"
    WEAK_EVIDENCE = "weak_evidence"
    UNLIKELY = "unlikely"
    UNDERSPECIFIED = "underspecified"
    SEVERAL_PARTS = "several_parts"
    UNSUPPORTED_CLAIM = "unsupported_claim"
    UNSUPPORTED_NUMBER = "unsupported_number"
    UNSUPPORTED_NAME = "unsupported_name"
    UNSUPPORTED_LINK = "unsupported_link"
    CONTRADICTS_PASSAGE = "contradicts_passage"
    PROMISE = "promise"
    LOW_CONFIDENCE = "low_confidence"
    NOT_CALIBRATED = "not_calibrated"
    OFF_QUESTION = "off_question"
    REPEATS_QUESTION = "repeats_question"
    NO_ANSWER_IN_DRAFT = "no_answer_in_draft"
    WRONG_LANGUAGE = "wrong_language"
    UNCHECKED_LANGUAGE = "unchecked_language"
    UNCHECKED_QUESTION = "unchecked_question"
    OUTDATED_EVIDENCE = "outdated_evidence"
    CUT_SHORT = "cut_short"
    OUT_OF_SCOPE = "out_of_scope"
    UNSAFE = "unsafe"
    PERSON_REQUESTED = "person_requested"
    QUESTION_TOO_LONG = "question_too_long"
    MODEL_UNAVAILABLE = "model_unavailable"
    OUT_OF_TIME = "out_of_time"


_WORDS = {
    Reason.SUPPORTED: "Every sentence is supported by a cited passage.",
    Reason.NO_QUESTION: "The ticket has no message from the customer to answer.",
    Reason.NO_EVIDENCE: "Nothing in the knowledge base is close enough to the question.",
    Reason.WEAK_EVIDENCE: "The passages support the draft too weakly.",
    Reason.UNLIKELY: "What was found answers such questions too seldom for what a draft costs.",
    Reason.UNDERSPECIFIED: "The question is too short to know what is meant.",
    Reason.SEVERAL_PARTS: "The message asks several things or is long, so the large model writes.",
    Reason.UNSUPPORTED_CLAIM: "A sentence says something that the passages do not.",
    Reason.UNSUPPORTED_NUMBER: "A number in the draft is not in the passages it cites.",
    Reason.UNSUPPORTED_NAME: "A name in the draft is neither in its passages nor in the question.",
    Reason.UNSUPPORTED_LINK: "A link in the draft is not in the passages it cites.",
    Reason.CONTRADICTS_PASSAGE: "A sentence says otherwise than its passages do.",
    Reason.PROMISE: "A sentence promises what only a person may.",
    Reason.LOW_CONFIDENCE: "Drafts like this one are wrong too often to be accepted unseen.",
    Reason.NOT_CALIBRATED: "How often drafts like this one are wrong is not known well enough: calibrate again, with more questions if it asks for them.",
    Reason.OFF_QUESTION: "The draft does not speak about what was asked.",
    Reason.REPEATS_QUESTION: "The draft only says the question again.",
    Reason.NO_ANSWER_IN_DRAFT: "The model says that it has no answer.",
    Reason.WRONG_LANGUAGE: "The draft is not in the customer's language.",
    Reason.UNCHECKED_LANGUAGE: "The draft could not be checked: it is in another language than its sources.",
    Reason.UNCHECKED_QUESTION: "Whether the draft answers the question could not be checked: the ticket is in another language.",
    Reason.OUTDATED_EVIDENCE: "The draft rests on a document that is marked outdated.",
    Reason.CUT_SHORT: "The draft was too long and was cut.",
    Reason.OUT_OF_SCOPE: "The message is about something that is not answered here.",
    Reason.UNSAFE: "The message asks for what nobody here may be helped with.",
    Reason.PERSON_REQUESTED: "The customer asks for a person.",
    Reason.QUESTION_TOO_LONG: "The message is too long for the model.",
    Reason.MODEL_UNAVAILABLE: "No model could be reached.",
    Reason.OUT_OF_TIME: "There was no time left to write a draft.",
}


def explain(reasons: Sequence[Reason]) -> list[str]:
    """The reasons in words, for a person."""
    return [_WORDS[reason] for reason in reasons]
