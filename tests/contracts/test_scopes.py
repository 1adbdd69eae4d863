"""Every ScopeStore: one fit a tenant, with the examples it is by."""

from collections.abc import Callable

import numpy as np
import pytest

from assistant.adapters.memory.models import HashingEmbedder
from assistant.adapters.memory.scopes import MemoryScopeStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.scopes import SqlScopeStore
from assistant.kernel.errors import NotFound
from assistant.kernel.scope import ScopeFit
from assistant.ports import ScopeStore

INSIDE = HashingEmbedder().embed(["how do I descale it", "it shows E4"])
OUTSIDE = HashingEmbedder().embed(["who won the chess final"])
FIT = ScopeFit(
    id="s1", tenant="default", created_at="2026-11-01T00:00:00+00:00", embedder="e", inside=2, outside=1, least=0.25,
    lost=0.01, caught=1.0,
)  # fmt: skip


@pytest.fixture
def store(backend: str, sessions: Callable[[], Sessions]) -> ScopeStore:
    return MemoryScopeStore() if backend == "memory" else SqlScopeStore(sessions())


def test_what_is_kept_is_found_until_it_is_dropped(store: ScopeStore) -> None:
    assert store.fit("default") is None
    assert not store.drop("default")
    store.keep(FIT, INSIDE, OUTSIDE)
    assert store.fit("default") == FIT
    inside, outside = store.examples(FIT)
    assert np.allclose(inside, INSIDE, atol=1e-3)
    assert np.allclose(outside, OUTSIDE, atol=1e-3)
    assert store.drop("default")
    assert store.fit("default") is None


def test_a_new_one_takes_the_place_of_the_one_before(store: ScopeStore) -> None:
    store.keep(FIT, INSIDE, OUTSIDE)
    alone = FIT.model_copy(update={"id": "s2", "outside": 0, "caught": None})
    store.keep(alone, INSIDE, OUTSIDE[:0])
    assert store.fit("default") == alone
    inside, outside = store.examples(alone)
    assert (inside.shape, outside.shape) == (INSIDE.shape, (0, INSIDE.shape[1]))


def test_tenants_do_not_share_them(store: ScopeStore) -> None:
    store.keep(FIT, INSIDE, OUTSIDE)
    assert store.fit("acme") is None
    assert not store.drop("acme")
    assert store.fit("default") == FIT


def test_examples_that_were_replaced_meanwhile_are_not_mixed_up(backend: str, sessions: Callable[[], Sessions]) -> None:
    if backend == "memory":
        pytest.skip("one process: a fit is read with its examples")
    store = SqlScopeStore(sessions())
    store.keep(FIT, INSIDE, OUTSIDE)
    store.keep(FIT.model_copy(update={"id": "s2"}), INSIDE, OUTSIDE)
    with pytest.raises(NotFound, match="any more"):
        store.examples(FIT)
