"""Every error as a problem (RFC 9457): what was expected, what came, what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from detector.service.api.incoming import Unread
from detector.service.problems import PROBLEMS, Problem

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


_SCHEMA = {"$ref": "#/components/schemas/ProblemAnswer"}


class ProblemAnswer(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="An address on this service whose page tells of this kind of problem")
    title: str
    status: int
    detail: str = Field(description="What was expected, what came, what to do")
    instance: str = Field(description="The path that was asked for")
    request_id: str
    field: str | None = Field(None, description="The field or header that it is about")
    limit: float | str | None = Field(None, description="The limit that was passed")
    value: float | str | None = Field(None, description="What came")


def problem_response(request: Request, problem: Problem, **more: Any) -> JSONResponse:
    """The answer to a request that is refused; `more` are further members."""
    body = ProblemAnswer(
        type=f"/problems#{problem.slug}",
        title=problem.title,
        status=problem.status,
        detail=str(problem),
        instance=request.scope["path"],
        request_id=getattr(request.state, "request_id", ""),
        field=problem.field,
        limit=problem.limit,
        value=problem.value,
        **more,
    )
    return JSONResponse(body.model_dump(exclude_none=True), problem.status, _headers(problem), MEDIA_TYPE)


def _headers(problem: Problem) -> dict[str, str]:
    headers = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(problem.retry_after_s))
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.slug == "too-slow":
        headers["Connection"] = "close"  # the rest of the body is not waited for
    return headers


def documented(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the problems that it can answer with."""
    told: dict[int | str, dict[str, Any]] = {}
    for slug in slugs:
        status, title = PROBLEMS[slug]
        known = told.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}})
        known["description"] += ("; " if known["description"] else "") + f"{slug}: {title}"
    return told


ALWAYS = documented(
    "bad-request",
    "no-key",
    "not-allowed",
    "too-slow",
    "too-large",
    "invalid",
    "too-many-requests",
    "queue-full",
    "draining",
    "failed",
)
"""What every route can answer with."""


def handle_errors(app: FastAPI) -> None:
    """Let the app answer every exception with a problem; those that nobody meant, `Envelope` catches."""

    @app.exception_handler(Problem)
    async def refuse(request: Request, problem: Problem) -> JSONResponse:
        return problem_response(request, problem)

    @app.exception_handler(RequestValidationError)
    async def refuse_value(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(request, _of_value(error))

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> JSONResponse:
        response = problem_response(request, _of_route(request, error))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_allowed(request))
        return response


def _of_route(request: Request, error: HTTPException) -> Problem:
    """What Starlette found: no route, or none for the method; or what `Incoming` did."""
    if isinstance(error, Unread):
        return error.problem
    if error.status_code == 404:
        return Problem("not-found", "expected an address that /docs lists")
    if error.status_code == 405:
        return Problem("wrong-method", f"expected {' or '.join(_allowed(request))}", value=request.method[:20])
    return Problem("failed" if error.status_code >= 500 else "bad-request", error.detail)


def _allowed(request: Request) -> list[str]:
    """All methods that any route takes at the request's path."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    routes = request.app.routes
    return [name for name, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _of_value(error: RequestValidationError) -> Problem:
    """What FastAPI found first: a parameter or a field that does not fit."""
    first: Mapping[str, Any] = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    value = first.get("input")
    return Problem("invalid", first["msg"], field=field, value=None if value is None else str(value)[:200])
