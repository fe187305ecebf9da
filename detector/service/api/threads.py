"""Calls that wait for a disk or a database, kept off the event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 32
_LIMITER: RunVar[CapacityLimiter] = RunVar("limiter")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`call(*args, **kwargs)` on one of `AT_ONCE` threads; it runs to its end even when the request is given up."""
    return await to_thread.run_sync(partial(call, *args, **kwargs), limiter=_limiter())


def _limiter() -> CapacityLimiter:
    """Of this event loop."""
    limiter = _LIMITER.get(None)
    if limiter is None:
        _LIMITER.set(limiter := CapacityLimiter(AT_ONCE))
    return limiter
