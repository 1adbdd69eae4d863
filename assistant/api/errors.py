"""Errors as RFC 9457 problem details that name the field and the fix."""

from collections.abc import Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from assistant.kernel.errors import (
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    DeskhandError,
    InputError,
    NotFound,
    Refused,
    RetryLater,
    TooMany,
)  # fmt: skip

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457, with ``fix``: what the caller can do, and ``errors``: the fields that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    fix: str = ""
    errors: list[FieldProblem] = []


class BodyTooLarge(InputError):
    code = "body_too_large"


def problem_of(error: DeskhandError) -> Problem:
    """The problem details of one of our errors."""
    status = status_of(error)
    field = error.field if isinstance(error, InputError) else ""
    return Problem(
        type=f"urn:deskhand:error:{error.code}",
        title=status.phrase,
        status=status,
        detail=str(error),
        fix=error.fix,
        errors=[FieldProblem(field=field, message=str(error))] if field else [],
    )


def problem_response(error: DeskhandError) -> JSONResponse:
    return _response(problem_of(error), headers_of(error))


def headers_of(error: DeskhandError) -> dict[str, str]:
    """What the headers of an answer say of one of our errors."""
    headers = {}
    if isinstance(error, RetryLater):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Refused) and not error.missing_scope:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def install(api: FastAPI) -> None:
    """Make every error that leaves a route a problem document."""

    @api.exception_handler(DeskhandError)
    async def ours(_: Request, error: DeskhandError) -> JSONResponse:
        if isinstance(error, ConfigurationError):
            log.error("configuration", error=error.code, detail=str(error))
        return problem_response(error)

    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            FieldProblem(field=".".join(str(part) for part in item["loc"] if part != "body"), message=item["msg"])
            for item in error.errors()
        ]
        return _response(
            Problem(
                type="urn:deskhand:error:invalid_input",
                title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                detail=_joined(fields),
                fix="Compare the request with the schema at /openapi.json.",
                errors=fields,
            )
        )

    @api.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        code = status.name.lower()
        problem = Problem(
            type=f"urn:deskhand:error:{code}", title=status.phrase, status=status, detail=str(error.detail)
        )
        return _response(problem, dict(error.headers or {}))

    @api.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error", kind=type(error).__name__, exc_info=error)
        return _response(
            Problem(
                type="urn:deskhand:error:internal",
                title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
                status=HTTPStatus.INTERNAL_SERVER_ERROR,
                detail="Deskhand failed in a way that is not foreseen.",
                fix="Report it with the time; the service's log has the trace.",
            )
        )


def status_of(error: DeskhandError) -> HTTPStatus:
    """The status one of our errors is answered with."""
    match error:
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case BodyTooLarge():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case InputError():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case Refused():
            return HTTPStatus.FORBIDDEN if error.missing_scope else HTTPStatus.UNAUTHORIZED
        case TooMany():
            return HTTPStatus.TOO_MANY_REQUESTS
        case RetryLater() | ConfigurationError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case DeadlineExceeded():
            return HTTPStatus.GATEWAY_TIMEOUT
        case Cancelled():
            return HTTPStatus.REQUEST_TIMEOUT
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def _joined(fields: Sequence[FieldProblem]) -> str:
    return "; ".join(f"{item.field or 'body'}: {item.message}" for item in fields[:5])


def _response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)
