"""Who calls: the API key in the Authorization header decides tenant and rights, and nothing else does."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.errors import Refused
from assistant.kernel.knowledge import Audience, Scope
from assistant.wiring import App

_bearer = HTTPBearer(auto_error=False, description="An API key made by `deskhand keys create`.")


def app_of(request: Request) -> App:
    """The App this service runs on."""
    app: App = request.app.state.app
    return app


def requires(scope: KeyScope, *others: KeyScope) -> Callable[..., ApiKey]:
    """A dependency that gives the caller's key if it has ``scope`` or one of ``others``, and refuses otherwise."""

    def check(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> ApiKey:
        if credentials is None:
            raise Refused(
                "there is no API key", fix="Send `Authorization: Bearer dh_…`; make a key with `deskhand keys create`."
            )
        key = app_of(request).keys.find(credentials.credentials)
        if key is None:
            raise Refused("the API key is unknown, expired or revoked", fix="Make another with `deskhand keys create`.")
        if not {scope, *others} & key.scopes:
            raise Refused(f"the API key lacks the scope {scope!r}", fix="Use a key that has it.", missing_scope=scope)
        return key

    return check


def scope_for(key: ApiKey, audience: Audience) -> Scope:
    """What a request with this key may see when it asks for ``audience``; internal includes public."""
    if audience is Audience.PUBLIC:
        return Scope(tenant=key.tenant)
    if KeyScope.INTERNAL not in key.scopes:
        raise Refused(
            "the API key may not read internal documents",
            fix="Use a key with the scope 'internal'.",
            missing_scope="internal",
        )
    return Scope(tenant=key.tenant, audiences=frozenset(Audience))
