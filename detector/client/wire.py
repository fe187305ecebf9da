"""Calls to httpx requests, httpx answers to replies: what the sync and the async client share of the transport."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from detector.client.core import Call
from detector.client.replies import Lost, Reply
from detector.errors import UsageError

if TYPE_CHECKING:
    import httpx


def options(url: str, key: str | None) -> dict[str, Any]:
    """What both of httpx's clients are made with.

    Raises:
        UsageError: httpx is not installed, or the address or the key cannot be one.
    """
    try:
        import httpx  # noqa: F401
    except ImportError as error:
        raise UsageError("the client needs httpx: pip install 'detector[serve]'") from error
    return {"base_url": _address(url), "headers": _headers(key), "follow_redirects": False}


def request(http: httpx.Client | httpx.AsyncClient, call: Call, opened: ExitStack) -> httpx.Request:
    """One try of a call; its files are opened here and closed by `opened`, and read only while they are sent."""
    return http.build_request(
        call.method,
        call.path,
        params=call.params,
        headers=call.headers,
        data=call.data,
        files=[("file", (name, opened.enter_context(source.open()))) for name, source in call.files],
        timeout=call.timeout_s,
    )


def reply(response: httpx.Response) -> Reply:
    """An answer that has been read to its end."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content)


def losses() -> tuple[type[Exception], ...]:
    """What is raised where no whole answer comes."""
    import httpx

    return httpx.RequestError, OSError


def lost(error: Exception) -> Lost:
    """What was raised, in words."""
    return Lost(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise UsageError(f"expected an address such as https://moderation.example, got {url!r}")
    return url


def _headers(key: str | None) -> dict[str, str]:
    if not key:
        return {}
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("expected an API key of printable characters without a space (dk_...), got something else")
    return {"Authorization": f"Bearer {key}"}
