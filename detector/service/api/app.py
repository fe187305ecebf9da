"""Puts the routes together."""

from __future__ import annotations

import time
from collections.abc import Mapping

from fastapi import FastAPI

from detector import __version__
from detector.service.api.envelope import Envelope
from detector.service.api.refusals import handle_errors
from detector.service.api.service import Service
from detector.service.settings import Settings

SEEN_WITHIN_S = 30.0
"""A worker that was seen so long ago, or not so long, is there."""


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """The ASGI application of one service; without `service`, of one that keeps what it keeps as `settings` say."""
    app = FastAPI(title="detector", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service or open_service(settings)
    handle_errors(app)
    app.add_middleware(Envelope)
    return app


def open_service(settings: Settings) -> Service:
    """Open what a service keeps.

    Raises:
        ConfigError: no such policy, or a database that cannot be reached.
    """
    from detector.service.policy import Policy
    from detector.service.spool import Spool
    from detector.service.store import Store

    store = Store.open(settings.url)

    def models() -> Mapping[str, object]:
        return store.workers(since=time.time() - SEEN_WITHIN_S)

    return Service(settings, store, Spool(settings.state), Policy.load(settings.policy), models)
