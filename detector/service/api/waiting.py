"""Who waits for a job to end: one question to the store for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from detector.service.api.threads import in_thread
from detector.service.logs import log

EVERY_S = 0.02
FOR_EACH_S = 0.001
LONGEST_S = 0.2
"""The more wait, the longer each waits anyhow, and the more it costs to ask for all of them."""
AFTER_FAILURE_S = 1.0


@dataclass(eq=False)
class Waiting:
    """Asks every `EVERY_S` seconds while somebody waits, less often while many do, and not at all while nobody does.

    Attributes:
        ended: which of these jobs have ended (`Store.ended`).
    """

    ended: Callable[[Collection[str]], set[str]]
    _bells: dict[str, set[asyncio.Event]] = field(default_factory=dict)
    _asking: asyncio.Task[None] | None = None

    async def until_ended(self, job_id: str) -> None:
        """Return when the job has ended; cancel this to stop waiting."""
        bell = asyncio.Event()
        self._bells.setdefault(job_id, set()).add(bell)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        try:
            await bell.wait()
        finally:
            self._forget(job_id, bell)

    def _forget(self, job_id: str, bell: asyncio.Event) -> None:
        bells = self._bells.get(job_id, set())
        bells.discard(bell)
        if not bells:
            self._bells.pop(job_id, None)

    async def _ask(self) -> None:
        while self._bells:
            for job_id in await self._which():
                for bell in self._bells.pop(job_id, ()):
                    bell.set()
            await asyncio.sleep(min(EVERY_S + FOR_EACH_S * len(self._bells), LONGEST_S))

    async def _which(self) -> set[str]:
        """Which have ended; none when the store cannot say just now: those who wait have deadlines."""
        try:
            return await in_thread(self.ended, set(self._bells))
        except Exception as error:  # whatever it is, it must not leave everybody waiting for nobody
            log.error("the store does not answer", exc_info=error)
            await asyncio.sleep(AFTER_FAILURE_S)
            return set()
