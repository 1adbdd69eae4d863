"""The Celery worker: one task that carries a job's id, and the relay beside it."""

import resource
import threading
import warnings
from datetime import timedelta
from functools import lru_cache

from celery import Celery, shared_task
from celery.exceptions import SecurityWarning
from celery.signals import worker_process_init, worker_ready, worker_shutting_down

from assistant.config import load_settings
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.jobs import RUN_JOB
from assistant.logs import set_up_logging
from assistant.wiring import App
from ingest.wiring import create_ingest
from workers.relay import relay
from workers.tasks import Workshop, run_job

TASK_LIMIT_S = 900
"""The hard end of a job: its process is killed, its lease runs out, and that is a strike."""


def create_workshop(app: App) -> Workshop:
    return Workshop(
        jobs=app.jobs,
        uploads=app.uploads,
        ingest=create_ingest(app),
        front_desk=lambda: app.front_desk,  # Looks for models when first needed; ingest does without.
        summaries=lambda: app.summaries,
        sender=app.sender,
        lease=timedelta(seconds=app.settings.lease_s),
    )


def create_worker(app: App) -> Celery:
    """Celery on the settings' broker, with the relay running in the parent process once it is ready."""
    if app.queue is None:
        raise ConfigurationError(
            "a worker needs a broker", fix="Set DESKHAND_REDIS_URL; without it `deskhand serve` brings its own workers."
        )
    warnings.filterwarnings("ignore", category=SecurityWarning)  # It is about pickle; messages here are JSON only.
    celery = app.queue.celery
    celery.conf.include = [__name__]  # Pool processes are spawned, and import this module to find the task.
    celery.conf.worker_max_memory_per_child = app.settings.worker_memory_mb * 1000
    queue, jobs, stop = app.queue, app.jobs, threading.Event()

    def start_relay(**_: object) -> None:
        threading.Thread(target=relay, args=(jobs, queue.wake, stop), name="relay", daemon=True).start()

    def stop_relay(**_: object) -> None:
        stop.set()

    worker_ready.connect(start_relay, weak=False)
    worker_shutting_down.connect(stop_relay, weak=False)
    return celery


@worker_process_init.connect  # type: ignore[untyped-decorator]
def prepare_process(**_: object) -> None:
    """Set up a pool process: its log, and its bound of memory.

    A job that asks for more fails with a MemoryError instead of taking the machine with it; Celery's own limit
    is only looked at after a job has ended.
    """
    settings = load_settings()
    set_up_logging(settings.log_format)
    limit = settings.worker_memory_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


@shared_task(name=RUN_JOB, time_limit=TASK_LIMIT_S)  # type: ignore[untyped-decorator]
def run(job_id: str) -> None:
    """Do one job. Everything else is read by its id."""
    run_job(job_id, _workshop())


@lru_cache(maxsize=1)
def _workshop() -> Workshop:
    """What this pool process works with: opened when it gets its first job, kept for the next."""
    return create_workshop(App(load_settings()))
