"""How tokens are chosen, and how likely a text is."""

import json
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.engine.sampler import Sampler, logprob
from assistant.engine.weights import Weights
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ChatMessage, Completion, ModelCard, Sampling, run_to_end
from tests.engine.conftest import SMOL, TEXT

pytestmark = pytest.mark.models
ASK = (ChatMessage(role="user", content="Write a poem about the sea, with the word sea in every line."),)


@pytest.fixture(scope="module")
def model(smol: Callable[..., ModelFile]) -> Iterator[LocalModel]:
    process = ModelProcess(ChildSettings(models=(smol(slots=2),), threads=2))
    yield LocalModel(ModelCard(name=SMOL, sha256="", context_length=512), process)
    process.close()


def write(model: LocalModel, **sampling: object) -> Completion:
    wanted = Sampling.model_validate({"max_tokens": 40} | sampling)
    return run_to_end(model.stream(ASK, wanted, tenant="acme", deadline_s=120), lambda _: None)


def test_the_seed_decides_and_nothing_else(model: LocalModel) -> None:
    hot = {"temperature": 1.0, "top_k": 50, "top_p": 0.95, "min_p": 0.02}
    assert write(model, seed=7, **hot).text == write(model, seed=7, **hot).text
    assert len({write(model, seed=seed, **hot).text for seed in range(4)}) > 1


def test_the_best_of_one_is_greedy_at_any_temperature(model: LocalModel) -> None:
    assert write(model, temperature=2.0, top_k=1, seed=5).text == write(model).text


def test_a_repetition_penalty_makes_repeating_rarer(model: LocalModel) -> None:
    plain, varied = (
        write(model, max_tokens=120).text.split(),
        write(model, max_tokens=120, repeat_penalty=1.5).text.split(),
    )
    assert len(set(varied)) / len(varied) > len(set(plain)) / len(plain)


def test_the_penalty_is_the_published_formula(weights: Weights) -> None:
    logits = np.full(weights.vocabulary.size, -5.0, dtype=np.float32)
    logits[10], logits[11], logits[12] = 3.0, 2.0, -1.0
    with Sampler(Sampling(repeat_penalty=2.0), weights.vocabulary) as sampler:
        assert [sampler.choose(logits)[0] for _ in range(3)] == [10, 11, 10]  # 3 against 2; 1.5 and 2; 1.5 and 1.


def test_a_probability_is_of_the_unchanged_distribution() -> None:
    logits = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    assert logprob(logits, 2) == pytest.approx(math.log(math.exp(3) / (math.exp(1) + math.exp(2) + math.exp(3))))


def test_json_is_valid_and_as_likely_as_it_is_said_to_be(model: LocalModel) -> None:
    schema = {"type": "object", "properties": {"sea": {"enum": ["calm", "rough"]}}, "required": ["sea"]}
    done = write(model, json_schema=schema, max_tokens=60)
    assert json.loads(done.text)["sea"] in ("calm", "rough")
    assert all(chance <= 0.0 for chance in done.logprobs)


def test_a_text_is_scored_token_by_token(model: LocalModel) -> None:
    scored = model.score(TEXT, deadline_s=60)
    assert scored.tokens - 1 == len(scored.logprobs)
    assert scored.log_likelihood == pytest.approx(sum(scored.logprobs))
    assert scored.perplexity == pytest.approx(math.exp(-sum(scored.logprobs) / len(scored.logprobs)))
    shuffled = " ".join(sorted(TEXT.split()))
    assert model.score(shuffled, deadline_s=60).perplexity > 3 * scored.perplexity


def test_nothing_to_score_is_no_error(model: LocalModel) -> None:
    assert model.score("", deadline_s=60).logprobs == ()
    assert model.score("", deadline_s=60).perplexity == math.inf


def test_a_text_longer_than_the_context_is_refused_by_its_length(model: LocalModel) -> None:
    with pytest.raises(InputError, match="exceed the context of 512"):
        model.score(TEXT * 20, deadline_s=60)


def test_an_adapter_that_is_not_listed_is_refused_by_name(smol: Callable[..., ModelFile]) -> None:
    with pytest.raises(InputError, match="no adapter 'terse'"):
        Weights(smol()).adapter("terse")


def test_half_a_character_is_refused_before_it_is_sent(model: LocalModel) -> None:
    ask = (ChatMessage(role="user", content="Is this \ud800 a character?"),)
    with pytest.raises(InputError, match="half a character"):
        run_to_end(model.stream(ask, Sampling(), tenant="acme", deadline_s=60), lambda _: None)
    assert write(model, max_tokens=3).completion_tokens == 3
