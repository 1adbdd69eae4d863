"""``deskhand sidebar``: let an agent's sidebar in where the helpdesk cannot."""

from datetime import timedelta
from typing import Annotated

import typer
from pydantic import ValidationError

from assistant.cli.session import messages, opened
from assistant.kernel.access import AgentSession, KeyScope
from assistant.kernel.errors import InputError

CODE_MINUTES = 15
app = typer.Typer(help="Let agents' sidebars in.", no_args_is_help=True)


@app.callback()
def sidebar() -> None:
    """Let agents' sidebars in."""


@app.command()
def code(
    agent: Annotated[str, typer.Option(help="Who signs in with it; kept with what they say of drafts.")],
    tenant: Annotated[str, typer.Option(help="Whose knowledge base answers.")] = "default",
    connection: Annotated[str, typer.Option(help="Name of the helpdesk's connection.")] = "",
    internal: Annotated[bool, typer.Option("--internal", help="May read internal documents too.")] = False,
) -> None:
    """Make a code that signs one agent in to the sidebar, once, within 15 minutes."""
    try:
        session = AgentSession(agent=agent, connection=connection)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise InputError(
            f"--{field} is not valid: {error.errors()[0]['msg']}",
            fix="An agent's name has up to 50 characters and no slash; a connection small letters, digits, - and _.",
            field=field,
        ) from error
    scopes = {KeyScope.SIDEBAR_CODE} | ({KeyScope.INTERNAL} if internal else set())
    with opened() as desk:
        _, secret = desk.keys.create(tenant, session.key_name, scopes, timedelta(minutes=CODE_MINUTES))
    messages.print(f"For {agent}: paste this code into the sidebar within {CODE_MINUTES} minutes. It works once.")
    print(secret)
