"""Pages for people: the API as its OpenAPI document says it, and every problem. They load nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from detector.service.problems import PROBLEMS

router = APIRouter(include_in_schema=False)

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}

_TEMPLATES = Environment(
    loader=PackageLoader("detector.service.api", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The API."""
    document = request.app.openapi()
    return _page("docs.html.jinja", document=document, operations=_operations(document))


@router.get("/problems")
def problems() -> HTMLResponse:
    """What the `type` of a problem leads to."""
    return _page("problems.html.jinja", problems=PROBLEMS)


def _page(template: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), headers=HEADERS)


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of every operation."""
    return [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
