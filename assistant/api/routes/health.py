"""Is it up, is it ready, and what does it count? Open to all; nothing here tells of a tenant or ticket."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from assistant import __version__
from assistant.api.service import Service, service_of

router = APIRouter(tags=["health"])
ServiceHere = Annotated[Service, Depends(service_of)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz", responses={503: {"description": "Not ready; the body says what is missing."}})
async def readyz(service: ServiceHere) -> JSONResponse:
    """Models are loaded and the database answers."""
    trouble = await service.on_thread(service.readiness)
    return JSONResponse({"ready": not trouble, "waiting_for": trouble}, status_code=503 if trouble else 200)


@router.get("/metrics")
async def metrics(service: ServiceHere) -> Response:
    """Prometheus metrics."""
    service.metrics.in_flight.set(service.admission.in_flight)
    if service.app.local_models:
        service.metrics.model_restarts.set(service.app.model_process.restarts)
    board = service.app.jobs
    loads, dead = await service.on_thread(lambda: (board.load(), board.dead()))
    service.metrics.note_jobs(loads, dead)
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)
