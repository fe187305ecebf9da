"""A request's body as it comes: within its time, and small where no files are taken."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from detector.service.problems import Problem

SMALL = 1024**2
"""Bytes that a body without files may have: it is read whole into memory."""


class Unread(HTTPException):
    """A body that is not read to its end. Where FastAPI reads a body itself, it lets HTTPException through alone."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, str(problem))
        self.problem = problem


class Incoming:
    """An ASGI receive.

    Args:
        receive: the server's.
        upload_s: how long the body may take to come.
        most: bytes that it may have; None where who reads it counts.

    Raises (calling it does):
        Unread: too-slow, too-large.
    """

    def __init__(self, receive: Receive, upload_s: float, most: int | None) -> None:
        self._receive, self._upload_s, self._most = receive, upload_s, most
        self._until = asyncio.get_running_loop().time() + upload_s
        self._size, self._whole = 0, False

    async def __call__(self) -> Message:
        """The next message. After the whole body, none is expected but that the client has left."""
        if self._whole:
            return await self._receive()
        message = await self._next()
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._most is not None and self._size > self._most:
            detail = f"expected a body of at most {self._most:,} bytes, got more"
            raise Unread(Problem("too-large", detail, limit=self._most, value=self._size))
        return message

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until):
                return await self._receive()
        except TimeoutError as error:
            detail = f"expected the whole body within {self._upload_s:g} s; send it faster, or less"
            raise Unread(Problem("too-slow", detail, limit=self._upload_s)) from error
