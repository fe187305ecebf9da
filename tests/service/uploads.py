"""How a test writes requests that no client would: byte for byte, and slowly, and not to their end."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

PATIENCE_S, SILENCE_S = 60.0, 0.5
ROUTES = ("/v1/score", "/v1/jobs")
TAKEN = {"/v1/score": 200, "/v1/jobs": 202}
FORM = "multipart/form-data; boundary=B"
GONE = 0
"""What stands for a status where the connection was closed without an answer."""
Piece = bytes | float
"""What is written next, or a pause in seconds."""


@dataclass(frozen=True)
class Attack:
    """One connection.

    Attributes:
        pieces: what is written, until there is an answer.
        allowed: the statuses of which it may get one.
        then: what follows: waiting for an answer, closing this end of the line, or breaking it.
    """

    pieces: Callable[[], Iterable[Piece]]
    allowed: frozenset[int]
    then: Literal["wait", "close", "break"] = "wait"


def talk(port: int, attack: Attack) -> bytes:
    """All that comes back, until the line is closed or silent behind an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as line:
        with suppress(BrokenPipeError, ConnectionResetError):
            _write(line, attack.pieces())
        if attack.then == "break":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        if attack.then == "close":
            with suppress(OSError):
                line.shutdown(socket.SHUT_WR)
        return _heard(line)


def _heard(line: socket.socket) -> bytes:
    heard = b""
    with suppress(ConnectionResetError):
        while select.select([line], [], [], SILENCE_S if heard else PATIENCE_S)[0]:
            came = line.recv(1 << 16)
            heard += came
            if not came:
                return heard
    return heard


def _write(line: socket.socket, pieces: Iterable[Piece]) -> None:
    """Until the other end says something."""
    for piece in pieces:
        if isinstance(piece, float):
            if select.select([line], [], [], piece)[0]:
                return
            continue
        rest = memoryview(piece)
        while rest:
            said, _, _ = select.select([line], [line], [], PATIENCE_S)
            if said:
                return
            rest = rest[line.send(rest) :]


def post(route: str, body: bytes, kind: str = FORM, *headers: str) -> bytes:
    """A whole request."""
    return head(route, f"Content-Length: {len(body)}", f"Content-Type: {kind}", *headers) + body


def head(route: str, *headers: str | bytes, method: str = "POST") -> bytes:
    """A request without its body."""
    lines = [f"{method} {route} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\r\n\r\n"


def part(name: str | bytes, content: bytes, filename: str | bytes | None = None, *headers: bytes) -> bytes:
    """Of a form whose boundary is B."""
    told = b'form-data; name="' + _bytes(name) + b'"'
    told += b"" if filename is None else b'; filename="' + _bytes(filename) + b'"'
    lines = [b"--B", b"Content-Disposition: " + told, *headers, b"", content]
    return b"\r\n".join(lines) + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A form that is whole."""
    return b"".join(parts) + b"--B--\r\n"


def chunk(content: bytes) -> bytes:
    """Of a body that does not say how long it is."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
