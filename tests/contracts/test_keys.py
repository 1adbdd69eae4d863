"""Every KeyStore: the secret opens its own tenant, and only while the key lives."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryKeyStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.keys import SqlKeyStore
from assistant.kernel.access import KeyScope
from assistant.kernel.errors import InputError, NotFound
from assistant.ports import KeyStore


@pytest.fixture
def keys(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> KeyStore:
    return MemoryKeyStore(clock) if backend == "memory" else SqlKeyStore(sessions(), clock)


def test_the_secret_finds_its_key(keys: KeyStore) -> None:
    made, secret = keys.create("t1", "helpdesk", [KeyScope.DRAFTS, KeyScope.SEARCH], None)
    found = keys.find(secret)
    assert found == made
    assert found.tenant == "t1"
    assert found.scopes == {KeyScope.DRAFTS, KeyScope.SEARCH}


def test_secrets_are_long_distinct_and_not_kept(keys: KeyStore) -> None:
    secrets = [keys.create("t1", "", [KeyScope.DRAFTS], None)[1] for _ in range(20)]
    assert len(set(secrets)) == 20
    assert all(secret.startswith("dh_") and len(secret) > 40 for secret in secrets)
    assert not any(secret in str(keys.list()) for secret in secrets)


@pytest.mark.parametrize("wrong", ["", "dh_", "dh_wrong", "x" * 10_000])
def test_any_other_secret_finds_nothing(keys: KeyStore, wrong: str) -> None:
    keys.create("t1", "", [KeyScope.DRAFTS], None)
    assert keys.find(wrong) is None


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "Ä", "x" * 64])
def test_a_tenant_is_named_by_plain_characters(keys: KeyStore, tenant: str) -> None:
    with pytest.raises(InputError, match="cannot name a tenant"):
        keys.create(tenant, "", [KeyScope.DRAFTS], None)


def test_an_expired_key_finds_nothing(keys: KeyStore, clock: ManualClock) -> None:
    _, secret = keys.create("t1", "", [KeyScope.DRAFTS], timedelta(days=1))
    assert keys.find(secret) is not None
    clock.advance(25 * 3600)
    assert keys.find(secret) is None


def test_a_revoked_key_finds_nothing_and_is_listed_as_such(keys: KeyStore) -> None:
    made, secret = keys.create("t1", "", [KeyScope.DRAFTS], None)
    keys.revoke(made.id)
    assert keys.find(secret) is None
    assert [key.revoked for key in keys.list()] == [True]
    with pytest.raises(NotFound):
        keys.revoke("no such key")


def test_a_key_with_the_scope_is_redeemed_by_one_caller_only(keys: KeyStore) -> None:
    made, secret = keys.create("t1", "code", [KeyScope.SIDEBAR_CODE], timedelta(minutes=15))
    assert keys.redeem(secret, KeyScope.DRAFTS) is None
    assert keys.redeem("dh_wrong", KeyScope.SIDEBAR_CODE) is None
    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(lambda _: keys.redeem(secret, KeyScope.SIDEBAR_CODE), range(6)))
    assert [key.id for key in taken if key is not None] == [made.id]
    assert keys.find(secret) is None


def test_an_expired_key_is_not_redeemed(keys: KeyStore, clock: ManualClock) -> None:
    made, secret = keys.create("t1", "code", [KeyScope.SIDEBAR_CODE], timedelta(minutes=15))
    assert not made.expired(clock.now())
    clock.advance(15 * 60)
    assert keys.redeem(secret, KeyScope.SIDEBAR_CODE) is None
    assert keys.list()[0].expired(clock.now())
