"""A small HTTP server that answers like ours, and fails as it is told to: for the client's tests."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any

from python_multipart import parse_form

PNG = b"\x89PNG\r\n\x1a\nnot really"


@dataclass(frozen=True)
class Seen:
    """One request, as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    size: int
    fields: Mapping[str, str]
    files: tuple[tuple[str, bytes], ...]


@dataclass(eq=False)
class Fake:
    """What the server has seen and done, and what it shall fail with next.

    Attributes:
        failures: one for each coming request; without one left, it answers.
        seen: every request that came in whole.
        jobs: what was carried out, by idempotency key: our service's promise.
    """

    url: str = ""
    failures: deque[Callable[[Handler], None]] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: int = 0
    looks_until_done: int = 0


def item(number: int, name: str, state: str = "done") -> dict[str, Any]:
    """An item's JSON, with a field that only services to come have."""
    told = {"path": name, "state": state, "job_id": f"job{number}", "item_id": f"item{number}", "request_id": "r1"}
    if state != "done":
        return told
    face = {"box": [1.0, 2.0, 30.0, 40.0], "confidence": 0.9, "probability": 0.7, "reason": None, "time_s": 0.0}
    regions = [{"region": "mouth", "contribution": 0.5, "words": "mouth: odd", "to_come": 1}]
    return told | {
        "media": "image",
        "status": "ok",
        "reason": None,
        "fake_probability": 0.7,
        "verdict": "fake",
        "threshold": 0.5,
        "faces": [face | {"regions": regions, "track": None}],
        "timeline": [],
        "models": {"face-vae": "0123"},
        "warnings": [],
        "elapsed_s": 0.1,
        "sha256": "0" * 64,
        "decision": {"action": "review", "reason": "0.70 is over 0.50", "policy": "0123456789ab", "to_come": 1},
        "review": None,
        "heatmaps": [f"/v1/jobs/job{number}/heatmap/0.png?item=0"],
        "to_come": {"anything": 1},
    }


def job(number: int, names: list[str], state: str = "done") -> dict[str, Any]:
    """A job's JSON."""
    items = [item(number, name, state) for name in names]
    return {"id": f"job{number}", "state": state, "created_at": 1.0, "finished_at": None, "items": items, "links": {}}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    fake: Fake

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def say(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answer in whole."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "X-Request-ID": "r1", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def carry_out(self) -> tuple[int, Any]:
        """Do what was asked, once for each idempotency key; the status and the body of the answer."""
        seen = self.fake.seen[-1]
        if seen.method == "POST" and "cancel" not in seen.path:
            names = [name for name, _ in seen.files]
            number = len(self.fake.jobs) + 1
            made = self.fake.jobs.setdefault(seen.headers["idempotency-key"], job(number, names))
            return (200, made["items"][0]) if seen.path.startswith("/v1/score") else (202, made)
        return 200, self._kept(seen.path)

    def _take(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        failures = self.fake.failures
        failure = failures.popleft() if failures else None
        if failure is drop_at_once:
            drop_at_once(self)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        fields, files = _form(headers, self.rfile)
        self.fake.seen.append(Seen(self.command, self.path, headers, size, fields, files))
        if failure is None:
            self.say(*self.carry_out())
        else:
            failure(self)

    def _kept(self, path: str) -> Any:
        if "heatmap" in path:
            return PNG
        if path == "/v1/models":
            return {"models": {"face-vae": "0123"}}
        if path.endswith("cancel"):
            return job(1, ["a"], "cancelled")
        if path.startswith("/v1/jobs/"):
            self.fake.looks += 1
            return job(1, ["a.jpg"], "done" if self.fake.looks > self.fake.looks_until_done else "running")
        after = int(path.rpartition("after=")[2]) if "after=" in path else 0
        rows = [job(number, ["a"]) for number in range(after, min(after + 2, 5))]
        return {"items": rows, "next": str(after + 2) if after + 2 < 5 else None}


def drop_at_once(handler: Handler) -> None:
    """Hang up without having read the body."""
    handler.close_connection = True


def drop(handler: Handler) -> None:
    """Hang up after the body, having done nothing."""
    handler.close_connection = True


def drop_after_work(handler: Handler) -> None:
    """Do what was asked, and hang up without a word: what a killed proxy does."""
    handler.carry_out()
    handler.close_connection = True


def half(handler: Handler) -> None:
    """Do what was asked, and break off in the middle of the answer."""
    content = json.dumps(handler.carry_out()[1]).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def refuse(status: int, slug: str = "", retry_after: str | None = None, **headers: str) -> Callable[[Handler], None]:
    """Answer with a problem; without a slug as a proxy does, in HTML."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"type": f"/problems#{slug}", "detail": "expected less", "request_id": "r1"} if slug else b"<html>no</html>"
    if retry_after is not None:
        named["Retry-After"] = retry_after
    return lambda handler: handler.say(status, body, named)


def _form(headers: Mapping[str, str], body: IO[bytes]) -> tuple[dict[str, str], tuple[tuple[str, bytes], ...]]:
    """The fields and files of a form; of a large file, nothing is kept."""
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        files.append((file.file_name.decode(), file.file_object.read() if file.size < 1 << 20 else b""))
        file.close()

    def on_field(field: Any) -> None:
        fields[field.field_name.decode()] = field.value.decode()

    if headers.get("content-type", "").startswith("multipart/"):
        parse_form({name.title(): value.encode() for name, value in headers.items()}, body, on_field, on_file)
    return fields, tuple(files)


@contextmanager
def serving() -> Iterator[Fake]:
    """A fake service on a free port of this machine."""
    fake = Fake()
    handler = type("Bound", (Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
