"""What only a person may promise is found, unless a quote says it as well."""

import json
import re
from pathlib import Path

import pytest

from assistant.policies import load_policy
from assistant.text.promises import promised
from assistant.text.sentences import split_sentences

PROMISES = load_policy("default-10")[0].verify.promises


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("I have cancelled your subscription.", "done"),
        ("We've already refunded the card you paid with.", "done"),
        ("Your refund has been approved.", "done"),
        ("Wir haben Ihre Bestellung bereits storniert.", "done"),
        ("We will gladly refund you the whole amount.", "will_do"),
        ("I'll look into this for you.", "will_do"),
        ("You will get a full refund.", "refund"),
        ("You are entitled to compensation.", "refund"),
        ("Our team will answer within 24 hours.", "date"),
        ("A colleague writes and it will be there tomorrow.", "date"),
        ("We guarantee that it never leaks.", "assurance"),
        ("The descaler is completely safe.", "assurance"),
        ("You could sue the seller.", "law"),
        ("It is safe to drink for pregnant women.", "medicine"),
    ],
)
def test_a_promise_is_found_and_stands_only_on_a_quote_that_makes_it(claim: str, kind: str) -> None:
    found = promised(claim, ["Return the machine within 30 days."], PROMISES)
    assert found[kind] in claim
    assert promised(claim, [f"As we say: {claim}"], PROMISES) == {}


@pytest.mark.parametrize(
    "claim",
    [
        "You can return any machine within 30 days of delivery.",
        "Fernhill refunds the card you paid with within 5 working days.",
        "Open Account > Orders, and cancel the order there.",
        "The card was refunded if its state is Closed.",
        "",
    ],
)
def test_what_a_document_tells_is_no_promise(claim: str) -> None:
    assert promised(claim, [], PROMISES) == {}


def test_every_expression_compiles_and_has_a_kind() -> None:
    assert all(re.compile(pattern) for some in PROMISES.values() for pattern in some)
    assert set(PROMISES) == {"done", "will_do", "refund", "date", "assurance", "law", "medicine"}


@pytest.mark.shared_data
def test_hardly_any_sentence_of_good_answers_is_taken_for_a_promise(shared_data: Path) -> None:
    rows = map(json.loads, (shared_data / "mtrag" / "groundedness_dev.jsonl").read_text().splitlines())
    sentences = [(span.text, row["contexts"]) for row in rows for span in split_sentences(row["response"])]
    assert len(sentences) > 1_500
    assert sum(bool(promised(text, contexts, PROMISES)) for text, contexts in sentences) <= len(sentences) * 0.005


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        (
            "You are entitled to a refund of the fee.",
            "You are not entitled to a refund of the fee. We never promise refunds.",
        ),
        ("We are liable for the loss of your parcel.", "We are not liable for the loss of your parcel."),
        ("You will receive a voucher.", "You will not receive a voucher."),
    ],
)
def test_a_quote_that_denies_a_promise_does_not_make_it(claim: str, quote: str) -> None:
    assert promised(claim, [quote], PROMISES)


def test_what_is_denied_is_not_promised() -> None:
    assert promised("After 14 days you are not entitled to a refund.", [], PROMISES) == {}
    assert promised("We will not call you.", [], PROMISES) == {}
