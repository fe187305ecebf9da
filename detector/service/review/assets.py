"""The review page's own files."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from detector.service.problems import Problem

FOLDER = Path(__file__).parent / "page"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The page runs only what is served beside it, and even that cannot make HTML or script out of text: the last two
lines turn every try into an error (W3C Trusted Types)."""

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_NAMES = frozenset(path.name for path in FOLDER.iterdir())

router = APIRouter(include_in_schema=False)


@router.get("/review")
async def page() -> FileResponse:
    """The page; it asks for a key by itself."""
    return _file("index.html")


@router.get("/review/static/{name}")
async def static(name: str) -> FileResponse:
    """What the page is made of."""
    if name not in _NAMES:
        raise Problem("not-found", f"expected a file of the review page, got {name[:40]!r}")
    return _file(name)


def _file(name: str) -> FileResponse:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(FOLDER / name, media_type=_TYPES[Path(name).suffix], headers=headers)
