"""What is done to a running service, one function a scenario; each ends quiet, and is counted.

``storage`` has those that need a disk or a clock of their own.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from signal import SIGCONT, SIGKILL, SIGSTOP

import httpx2

from assistant.adapters.queue import CeleryQueue
from assistant.engine.host import short_folder
from assistant.kernel.jobs import MAX_STRIKES, Lane
from tests.chaos.killer import Killer
from tests.chaos.processes import Role
from tests.chaos.service import Service, until
from tests.chaos.stage import Row, Stage
from tests.chaos.traffic import IN_DOCUMENTS, OFF_TOPIC, PERSON, VAGUE, Traffic
from tests.helpdesks.desk import DROP, HANG

Work = list[Callable[[], object]]
NEVER = threading.Event()
BUSY_S = 12.0
"""Longer than a connection waits for the write lock of SQLite."""
SAME = 20
BIG = 400_000
"""Bytes of a document that takes a worker some seconds."""


def mixed(traffic: Traffic, jobs: int, batches: int = 0, lines: tuple[int, int] = (10, 4), drafts: int = 4) -> Work:
    """Work that makes about ``jobs`` jobs of all kinds: an upload is one, a ticket two with the event it causes."""
    tickets = round(jobs * 0.32)
    texts = [IN_DOCUMENTS] * drafts + [PERSON, OFF_TOPIC, PERSON, VAGUE] * tickets
    work: Work = [partial(traffic.ticket, text) for text in texts[:tickets]]
    work += [partial(_long_conversation, traffic) for _ in range(jobs // 40)]
    work += [partial(traffic.document) for _ in range(jobs - 2 * len(work))]
    return work + [partial(traffic.batch, *lines) for _ in range(batches)]


def _long_conversation(traffic: Traffic) -> None:
    """The customer writes twice before anyone can answer; in another ticket a person is faster."""
    twice = traffic.ticket(OFF_TOPIC)
    traffic.follow_up(twice, "Sorry, I forgot: it is for Sunday, and I really need a person to call me back.")
    faster = traffic.ticket(PERSON)
    traffic.agent_answers(faster, "I have just tried to call you and will try again at noon.")


def kills(
    stage: Stage,
    seed: int,
    jobs: int = 220,
    times: int = 24,
    rest_s: tuple[float, float] = (1.0, 5.0),
    batches: int = 2,
    lines: tuple[int, int] = (10, 4),
    drafts: int = 4,
) -> Row:
    """Work of all kinds while processes of all kinds are killed."""
    with stage.scenario("kills", seed, quiet_s=300) as (row, traffic):
        killer = Killer(stage.service, seed, times, rest_s)
        killer.start()
        try:
            traffic.together(mixed(traffic, jobs, batches, lines, drafts), pause_s=times * sum(rest_s) / 2 * 3 / jobs)
            killer.wait()
        finally:
            killer.stop()
            row.kills = len(killer.done)
            row.said = ", ".join(f"{role} {count}" for role, count in sorted(killer.counts().items()))
    return row


def broker_hangs(stage: Stage, seed: int, jobs: int = 20, seconds: float = 60.0) -> Row:
    """The broker is stopped, connections to it hang, and it goes on afterwards."""
    with stage.scenario("broker hangs", seed) as (row, traffic):
        for broker in stage.service.processes(Role.BROKER):
            broker.signal(SIGSTOP)
        resume = threading.Timer(seconds, lambda: [p.signal(SIGCONT) for p in stage.service.processes(Role.BROKER)])
        resume.start()
        traffic.together(mixed(traffic, jobs, drafts=1))
        resume.join()
        row.said = f"stopped for {seconds:.0f} s"
    return row


def broker_gone(stage: Stage, seed: int, jobs: int = 20, seconds: float = 60.0) -> Row:
    """The broker dies, and again each time it comes back, until ``seconds`` are over."""
    with stage.scenario("broker gone", seed) as (row, traffic):
        end = time.monotonic() + seconds

        def again() -> None:
            while time.monotonic() < end:
                row.kills += sum(broker.signal(SIGKILL) for broker in stage.service.processes(Role.BROKER))
                NEVER.wait(0.1)

        killing = threading.Thread(target=again, daemon=True)
        killing.start()
        traffic.together(mixed(traffic, jobs, drafts=1))
        killing.join()
        row.said = f"not there for {seconds:.0f} s"
    return row


def delivered_twice(stage: Stage, seed: int, tickets: int = 10) -> Row:
    """Each webhook comes five times in a row and five times at once, each job's message twenty times."""
    with stage.scenario("delivered twice", seed) as (row, traffic):
        (broker,) = short_folder(stage.service.data).glob("broker*.sock")
        queue = CeleryQueue(f"redis+socket://{broker}")
        answers: list[str] = []

        def deliver(at_once: bool) -> None:
            said = traffic.untold(PERSON)
            threads = [threading.Thread(target=lambda: answers.append(traffic.tell(said)["status"])) for _ in range(5)]
            for thread in threads:
                thread.start()
                if not at_once:
                    thread.join()
            for thread in threads:
                thread.join()
            traffic.accept(said)

        for number in range(tickets):
            deliver(at_once=number % 2 == 0)
            job, upload = traffic.job_of_last(), traffic.document()
            for _ in range(SAME):
                queue.wake(job, Lane.INTERACTIVE)
                queue.wake(upload, Lane.INGEST)
        row.said = f"webhooks {answers.count('queued')} queued, {answers.count('known')} known; messages ×{SAME}"
        if answers.count("queued") != tickets:
            row.evidence.append(f"{answers.count('queued')} of {tickets} tickets were queued")
    return row


def poison(stage: Stage, seed: int, others: int = 50) -> Row:
    """A document whose worker is killed each time it works on it; it dies, and everything else is done."""
    with stage.scenario("poison", seed) as (row, traffic):
        job = traffic.document(BIG, poison=True)
        sending = threading.Thread(target=traffic.together, args=(mixed(traffic, others, drafts=1),), daemon=True)
        sending.start()
        end = time.monotonic() + 200
        while (now := _now(stage.service, job))[0] != "dead" and time.monotonic() < end:
            if now[0] == "running":
                pool = [p for p in stage.service.processes(Role.POOL) if p.lane == Lane.INGEST]
                row.kills += sum(process.signal(SIGKILL) for process in pool)
                _taken_again(stage.service, job, now)
            NEVER.wait(0.02)
        sending.join()
        row.said = f"dead after {row.kills} kills"
        if row.kills != MAX_STRIKES:
            row.evidence.append(f"the poison killed {row.kills} workers instead of {MAX_STRIKES}")
    return row


def _now(service: Service, job: str) -> tuple[str, int]:
    """State and attempt of a job."""
    state, attempt = service.rows("SELECT state, attempt FROM job WHERE id = ?", job)[0]
    return str(state), int(attempt)


def _taken_again(service: Service, job: str, before: tuple[str, int]) -> None:
    until(lambda: _now(service, job) != before, 90, "the poison is not taken again")


def database_locked(stage: Stage, seed: int, jobs: int = 40, times: int = 4) -> Row:
    """Another process holds the write lock of the database for longer than anyone waits for it, again and again."""
    with stage.scenario("database locked", seed) as (row, traffic):
        sending = threading.Thread(target=traffic.together, args=(mixed(traffic, jobs, drafts=2),), daemon=True)
        sending.start()
        for _ in range(times):
            until(stage.service.unfinished, 60, "no job is there to be disturbed")
            with closing(sqlite3.connect(stage.service.data / "deskhand.sqlite", timeout=60)) as database:
                database.execute("BEGIN IMMEDIATE")
                NEVER.wait(BUSY_S)
                database.rollback()
            NEVER.wait(0.5)
        sending.join()
        row.said = f"{times} times for {BUSY_S:.0f} s"
    return row


def helpdesk_fails(stage: Stage, seed: int, tickets: int = 30, hangs: int = 1) -> Row:
    """The helpdesk answers 500 and 429, hangs, or does its work and breaks off; the receiver of events too."""
    with stage.scenario("helpdesk fails", seed) as (row, traffic):
        stage.receiver.refuse = tickets // 4
        told = _tell_faults(stage.desk.url, tickets, hangs)
        traffic.together([partial(traffic.ticket, (PERSON, OFF_TOPIC)[n % 2]) for n in range(tickets)])
        row.said = f"{told} faults"
    return row


def _tell_faults(url: str, tickets: int, hangs: int) -> int:
    """Told beforehand: which ticket a fault meets, the service's own pace decides. Returns how many."""
    articles = "/api/v1/ticket_articles"
    faults: list[dict[str, object]] = [{"status": HANG, "path_part": articles} for _ in range(hangs)]
    for _ in range(tickets // 6):
        faults += [
            {"status": DROP, "path_part": articles},
            {"status": 500, "path_part": articles},
            {"status": 429, "retry_after": 1},
            {"status": DROP, "path_part": "/api/v1/tags"},
            {"status": 503},
        ]
    for fault in faults:
        httpx2.post(f"{url}/_faults", json=fault, timeout=30).raise_for_status()
    return len(faults)
