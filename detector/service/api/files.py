"""The pictures and the media of a job."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse

from detector.errors import MediaError
from detector.media.kinds import HEAD, tell_format
from detector.service.api.access import needs
from detector.service.api.jobs import Asking, Reader, find_item
from detector.service.api.refusals import documented
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Key

router = APIRouter(tags=["jobs"])

TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "MP4/MOV": "video/mp4",
    "Matroska/WebM": "video/webm",
    "AVI": "video/x-msvideo",
}
"""Format of `detector.media` -> what a browser calls it. Nothing that a browser would run is among them."""
HELD = {"Content-Security-Policy": "default-src 'none'; sandbox"}
"""What somebody sent does nothing, wherever it is opened."""

Position = Annotated[int, Query(alias="item", ge=0, le=2**31, description="Which file of the job, from 0")]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/v1/jobs/{job_id}/heatmap/{face}.png",
    summary="The heatmap of a face",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": _BINARY}}, **documented("not-found")},
)
async def heatmap(
    job_id: str,
    face: Annotated[int, Path(ge=0, le=2**31, description="Which face of the file, from 0")],
    key: Reader,
    service: Asking,
    position: Position = 0,
) -> FileResponse:
    """Where in the face the evidence lies. A job's `heatmaps` say which there are."""
    item = await find_item(service, key, job_id, position)
    path = await in_thread(service.spool.picture, item.id, f"heatmap{face}.png")
    if path is None:
        raise Problem("not-found", "no heatmap is kept of this face", field="face", value=face)
    return FileResponse(path, media_type="image/png")


@router.get(
    "/v1/jobs/{job_id}/media",
    summary="The file itself",
    response_class=FileResponse,
    responses={
        200: {"content": dict.fromkeys((*TYPES.values(), "application/octet-stream"), _BINARY)},
        206: {
            "description": "A part",
            "content": dict.fromkeys((*TYPES.values(), "application/octet-stream"), _BINARY),
        },
        **documented("not-found"),
    },
)
async def media(
    request: Request,
    job_id: str,
    key: Annotated[Key, Depends(needs("review"))],
    service: Asking,
    position: Position = 0,
) -> FileResponse:
    """For those who review; as long as it is kept. One range of bytes may be asked for."""
    item = await find_item(service, key, job_id, position)
    path = None if item.blob is None else service.spool.path(item.blob)
    kind, size = (None, 0) if path is None else await in_thread(_look, path)
    if path is None or kind is None:
        raise Problem("not-found", "the file is not kept any more", field="item", value=position)
    _check_range(request, size)
    return FileResponse(path, media_type=kind, filename=f"{item.id}", headers=HELD)


def _look(path: FilePath) -> tuple[str | None, int]:
    """The type of a file, by its first bytes, and its size; None where it has gone."""
    try:
        with path.open("rb") as file:
            return TYPES[tell_format(file.read(HEAD)).name], path.stat().st_size
    except MediaError:
        return "application/octet-stream", path.stat().st_size
    except FileNotFoundError:
        return None, 0


def _check_range(request: Request, size: int) -> None:
    """Forget a Range that cannot be given, as RFC 9110 (14.2) allows: the whole file is the answer then."""
    first, last = _first_and_last(request.headers.get("range", ""), size)
    if not 0 <= first <= last:
        headers = request.scope["headers"]
        request.scope["headers"] = [pair for pair in headers if pair[0] != b"range"]


def _first_and_last(given: str, size: int) -> tuple[int, int]:
    """The bytes that a Range names; (-1, -1) where it names none, or several parts."""
    match = _RANGE.fullmatch(given)
    if match is None or not any(match.groups()):
        return -1, -1
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last or size - 1), size - 1)
