"""Every reason for which a request is refused, as RFC 9457 tells it."""

from __future__ import annotations

from detector.errors import DetectorError

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be understood"),
    "no-key": (401, "A valid API key is needed"),
    "not-allowed": (403, "The API key may not do this"),
    "not-found": (404, "There is no such thing"),
    "wrong-method": (405, "The method is not for this address"),
    "cancelled": (409, "The job was cancelled"),
    "conflict": (409, "The request contradicts what is there"),
    "too-large": (413, "The upload is larger than the limit"),
    "wrong-type": (415, "The body has a type that is not taken here"),
    "invalid": (422, "A field has a value that it cannot have"),
    "idempotency-reused": (422, "The idempotency key was used for another request"),
    "too-many-requests": (429, "The API key has used up its rate"),
    "failed": (500, "The service failed"),
    "queue-full": (503, "As much waits as may wait"),
    "draining": (503, "The service is stopping"),
    "not-ready": (503, "The service cannot work now"),
    "too-slow": (408, "The upload came too slowly"),
    "deadline": (504, "The answer did not come before the deadline"),
}
"""slug -> (HTTP status, title). The slug ends the problem's type: ``/problems#SLUG``."""


class Problem(DetectorError):  # noqa: N818  # the standard says problem
    """A request that is refused, or that cannot be answered.

    Args:
        slug: a key of `PROBLEMS`.
        detail: what was expected, what came, and what to do.
        field: the field of the request that it is about.
        limit: the limit that was passed.
        value: what came.
        retry_after_s: after how many seconds it is worth trying again.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        field: str | None = None,
        limit: float | str | None = None,
        value: float | str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug, self.field, self.limit, self.value, self.retry_after_s = slug, field, limit, value, retry_after_s
        self.status, self.title = PROBLEMS[slug]
