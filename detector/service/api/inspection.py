"""What the service needs, and whether it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from detector.service.api.threads import in_thread
from detector.service.logs import log

if TYPE_CHECKING:
    from detector.service.api.service import Service

OK = "ok"
FRESH_S = 1.0
"""How long what was found is told to others who ask: nobody needs a key to ask, and looking costs something."""


class Inspection:
    """Looks at everything when somebody asks, one at a time; who asks meanwhile, or soon after, is told the same."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
        self._service, self._clock = service, clock
        self._looking = asyncio.Lock()
        self._until, self._found = float("-inf"), dict[str, str]()

    async def found(self) -> dict[str, str]:
        """Each thing that has to be there, with "ok" or what is wrong with it."""
        async with self._looking:
            if self._clock() >= self._until:
                self._found = {name: await in_thread(self._tried, name, check) for name, check in CHECKS.items()}
                self._until = self._clock() + FRESH_S
        return {**self._found, "draining": _draining(self._service)}

    def _tried(self, name: str, check: Callable[[Service], str]) -> str:
        try:
            return check(self._service)
        except Exception as error:  # whatever it is, it is what the caller asks for
            log.warning("not ready", check=name, exc_info=error)
            return f"fails: {type(error).__name__}"


def _database(service: Service) -> str:
    service.store.ping()
    return OK


def _disk(service: Service) -> str:
    """Whether the largest file that is taken can be written."""
    needed, free = service.settings.limits.video_bytes, service.spool.free_bytes()
    with service.spool.writer() as writer:
        writer.write(b"ready?")
    return OK if free >= needed else f"{free:,} bytes are free, a video may have {needed:,}"


def _workers(service: Service) -> str:
    return OK if service.models() else "no worker has told of itself lately"


def _draining(service: Service) -> str:
    """Costs nothing, and is true at once."""
    return "the service is stopping" if service.gate.draining else OK


CHECKS: dict[str, Callable[[Service], str]] = {"database": _database, "disk": _disk, "workers": _workers}
