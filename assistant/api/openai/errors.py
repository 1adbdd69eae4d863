"""Errors in OpenAI's form, {"error": {message, type, param, code}}, for the routes that speak its language."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from assistant.api.errors import headers_of, status_of
from assistant.kernel.errors import ConfigurationError, DeskhandError, InputError, NotFound, PromptTooLong, Refused

log = structlog.get_logger()
PATHS = frozenset({"/v1/chat/completions", "/v1/models"})
"""Where errors have this form, even those that are raised before a route is found."""
UNFORESEEN = "Deskhand failed in a way that is not foreseen. Report it with the time; the service's log has the trace."
_CODES = {"missing": "missing_required_parameter", "unsupported_parameter": "unsupported_parameter"}
"""OpenAI's words for what pydantic calls the error; every other is ``invalid_value``."""


class ErrorDetails(BaseModel):
    """``param`` is the field that is wrong, with dots between its parts."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    error: ErrorDetails


def error_of(error: DeskhandError) -> ErrorDetails:
    """One of our errors in OpenAI's form."""
    message = f"{error}. {error.fix}" if error.fix else str(error)
    param = (error.field or None) if isinstance(error, InputError) else None
    return ErrorDetails(message=message, type=_kind(_status(error)), param=param, code=_code(error))


def error_response(error: DeskhandError) -> JSONResponse:
    return _response(_status(error), error_of(error), headers_of(error))


class OpenAIRoute(APIRoute):
    """A route all of whose errors have OpenAI's form, those of its dependencies and of validation too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except DeskhandError as error:
                if isinstance(error, ConfigurationError):
                    log.error("configuration", error=error.code, detail=str(error))  # noqa: TRY400  (no trace: it is for the operator)
                return error_response(error)
            except RequestValidationError as error:
                return _response(HTTPStatus.BAD_REQUEST, _of_validation(error))
            except HTTPException as error:
                status = HTTPStatus(error.status_code)
                return _response(status, ErrorDetails(message=str(error.detail), type=_kind(status)), error.headers)
            except Exception as error:
                log.exception("unexpected error", kind=type(error).__name__)
                return _response(
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    ErrorDetails(message=UNFORESEEN, type="server_error", code="internal"),
                )

        return handler


def _status(error: DeskhandError) -> HTTPStatus:
    """As elsewhere, except that OpenAI's clients expect 400 for what is wrong in a request."""
    status = status_of(error)
    return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status


def _kind(status: HTTPStatus) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def _code(error: DeskhandError) -> str:
    match error:
        case Refused():
            return "missing_scope" if error.missing_scope else "invalid_api_key"
        case NotFound():
            return "model_not_found"
        case PromptTooLong():
            return "context_length_exceeded"
        case _:
            return error.code


def _of_validation(error: RequestValidationError) -> ErrorDetails:
    """The first five wrong fields in the message; ``param`` is the first."""
    wrong = [(_param(item), item["msg"], item["type"]) for item in error.errors()[:5]]
    param, _, kind = wrong[0]
    message = "; ".join(f"{name or 'body'}: {said}" for name, said, _ in wrong)
    return ErrorDetails(
        message=message, type="invalid_request_error", param=param or None, code=_CODES.get(kind, "invalid_value")
    )


def _param(item: Mapping[str, Any]) -> str:
    """A rule over a whole object says in its context which of the fields it is about."""
    inside = item.get("ctx", {}).get("param")
    return ".".join(str(part) for part in (*item["loc"], inside) if part not in ("body", None))


def _response(status: HTTPStatus, details: ErrorDetails, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorAnswer(error=details).model_dump(), status_code=status, headers=dict(headers or {}))
