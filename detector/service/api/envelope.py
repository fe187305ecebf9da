"""What every answer has, whatever it answers: an id, safe headers, its time in the metrics and a line in the log."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.service.api.incoming import SMALL, Incoming
from detector.service.api.refusals import METHODS, problem_response
from detector.service.api.service import service_of
from detector.service.logs import log
from detector.service.metrics import REQUEST_SECONDS
from detector.service.problems import Problem

SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer that does not say otherwise itself."""
LENGTHS = {"content-length", "transfer-encoding"}
"""Where a body has both, proxies may part it otherwise than we do: nothing behind it is believed (RFC 9112, 6.1)."""
ALWAYS_LET_IN = ("/healthz", "/readyz", "/metrics")
WITH_FILES = ("/v1/score", "/v1/jobs")
GONE = 499
"""What the log and the metrics call the status of a request whose client left before its answer."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Envelope:
    """ASGI middleware around everything, so that no answer leaves without what all answers have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self._app, scope, receive, send).answer()


class _Exchange:
    """One request and its answer."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._started, self._status = time.perf_counter(), 0
        self._request = Request(scope)
        state = self._request.state
        state.request_id, state.key_id, state.headers = _request_id(Headers(scope=scope)), None, {}

    async def answer(self) -> None:
        try:
            await self._enter()
        except ClientDisconnect:
            self._status = GONE
        except Problem as problem:
            await self._refuse(problem)
        except Exception as error:
            log.error("failed", request_id=self._request.state.request_id, exc_info=error)
            await self._refuse(Problem("failed", "the service failed; the log tells why by the request's id"))
        finally:
            self._tell()

    async def _enter(self) -> None:
        """Through the gate, to the routes."""
        service, path = service_of(self._request), self._scope["path"]
        limits = service.settings.limits
        with nullcontext() if path in ALWAYS_LET_IN else service.gate.enter(limits.requests):
            most = None if path in WITH_FILES else SMALL
            await self._app(self._scope, Incoming(self._receive, limits.upload_s, most), self._reply)

    async def _refuse(self, problem: Problem) -> None:
        if not self._status:  # an answer that has begun cannot be taken back
            await problem_response(self._request, problem)(self._scope, self._receive, self._reply)

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in {**SAFE, **self._request.state.headers}.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self._request.state.request_id
            if set(self._request.headers) >= LENGTHS:
                headers["Connection"] = "close"
        await self._send(message)

    def _tell(self) -> None:
        """The metrics and the log name the route, not the path: paths hold ids, and whatever a client makes up."""
        seconds = time.perf_counter() - self._started
        route = getattr(self._scope.get("route"), "path", "none")
        method = self._scope["method"] if self._scope["method"] in METHODS else "other"
        REQUEST_SECONDS.labels(route, method, str(self._status)).observe(seconds)
        state = self._request.state
        known = {"request_id": state.request_id, "key_id": state.key_id, "method": method, "route": route}
        log.info("request", **known, status=self._status, seconds=round(seconds, 4))


def _request_id(headers: Headers) -> str:
    """The client's, where it looks like one."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid4().hex
