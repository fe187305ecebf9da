"""How often a key may ask: a token bucket for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from detector.service.problems import Problem
from detector.service.records import Key


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Rates:
    """The buckets of one process; a restart fills them.

    A bucket holds a minute's requests and fills evenly, so that a key may use its whole minute at once.

    Attributes:
        clock: seconds that never go back.
    """

    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, key: Key) -> dict[str, str]:
        """Count one request of the key.

        Returns:
            the headers that tell what is left (draft-ietf-httpapi-ratelimit-headers); none where any number may come.

        Raises:
            Problem: too-many-requests.
        """
        if not key.rate:
            return {}
        bucket = self._filled(key)
        if bucket.tokens < 1:
            detail = f"expected at most {key.rate} requests a minute; send it again later"
            raise Problem(
                "too-many-requests", detail, limit=key.rate, retry_after_s=(1 - bucket.tokens) * 60 / key.rate
            )
        bucket.tokens -= 1
        full_in = math.ceil((key.rate - bucket.tokens) * 60 / key.rate)
        left = f'"key";r={int(bucket.tokens)};t={full_in}'
        return {"RateLimit-Policy": f'"key";q={key.rate};w=60', "RateLimit": left}

    def _filled(self, key: Key) -> _Bucket:
        """The key's bucket, with what has come since it was last looked at."""
        now = self.clock()
        bucket = self._buckets.setdefault(key.id, _Bucket(key.rate, now))
        bucket.tokens = min(key.rate, bucket.tokens + (now - bucket.at) * key.rate / 60)
        bucket.at = now
        return bucket
