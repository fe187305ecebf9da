"""The client for code that waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
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


class Client:
    """A `detector serve`, asked over HTTP. Make one and keep it; threads may share it.

    What fails in passing (no connection, half an answer, 429, 502, 503, 504) is tried again with growing pauses, or
    after as long as the service says. Nothing is done twice by that: every request that changes something carries an
    idempotency key, made once a call. Files are read while they are sent and never held in memory.

    Args:
        url: of the service.
        key: an API key; None where the service is open.
        timeout_s: how long connecting, each write and each read may take.
        retries: how often a request is tried again.
        transport: another way to the service than the network, e.g. `httpx.WSGITransport` in tests.

    Raises:
        UsageError: httpx is not installed, or the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = wire.options(url, key)
        import httpx

        self._core = Core(timeout_s, retries)
        self._http = httpx.Client(**options, transport=transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def score(self, source: Path | str | bytes, name: str | None = None, deadline_s: float | None = None) -> Answer:
        """Score one file and wait for the answer.

        Args:
            source: a file, or the bytes of one.
            name: what it is called in the answer and on the review page; the file's name without its folders if None.
            deadline_s: how long the service may take; as long as it is set to if None, or if that is less.

        Raises:
            MediaError: the file is not there, empty or cannot be read.
            UsageError: a deadline that is no time to come.
            ServiceError: the service refused, failed or could not be reached; the slug tells why ("deadline" where it
                took too long: send what takes long with `submit`).
        """
        return self._run(self._core.score(source, name, deadline_s))

    def submit(self, sources: Sequence[Path | str | bytes], webhook: str | None = None) -> JobAnswer:
        """Hand over files, videos for instance, to be scored in time; the answers come with `wait` or to the webhook.

        Args:
            sources: files, or the bytes of them; the items of the job have their order.
            webhook: an address that is told when the job has ended and when a person has decided.

        Raises:
            MediaError: a file is not there, empty or cannot be read; nothing was handed over.
            ServiceError: as `score`.
        """
        return self._run(self._core.submit(sources, webhook))

    def job(self, job_id: str) -> JobAnswer:
        """A job as it stands. Raises `ServiceError`, "not-found" where the key has none of that id."""
        return self._run(self._core.job(job_id))

    def wait(self, job_id: str, timeout_s: float = 600.0) -> JobAnswer:
        """The job once it has ended. Raises `ServiceError`, "not-ended" where that takes longer than `timeout_s`."""
        return self._run(self._core.wait(job_id, timeout_s))

    def jobs(self, state: State | None = None) -> Iterator[JobAnswer]:
        """The key's jobs, newest first; more are fetched as they are asked for. Raises `ServiceError`."""
        after: str | None = None
        while True:
            page = self._run(self._core.jobs(state, after))
            yield from page.items
            if (after := page.after) is None:
                return

    def cancel(self, job_id: str) -> JobAnswer:
        """Cancel what of a job has not ended. Raises `ServiceError`."""
        return self._run(self._core.cancel(job_id))

    def heatmap(self, answer: Answer, face: int = 0) -> bytes:
        """The PNG that shows where the evidence of a face lies; faces are counted from 0.

        Raises:
            UsageError: the answer has no heatmap of that face.
            ServiceError: "not-found" where it is not kept any more.
        """
        return self._run(self._core.heatmap(answer, face))

    def models(self) -> Mapping[str, object]:
        """What the service scores with, as `/v1/models` says it. Raises `ServiceError`."""
        return self._run(self._core.models())

    def _run(self, flow: Flow[T]) -> T:
        came: Reply | Lost | None = None
        while True:
            try:
                step = flow.send(came)
            except StopIteration as end:
                value: T = end.value
                return value
            came = self._do(step)

    def _do(self, step: Call | Pause) -> Reply | Lost | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            with ExitStack() as opened:
                return wire.reply(self._http.send(wire.request(self._http, step, opened)))
        except wire.losses() as error:
            return wire.lost(error)
