"""The client for code that awaits; under asyncio and under Trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from detector.client import wire
from detector.client.answers import Answer, JobAnswer
from detector.client.core import Call, Core, Flow, Pause
from detector.client.replies import Lost, Reply
from detector.service.records import State

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class AsyncClient:
    """`detector.Client` with the same methods, to be awaited; arguments and errors are described there.

    Args:
        transport: another way to the service than the network, e.g. `httpx.ASGITransport` in tests.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = wire.options(url, key)
        import httpx

        self._core = Core(timeout_s, retries)
        self._http = httpx.AsyncClient(**options, transport=transport)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def score(
        self, source: Path | str | bytes, name: str | None = None, deadline_s: float | None = None
    ) -> Answer:
        """Score one file and wait for the answer; see `Client.score`."""
        return await self._run(self._core.score(source, name, deadline_s))

    async def submit(self, sources: Sequence[Path | str | bytes], webhook: str | None = None) -> JobAnswer:
        """Hand over files to be scored in time; see `Client.submit`."""
        return await self._run(self._core.submit(sources, webhook))

    async def job(self, job_id: str) -> JobAnswer:
        """A job as it stands; see `Client.job`."""
        return await self._run(self._core.job(job_id))

    async def wait(self, job_id: str, timeout_s: float = 600.0) -> JobAnswer:
        """The job once it has ended; see `Client.wait`."""
        return await self._run(self._core.wait(job_id, timeout_s))

    async def jobs(self, state: State | None = None) -> AsyncIterator[JobAnswer]:
        """The key's jobs, newest first; see `Client.jobs`."""
        after: str | None = None
        while True:
            page = await self._run(self._core.jobs(state, after))
            for job in page.items:
                yield job
            if (after := page.after) is None:
                return

    async def cancel(self, job_id: str) -> JobAnswer:
        """Cancel what of a job has not ended; see `Client.cancel`."""
        return await self._run(self._core.cancel(job_id))

    async def heatmap(self, answer: Answer, face: int = 0) -> bytes:
        """The PNG that shows where the evidence of a face lies; see `Client.heatmap`."""
        return await self._run(self._core.heatmap(answer, face))

    async def models(self) -> Mapping[str, object]:
        """What the service scores with; see `Client.models`."""
        return await self._run(self._core.models())

    async def _run(self, flow: Flow[T]) -> T:
        came: Reply | Lost | None = None
        while True:
            try:
                step = flow.send(came)
            except StopIteration as end:
                value: T = end.value
                return value
            came = await self._do(step)

    async def _do(self, step: Call | Pause) -> Reply | Lost | None:
        from anyio import sleep  # httpx brings it

        if isinstance(step, Pause):
            await sleep(step.seconds)
            return None
        try:
            with ExitStack() as opened:
                return wire.reply(await self._http.send(wire.request(self._http, step, opened)))
        except wire.losses() as error:
            return wire.lost(error)
