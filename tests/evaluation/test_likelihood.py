"""How likely a model finds a text: figures that follow from its tokens' log-probabilities."""

import itertools
import json
import math

import pytest

from assistant.cli.measuring import show_likelihood
from assistant.evaluation.likelihood import likelihood
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ModelCard, Scored


class BigramTable:
    """Scores words by how often the last one was followed by them, as it was told; the first word has no score."""

    def __init__(self, chances: dict[str, float]) -> None:
        self._chances = chances

    @property
    def card(self) -> ModelCard:
        return ModelCard(name="bigrams", sha256="", context_length=512)

    def score(self, text: str, *, deadline_s: float) -> Scored:
        assert deadline_s > 0
        words = text.split()
        pairs = itertools.pairwise(words)
        return Scored(tokens=len(words), logprobs=tuple(math.log(self._chances[f"{a} {b}"]) for a, b in pairs))


SCORER = BigramTable({"your parcel": 0.5, "parcel left": 0.25, "left today": 0.125, "parcel today": 0.5})


def test_log_likelihood_and_perplexity_follow_from_the_tokens() -> None:
    found = likelihood("your parcel left today", SCORER, 5)
    assert (found.model, found.tokens, len(found.logprobs)) == ("bigrams", 4, 3)
    assert found.log_likelihood == pytest.approx(math.log(1 / 64))
    assert found.perplexity == pytest.approx(4)


def test_quantiles_are_those_of_the_tokens_the_low_ones_least_likely() -> None:
    found = likelihood("your parcel left today", SCORER, 5)
    assert found.quantiles == {
        "p5": pytest.approx(math.log(0.125)),
        "p25": pytest.approx(math.log(0.125)),
        "p50": pytest.approx(math.log(0.25)),
        "p75": pytest.approx(math.log(0.5)),
    }


def test_a_text_of_one_token_has_no_perplexity_and_still_is_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = likelihood("parcel", SCORER, 5)
    assert (found.perplexity, found.quantiles) == (None, {})
    show_likelihood(found, as_json=True)
    assert json.loads(capsys.readouterr().out)["perplexity"] is None


def test_both_forms_show_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    found = likelihood("your parcel left today", SCORER, 5)
    show_likelihood(found, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["log_likelihood"] == pytest.approx(math.log(1 / 64))
    assert len(told["logprobs"]) == 3
    show_likelihood(found, as_json=False)
    table = capsys.readouterr().out
    for shown in ("4.000", "-4.159", "p5", "p25", "p50", "p75"):
        assert shown in table


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="empty") as raised:
        likelihood(text, SCORER, 5)
    assert raised.value.fix
