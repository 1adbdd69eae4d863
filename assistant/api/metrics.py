"""What Prometheus reads at /metrics. No tenant or ticket in a label."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from assistant.kernel.jobs import LaneLoad
from assistant.kernel.reply import Reply

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """One registry a service, so that two in one process do not mix."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter("deskhand_requests", "HTTP requests.", ["route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "deskhand_request_seconds", "Time to answer a request.", ["route"], buckets=SECONDS, registry=registry
        )
        self.drafts = Counter(
            "deskhand_drafts", "Drafts by decision and tier.", ["decision", "tier"], registry=registry
        )
        self.stage_seconds = Histogram(
            "deskhand_stage_seconds", "Time of a stage in one run.", ["stage"], buckets=SECONDS, registry=registry
        )
        self.first_token_seconds = Histogram(
            "deskhand_first_token_seconds", "Time to the first token of a draft.", buckets=SECONDS, registry=registry
        )
        self.handoffs = Counter("deskhand_handoffs", "Handoffs by first reason.", ["reason"], registry=registry)
        self.in_flight = Gauge(
            "deskhand_in_flight", "Requests that need a model, working or waiting.", registry=registry
        )
        self.jobs_waiting = Gauge("deskhand_jobs_waiting", "Jobs that are due.", ["lane"], registry=registry)
        self.jobs_running = Gauge("deskhand_jobs_running", "Jobs being worked on.", ["lane"], registry=registry)
        self.job_oldest_due = Gauge(
            "deskhand_job_oldest_due_seconds", "How long the oldest due job waits.", ["lane"], registry=registry
        )
        self.jobs_dead = Gauge("deskhand_jobs_dead", "Jobs that were given up.", registry=registry)
        self.model_restarts = Gauge("deskhand_model_restarts", "Restarts of the model process.", registry=registry)

    def note(self, reply: Reply) -> None:
        """Count a finished run."""
        self.drafts.labels(reply.decision, reply.tier or "none").inc()
        if reply.handoff is not None:
            self.handoffs.labels(reply.handoff.reason.value).inc()
        for stage, milliseconds in reply.timings_ms.items():
            self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def note_jobs(self, loads: Sequence[LaneLoad], dead: int) -> None:
        """How the lanes are loaded, and how many jobs are dead."""
        for load in loads:
            self.jobs_waiting.labels(load.lane).set(load.waiting)
            self.jobs_running.labels(load.lane).set(load.running)
            self.job_oldest_due.labels(load.lane).set(load.oldest_due_s)
        self.jobs_dead.set(dead)

    def text(self) -> bytes:
        return generate_latest(self._registry)
