"""What the client does, without a socket: every operation is a generator that says what to send and when to pause.

It is given the replies and returns the answer; so the sync and the async client share all of it.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from detector.client.answers import Answer, JobAnswer, to_answer, to_job, to_jobs
from detector.client.replies import Lost, Reply, failure, pause
from detector.errors import ServiceError, UsageError
from detector.media import MediaLimits
from detector.media.source import Source, open_source
from detector.service.records import Page, State

T = TypeVar("T")

FIRST_LOOK_S, LONGEST_LOOK_S = 0.2, 5.0
"""How long a client that waits for a job waits before it looks again; it doubles."""
GRACE_S = 10.0
"""How long after its deadline an answer may come."""


@dataclass(frozen=True)
class Call:
    """One request, however often it is tried.

    Attributes:
        path: below the service's address.
        params: of the query.
        headers: beside the key.
        data: fields of the form.
        files: (name, bytes that can be opened again and again), each a form field "file".
        timeout_s: how long each step of it may take.
    """

    method: str
    path: str
    timeout_s: float
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, Source], ...] = ()


@dataclass(frozen=True)
class Pause:
    """Nothing is to be done for so long."""

    seconds: float


Flow = Generator[Call | Pause, Any, T]
"""Yields what is to be done, is sent a `Reply` or `Lost` for every call, returns the answer."""


@dataclass(frozen=True)
class Core:
    """The operations of a client.

    Attributes:
        timeout_s: how long each step of a request may take.
        retries: how often a request is tried again.
        jitter: random numbers in [0, 1).
        clock: seconds that only grow.
    """

    timeout_s: float
    retries: int
    jitter: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def score(self, source: Path | str | bytes, name: str | None, deadline_s: float | None) -> Flow[Answer]:
        """See `Client.score`."""
        headers = _once() | ({} if deadline_s is None else {"X-Deadline-Ms": str(_milliseconds(deadline_s))})
        timeout_s = max(self.timeout_s, (deadline_s or 0.0) + GRACE_S)
        call = Call("POST", "/v1/score", timeout_s, headers=headers, files=(_file(source, name),))
        reply = yield from self._ask(call)
        return to_answer(reply.json(), reply.request_id)

    def submit(self, sources: Sequence[Path | str | bytes], webhook: str | None) -> Flow[JobAnswer]:
        """See `Client.submit`."""
        data = {} if webhook is None else {"webhook": webhook}
        files = tuple(_file(source, None) for source in sources)
        call = Call("POST", "/v1/jobs", self.timeout_s, headers=_once(), data=data, files=files)
        return (yield from self._job(call))

    def job(self, job_id: str) -> Flow[JobAnswer]:
        """See `Client.job`."""
        return (yield from self._job(self._get(f"/v1/jobs/{_id(job_id)}")))

    def cancel(self, job_id: str) -> Flow[JobAnswer]:
        """See `Client.cancel`."""
        call = Call("POST", f"/v1/jobs/{_id(job_id)}/cancel", self.timeout_s, headers=_once())
        return (yield from self._job(call))

    def wait(self, job_id: str, timeout_s: float) -> Flow[JobAnswer]:
        """See `Client.wait`."""
        end, look = self.clock() + timeout_s, FIRST_LOOK_S
        while not (job := (yield from self.job(job_id))).ended:
            if (left := end - self.clock()) <= 0:
                raise ServiceError("not-ended", f"job {job_id} is {job.state} after {timeout_s:g} s; wait for it again")
            yield Pause(min(look, left))
            look = min(2 * look, LONGEST_LOOK_S)
        return job

    def jobs(self, state: State | None, after: str | None) -> Flow[Page[JobAnswer]]:
        """One page of `Client.jobs`."""
        params = {name: value for name, value in (("state", state), ("after", after)) if value is not None}
        reply = yield from self._ask(self._get("/v1/jobs", params))
        return to_jobs(reply.json(), reply.request_id)

    def heatmap(self, answer: Answer, face: int) -> Flow[bytes]:
        """See `Client.heatmap`."""
        pictured = answer.pictured
        if face not in pictured:
            has = ", ".join(map(str, pictured)) or "none has"
            raise UsageError(f"expected a face that has a heatmap ({has}), got {face}")
        path, item = pictured[face]
        return (yield from self._ask(self._get(path, {"item": item}))).content

    def models(self) -> Flow[Mapping[str, object]]:
        """See `Client.models`."""
        return (yield from self._ask(self._get("/v1/models"))).json()

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Call:
        return Call("GET", path, self.timeout_s, params or {})

    def _job(self, call: Call) -> Flow[JobAnswer]:
        reply = yield from self._ask(call)
        return to_job(reply.json(), reply.request_id)

    def _ask(self, call: Call) -> Flow[Reply]:
        """Try it as often as is allowed and of use. A POST carries a key of its own, so that it is carried out once."""
        for attempt in count(1):
            reply: Reply | Lost = yield call
            if isinstance(reply, Reply) and reply.status < 300:
                return reply
            error = failure(reply)
            seconds = pause(error, attempt, self.jitter()) if attempt <= self.retries else None
            if seconds is None:
                raise error
            yield Pause(seconds)
        raise AssertionError  # counting does not end


def _once() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def _milliseconds(seconds: float) -> int:
    if not 0 < seconds < math.inf:
        raise UsageError(f"deadline_s: expected a positive number of seconds, got {seconds}")
    return math.ceil(seconds * 1000)


def _id(job_id: str) -> str:
    if not job_id.isalnum():
        raise UsageError(f"expected the id of a job, got {job_id!r}")
    return job_id


def _file(source: Path | str | bytes, name: str | None) -> tuple[str, Source]:
    """A file under the name that is sent: only the last part of its path, which tells nothing of this machine."""
    origin = source if isinstance(source, bytes) else Path(source)
    said = name or ("<bytes>" if isinstance(origin, bytes) else origin.name)
    unlimited = MediaLimits(max_bytes=sys.maxsize)  # the service has limits of its own
    return said.encode("utf-8", "replace").decode(), open_source(origin, unlimited)
