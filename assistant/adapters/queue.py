"""JobQueue over Celery: a message that carries only the job's id. Losing it loses nothing; the relay sends it again."""

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.jobs import RUN_JOB, Lane


def create_celery(broker_url: str) -> Celery:
    """A Celery application on this broker. Results stay in SQL; tasks are acknowledged when taken, for the job row
    and not the broker is the truth.
    """
    app = Celery("deskhand", broker=broker_url)
    app.conf.update(
        task_default_queue=Lane.INTERACTIVE.value,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


class CeleryQueue:
    """Wakes a worker, if the broker can be reached now."""

    def __init__(self, broker_url: str) -> None:
        if not broker_url.startswith(("redis://", "rediss://", "redis+socket://")):
            raise ConfigurationError("DESKHAND_REDIS_URL is not a Redis URL", fix="Write it like redis://host:6379/0.")
        self.celery = create_celery(broker_url)

    def wake(self, job_id: str, lane: Lane) -> None:
        """Send the id to the lane's queue; an unreachable broker is no error, for the relay will send it again."""
        try:
            self.celery.send_task(RUN_JOB, args=[job_id], queue=lane.value, retry=False)
        except (OperationalError, RedisError, OSError):
            return
