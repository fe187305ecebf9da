"""What a reply means: an answer, an error of ours, or that it is worth trying again, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from detector.errors import ServiceError

TRANSIENT = (429, 502, 503, 504)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, read to its end; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def request_id(self) -> str:
        """By which the service's log names the request; empty where something else answered."""
        return self.headers.get("x-request-id", "")

    def json(self) -> dict[str, Any]:
        """The object that it holds.

        Raises:
            ServiceError: bad-answer.
        """
        try:
            data = json.loads(self.content)
        except ValueError:
            data = None
        if isinstance(data, dict):
            return data
        detail = f"expected JSON, got {self.content[:80]!r}; is this the address of a detector service?"
        raise ServiceError("bad-answer", detail, status=self.status, request_id=self.request_id)


@dataclass(frozen=True)
class Lost:
    """A request to which no whole answer came; whether it was carried out is not known."""

    why: str


def failure(reply: Reply | Lost) -> ServiceError:
    """The error that a reply stands for which is no answer."""
    if isinstance(reply, Lost):
        return ServiceError("unreachable", f"expected an answer, got none ({reply.why}); is the service running?")
    if reply.status < 400:
        to = reply.headers.get("location", "elsewhere")
        detail = f"the service sends us to {to}, where the key is not shown unasked; give that address if you trust it"
        return ServiceError("redirected", detail, status=reply.status, request_id=reply.request_id)
    return _refusal(reply)


def pause(error: ServiceError, attempt: int, jitter: float) -> float | None:
    """Seconds to wait before the next try; None where trying again is of no use.

    Without a word of the service they double from `FIRST_WAIT_S`, and up to half of them is left to chance, so that
    clients that failed together do not come back together. The service's own word holds, unless it is too long to sit
    through.

    Args:
        error: what the last try ended with.
        attempt: how often it was tried, from 1.
        jitter: a random number in [0, 1).
    """
    if error.slug == "deadline" or not (error.slug == "unreachable" or error.status in TRANSIENT):
        return None  # a deadline that has passed does not come back
    if error.retry_after is None:
        return float(min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S)) * (1 - jitter / 2)
    return error.retry_after + jitter * FIRST_WAIT_S if error.retry_after <= LONGEST_WAIT_S else None


def _refusal(reply: Reply) -> ServiceError:
    """A problem of RFC 9457; where a proxy answered, its status has to do."""
    try:
        problem = reply.json()
    except ServiceError:
        problem = {}
    slug = str(problem.get("type", "")).rpartition("#")[2] or f"http-{reply.status}"
    detail = problem.get("detail") or problem.get("title") or f"expected an answer, got the status {reply.status}"
    return ServiceError(
        slug,
        str(detail),
        status=reply.status,
        request_id=str(problem.get("request_id") or reply.request_id) or None,
        retry_after=_retry_after(reply.headers.get("retry-after")),
    )


def _retry_after(said: str | None) -> float | None:
    """Seconds from now, of a header that gives seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if said is None or said.strip().isdecimal():
        return float(said) if said else None
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None
