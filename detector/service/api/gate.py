"""How much is let in at once, and when no more is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from detector.service.problems import Problem


@dataclass
class Gate:
    """Counts the requests that are being answered.

    Attributes:
        inside: how many there are.
        draining: whether the service is stopping: nobody is let in any more.
        keyed: whether a key has been seen in the store: from then on the service is not open any more.
    """

    inside: int = 0
    draining: bool = False
    keyed: bool = False

    @contextmanager
    def enter(self, limit: int) -> Iterator[None]:
        """Be inside.

        Raises:
            Problem: draining; queue-full where `limit` requests are inside.
        """
        if self.draining:
            raise Problem("draining", "the service is stopping; send the request again", retry_after_s=5)
        if self.inside >= limit:
            detail = f"expected at most {limit} requests at the same time, this is one more; send it again"
            raise Problem("queue-full", detail, limit=limit, retry_after_s=1)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
