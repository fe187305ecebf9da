"""Whether it lives, whether it can work, and what it counts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from detector.service.api.access import needs
from detector.service.api.inspection import OK
from detector.service.api.refusals import documented, problem_response
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.metrics import QUEUE_DEPTH, exposition
from detector.service.problems import Problem

router = APIRouter(tags=["operation"])

Asking = Annotated[Service, Depends(service_of)]


class Health(BaseModel):
    """It lives."""

    status: str = OK


class Readiness(BaseModel):
    """Each thing that has to be there, with "ok" or what is wrong with it."""

    status: str = OK
    checks: dict[str, str]


@router.get("/healthz", summary="Does it live?")
async def healthz() -> Health:
    """The process answers; restart it where it does not."""
    return Health()


@router.get("/readyz", summary="Can it work?", response_model=Readiness, responses=documented("not-ready"))
async def readyz(request: Request, service: Asking) -> Response | Readiness:
    """Send it no work while it cannot."""
    checks = await service.inspection.found()
    wrong = [f"{name}: {found}" for name, found in checks.items() if found != OK]
    if wrong:
        return problem_response(request, Problem("not-ready", "; ".join(wrong), retry_after_s=5), checks=checks)
    return Readiness(checks=checks)


@router.get(
    "/metrics",
    summary="Counts, for Prometheus",
    response_class=Response,
    dependencies=[Depends(needs("metrics"))],
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: Asking) -> Response:
    """Of all processes of this service together. They tell how much everybody sends: a key needs the scope metrics."""
    QUEUE_DEPTH.set(await in_thread(service.store.waiting))
    return Response(await in_thread(exposition), media_type=CONTENT_TYPE_LATEST)
