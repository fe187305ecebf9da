"""Puts the routes together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from detector import __version__
from detector.service.api import files, health, jobs, models, pages, policies, score
from detector.service.api.envelope import Envelope
from detector.service.api.refusals import ALWAYS, ProblemAnswer, handle_errors
from detector.service.api.service import Service
from detector.service.review import routes as review
from detector.service.settings import Settings
from detector.service.webhooks import routes as webhooks

SEEN_WITHIN_S = 30.0
"""A worker that told of itself within so many seconds is there."""


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """The ASGI application of one service; without `service`, of one that keeps what it keeps where `settings` say.

    Raises:
        ConfigError: no such policy, or a database that cannot be reached.
    """
    app = _Api(
        title="detector",
        version=__version__,
        description="Is this face real? Uploads in, scores and decisions out.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.service = service or open_service(settings)
    for module in (score, jobs, files, models, policies, review, webhooks, health):
        app.include_router(module.router, responses=ALWAYS)
    app.include_router(pages.router)
    handle_errors(app)
    app.add_middleware(Envelope)
    return app


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """With the schema of problems, which stand outside of FastAPI's own answers."""
        document = super().openapi()
        document["components"]["schemas"]["ProblemAnswer"] = ProblemAnswer.model_json_schema()
        return document


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.service.store.close()


def open_service(settings: Settings) -> Service:
    """Open what a service keeps. Raises as `create_app`."""
    from detector.service.policy import Policy
    from detector.service.spool import Spool
    from detector.service.store import Store

    store = Store.open(settings.url)

    def models() -> Mapping[str, object]:
        return store.workers(since=time.time() - SEEN_WITHIN_S)

    return Service(settings, store, Spool(settings.state), Policy.load(settings.policy), models)
