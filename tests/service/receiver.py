"""A real HTTP server on loopback that keeps what it is sent, for tests of webhooks."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[BaseHTTPRequestHandler, int], None]
"""(handler, how many requests came before) -> writes the answer."""


@dataclass(frozen=True)
class Receiver:
    """What came, in order, and where it listens."""

    port: int
    received: list[Received]

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/hook?team=a"


def status(*statuses: int, headers: dict[str, str] | None = None) -> Reply:
    """Answer with these in turn, and with the last one from then on."""

    def reply(handler: BaseHTTPRequestHandler, before: int) -> None:
        handler.send_response(statuses[min(before, len(statuses) - 1)])
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return reply


@contextmanager
def listening(reply: Reply, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver on a free port."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            before = len(received)
            received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            reply(self, before)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        # A sender that hangs up is what some of the tests are about.
        def handle_error(self, *_: object) -> None: ...

    with Server((address, 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Receiver(server.server_address[1], received)
        server.shutdown()
