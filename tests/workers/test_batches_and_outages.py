"""A batch while the model is away, and while a line kills it: only the second costs the line its tries."""

from collections.abc import Callable, Sequence

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import ManualClock
from assistant.batches.work import MAX_TRIES
from assistant.kernel.batches import BatchState
from assistant.kernel.errors import ModelAway, ModelUnavailable, RetryLater
from assistant.kernel.generation import ChatMessage
from assistant.kernel.jobs import Job, JobName, JobState
from assistant.pipeline import Desk
from tests.summaries import written
from tests.workers.shop import Shop
from workers.tasks import run_job

LINE = '{"id": "t1", "messages": [{"author": "customer", "text": "The Duo shows E4 and makes no coffee."}]}'
SUMMARY = written("The Duo shows E4.")


class Trouble:
    """A model that raises ``error`` the first ``times`` times it is asked."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times = error, times

    def __call__(self, _: Sequence[ChatMessage]) -> str:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return SUMMARY


def worked_off(make_desk: Callable[..., Desk], clock: ManualClock, model: Trouble) -> tuple[Shop, Job, str]:
    """Run a batch of one line until its job is done or dead."""
    shop = Shop(clock, MemoryIndex(), make_desk(small=model))
    batch, _ = shop.batches.create("default", [LINE], None)
    job = shop.jobs.add("default", JobName.SUMMARIZE_BATCH, batch.id)
    for _ in range(30):
        run_job(job.id, shop.workshop())
        clock.advance(400)
    return shop, shop.jobs.get("default", job.id), batch.id


def test_a_model_that_is_away_costs_a_line_no_try(make_desk: Callable[..., Desk], clock: ManualClock) -> None:
    for outage in (ModelAway("the service is not running"), RetryLater("the model server has too much to do")):
        shop, job, batch = worked_off(make_desk, clock, Trouble(outage, 3 * MAX_TRIES))
        assert job.state is JobState.DONE
        progress = shop.batches.progress("default", batch)
        assert (progress.state, progress.done, progress.failed) == (BatchState.DONE, 1, 0)


def test_a_line_that_kills_the_model_each_time_is_given_up(make_desk: Callable[..., Desk], clock: ManualClock) -> None:
    killer = Trouble(ModelUnavailable("the model process ended with code -9"), 100)
    shop, job, batch = worked_off(make_desk, clock, killer)
    assert job.state is JobState.DONE
    assert killer.times == 100 - MAX_TRIES
    assert shop.batches.progress("default", batch).failed == 1
