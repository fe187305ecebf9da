"""A request's body -> files in the spool."""

from __future__ import annotations

from typing import Protocol

from fastapi import Request
from python_multipart.multipart import parse_options_header

from detector.service.api.intake import NAMELESS, Intake
from detector.service.api.multipart import MultipartBody
from detector.service.api.threads import in_thread
from detector.service.metrics import UPLOAD_BYTES
from detector.service.problems import Problem


class Body(Protocol):
    """Makes files and fields of the bytes of a body."""

    fields: dict[str, str]

    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> None: ...


class RawBody:
    """A body that is one file."""

    def __init__(self, intake: Intake) -> None:
        self.fields: dict[str, str] = {}
        self._intake = intake
        intake.begin(NAMELESS)

    def feed(self, chunk: bytes) -> None:
        """Some more of it."""
        self._intake.write(chunk)

    def finish(self) -> None:
        """It is whole."""
        self._intake.end()


async def receive(request: Request, intake: Intake) -> dict[str, str]:
    """Take a request's body in.

    Args:
        request: whose body has not been touched yet.
        intake: takes the files.

    Returns:
        the fields that are no files.

    Raises:
        Problem: bad-request, wrong-type, and what `Intake` raises.
        Unread: too-slow.
        ClientDisconnect: the client left.
    """
    await in_thread(intake.check_length, int(request.headers.get("content-length", "0")))
    body = await in_thread(_body, request.headers.get("content-type", ""), intake)
    async for chunk in request.stream():
        await in_thread(body.feed, chunk)
    await in_thread(body.finish)
    UPLOAD_BYTES.inc(sum(upload.size for upload in intake.uploads))
    return body.fields


def _body(content_type: str, intake: Intake) -> Body:
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return MultipartBody(options.get(b"boundary", b""), intake)
    if kind.startswith((b"image/", b"video/")) or kind == b"application/octet-stream":
        return RawBody(intake)
    detail = "expected multipart/form-data, image/*, video/* or application/octet-stream"
    raise Problem("wrong-type", detail, field="Content-Type", value=content_type[:200])
