"""``deskhand jobs``: what waits, what died and why, and trying it again."""

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from assistant.cli.session import console, messages, opened
from assistant.kernel.errors import InputError
from assistant.kernel.jobs import Job, JobName, JobState

app = typer.Typer(help="List, show, retry and purge jobs.", no_args_is_help=True)
Tenant = Annotated[str | None, typer.Option(help="Only this tenant's; all when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_jobs(
    tenant: Tenant = None,
    state: Annotated[list[JobState] | None, typer.Option(help="Only these states.")] = None,
    name: Annotated[JobName | None, typer.Option(help="Only this kind of job.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Jobs, the last changed first, and how each lane is loaded."""
    with opened() as desk:
        found, loads = desk.jobs.find(tenant, state or (), name, limit=limit), desk.jobs.load()
    if as_json:
        console.print_json(json.dumps([job.model_dump(mode="json") for job in found]))
        return
    table = Table("Job", "Kind", "Tenant", "State", "Attempt", "Changed", "What it says", box=None)
    for job in found:
        table.add_row(
            job.id[:12], job.name, job.tenant, job.state, str(job.attempt), job.updated_at[:19].replace("T", " "), job.detail
        )  # fmt: skip
    console.print(table)
    for load in loads:
        waited = f", the oldest for {load.oldest_due_s:.0f} s" if load.waiting else ""
        console.print(f"{load.lane}: {load.waiting} due{waited}; {load.running} running")


@app.command("show")
def show_job(job_id: str, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """One job, whole. The beginning of its id is enough."""
    with opened() as desk:
        job = _named(desk.jobs.find(tenant, limit=100_000), job_id)
    if as_json:
        console.print_json(job.model_dump_json())
        return
    for field, value in job.model_dump(mode="json").items():
        console.print(f"{field:>10}: {value}", markup=False, soft_wrap=True)


@app.command("retry")
def retry_jobs(
    job_id: Annotated[str, typer.Argument(help="A dead job's id, or the beginning of it.")] = "",
    all_dead: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    tenant: Tenant = None,
) -> None:
    """Queue dead jobs again with a clean slate."""
    if bool(job_id) == all_dead:
        raise InputError("give either a job's id or --all", fix="See `deskhand jobs list --state dead`.")
    with opened() as desk:
        found = desk.jobs.find(tenant, [JobState.DEAD] if all_dead else (), limit=100_000)
        for job in found if all_dead else [_named(found, job_id)]:
            desk.wake(desk.jobs.retry(tenant, job.id))
            messages.print(f"Job {job.id[:12]} ({job.name}) is queued again.")
        if not found:
            messages.print("No job is dead.")


@app.command("purge")
def purge_jobs(
    state: Annotated[list[JobState] | None, typer.Option(help="done, dead or both; done when left out.")] = None,
    older_than_days: Annotated[float, typer.Option(min=0, help="Days since they were last changed.")] = 7,
    tenant: Tenant = None,
) -> None:
    """Forget finished jobs."""
    with opened() as desk:
        gone = desk.jobs.purge(tenant, state or [JobState.DONE], timedelta(days=older_than_days))
    messages.print(f"{gone} jobs forgotten.")


def _named(jobs: list[Job], beginning: str) -> Job:
    found = [job for job in jobs if beginning and job.id.startswith(beginning)]
    if len(found) != 1:
        raise InputError(
            f"{'more than one job begins' if found else 'there is no job that begins'} with {beginning!r}",
            fix="See `deskhand jobs list`.",
            field="job_id",
        )
    return found[0]
