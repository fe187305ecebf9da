"""Names that clients give, looked up where nobody else waits for them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from detector.service.problems import Problem
from detector.service.webhooks.guard import check_url

AT_ONCE = 8
WITHIN_S = 5.0

_THREADS = ThreadPoolExecutor(AT_ONCE, "lookup")
"""Of their own: a name whose servers are silent holds a thread for as long as the system waits for them. Whoever gives
up waiting gives up the place in the queue, not the thread, so there are never more than `AT_ONCE`."""


async def check_webhook(url: str, allow_private: bool) -> None:
    """Refuse a webhook that may not be told, as `check_url` does, or whose name is not found soon.

    Raises:
        Problem: ``invalid``, with the field ``webhook``.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            await asyncio.get_running_loop().run_in_executor(_THREADS, check_url, url, allow_private)
    except TimeoutError as error:
        detail = f"webhook: expected a host that is found within {WITHIN_S:g} s; see to its name servers, or try again"
        raise Problem("invalid", detail, field="webhook", limit=WITHIN_S) from error
