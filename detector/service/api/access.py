"""Who may do what.

``Authorization: Bearer dk_...`` or ``X-API-Key: dk_...``. A service that only this machine can reach, and that has no
key yet, is open: everybody on the machine may do everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import SCOPES, Key, Scope

OPEN = Key(id="", name="open", scopes=SCOPES, rate=0, created_at=0.0)
"""Whom everybody is while the service is open."""

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key, as `detector keys add` gave it")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="The same, bare")


def needs(*scopes: Scope) -> Callable[..., Awaitable[Key]]:
    """A FastAPI dependency, ``Depends(needs("score"))``: the key of the request, which has one of the scopes.

    A key with the scope admin may do everything. The key's rate is counted here.

    Raises (the dependency does):
        Problem: no-key, not-allowed, too-many-requests.
    """

    async def key_of(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        bare: Annotated[str | None, Depends(_HEADER)],
    ) -> Key:
        service = service_of(request)
        if await is_open(service):
            _refuse_strangers(request)
            return OPEN
        key = await _known(service, bearer.credentials if bearer else bare)
        request.state.key_id = key.id
        request.state.headers = service.rates.take(key)
        if not {*scopes, "admin"} & set(key.scopes):
            detail = f"expected a key with the scope {' or '.join(scopes)}, this one has {', '.join(key.scopes)}"
            raise Problem("not-allowed", detail)
        return key

    return key_of


async def is_open(service: Service) -> bool:
    """Whether everybody may do everything: only this machine can reach it, and there was never a key."""
    gate = service.gate
    if service.settings.loopback and not gate.keyed:
        gate.keyed = bool(await in_thread(service.store.keys))
    return service.settings.loopback and not gate.keyed


async def _known(service: Service, secret: str | None) -> Key:
    if not secret:
        raise Problem("no-key", "expected an API key in the header Authorization: Bearer, got none; ask for one")
    key: Key | None = await in_thread(service.store.key, secret)
    if key is None:
        raise Problem("no-key", "the API key is not known here, or was revoked; ask for another")
    return key


def _refuse_strangers(request: Request) -> None:
    """Refuse what a page of somebody else's makes a browser on this machine send.

    Such a page either has a name of its own that it lets point to this machine (DNS rebinding): then that name is the
    Host. Or it sends across origins: then the browser says so in Origin.
    """
    host = request.headers.get("host", "")
    if not _is_loopback(host):
        raise Problem(
            "not-allowed", "without keys, expected this machine's name as Host", field="Host", value=host[:200]
        )
    origin = request.headers.get("origin")
    if origin is not None and origin.rpartition("://")[2] != host:
        raise Problem("not-allowed", "without keys, no other site may ask", field="Origin", value=origin[:200])


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
