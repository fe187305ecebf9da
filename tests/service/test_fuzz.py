"""Whatever fits the API's own OpenAPI document, and much that does not, is answered as that document says."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from detector.service.records import Job, Order, Upload
from detector.service.settings import Limits
from tests.service.reviewing import served
from tests.service.running import JPEG, Running, running

EXAMPLES = 10
"""Random ones of each operation; those that schemathesis derives from every keyword of the document are more."""
OFTEN = 0.6
"""How often an id is one that is there: who makes ids up only ever learns that there is no such thing."""
OPERATIONS = {
    "POST /v1/score",
    "POST /v1/jobs",
    "GET /v1/jobs",
    "GET /v1/jobs/{job_id}",
    "POST /v1/jobs/{job_id}/cancel",
    "GET /v1/jobs/{job_id}/heatmap/{face}.png",
    "GET /v1/jobs/{job_id}/media",
    "GET /v1/models",
    "GET /v1/policy",
    "POST /v1/policy/dry-run",
    "GET /v1/review",
    "GET /v1/review/export",
    "GET /v1/review/audit",
    "GET /v1/review/{item_id}",
    "POST /v1/review/{item_id}/decision",
    "GET /v1/review/{item_id}/picture/{name}",
    "GET /v1/webhooks/dead",
    "POST /v1/webhooks/dead/{delivery_id}/retry",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
}
REFUSES_WHAT_NO_SCHEMA_TELLS = {
    "GET /v1/jobs": "a cursor that no page gave",
    "GET /v1/review": "the same",
    "GET /v1/review/audit": "the same",
    "GET /v1/webhooks/dead": "the same",
    "POST /v1/score": "a webhook at an address that is not public",
    "POST /v1/jobs": "the same",
    "POST /v1/policy/dry-run": "a text that is no policy",
    "POST /v1/review/{item_id}/decision": "the name of a reviewer who is not the key's",
}
"""Operations that may answer 422 to what fits their schema, and to what of it."""

WARNINGS = (
    *("missing_auth", "missing_test_data", "missing_deserializer", "unsupported_regex", "method_not_allowed"),
    *("unmatched_filter", "unresolvable_reference", "dictionary_mismatch"),
)
"""What would leave an operation half tested: no key, no id that is there, a pattern that is not understood."""


@contextmanager
def fuzzed(folder: Path) -> Iterator[Running]:
    """A service with a worker."""
    limits = Limits(image_bytes=1 << 20, video_bytes=2 << 20, files=5, deadline_s=2.0)
    with running(folder, limits=limits) as service, service.working():
        service.store.report_worker("fake", {"models": {"face-vae": "0123456789ab"}, "threshold": 0.9, "fpr": 0.01})
        yield service


def put(service: Running) -> Job:
    """A job that will be done, and of whose end somebody is to be told."""
    with service.service.spool.writer() as writer:
        writer.write(JPEG)
        upload = Upload("a.jpg", writer.keep(), len(JPEG), sha256(JPEG).hexdigest(), "image")
    return service.store.submit(Order("", (upload,), webhook="https://example.org/hook"), 1000)[0]


def dead_message(service: Running) -> str:
    """The id of the only message that is owed, after it has been given up."""
    while not (owed := service.store.owed("nobody", 1, 60)):
        pass
    service.store.failed(owed[0].id, "the address refused", None)
    return owed[0].id


def configuration(service: Running, ids: dict[str, str | int]) -> str:
    """schemathesis.toml: the same cases in every run, a key, and values that are there."""
    _, header = service.key("admin")
    known = {f"path.{name}": value for name, value in ids.items()} | {"body.policy": service.service.policy.text}
    lines = [
        f"headers = {{ Authorization = {json.dumps(header['Authorization'])} }}",
        f"generation = {{ deterministic = true, max-examples = {EXAMPLES}, database = 'none' }}",
        f"warnings.fail-on = {json.dumps(WARNINGS)}",
        "checks.not_a_server_error.expected-statuses = ['2xx', '3xx', '4xx', '503', '504']",
        "checks.negative_data_rejection.expected-statuses = ['4xx', '503', '504']",
        *(f"dictionaries.'{name}'.values = [{json.dumps(value)}]" for name, value in known.items()),
        *(f"parameters.'{name}' = {{ dictionary = '{name}', probability = {OFTEN} }}" for name in known),
    ]
    for name in REFUSES_WHAT_NO_SCHEMA_TELLS:
        lines += ["[[operations]]", f"include-name = '{name}'"]
        lines += ["checks.positive_data_acceptance.expected-statuses = ['2xx', '404', '409', '422', '503', '504']"]
    return "\n".join(lines)


def look_up(host: str | None, *rest: Any, ask: Any = socket.getaddrinfo, **more: Any) -> Any:
    """As if every name had the same public address: no test may reach the network."""
    try:
        return ask(host, *rest, **{**more, "flags": more.get("flags", 0) | socket.AI_NUMERICHOST})
    except socket.gaierror:
        return ask("9.9.9.9", *rest, **more)


def test_every_answer_is_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with fuzzed(tmp_path / "state") as service, served(service.app) as url:
        job = put(service)
        ids: dict[str, str | int] = {"job_id": job.id, "item_id": job.items[0].id, "face": 0, "name": "heatmap0.png"}
        ids["delivery_id"] = dead_message(service)
        (tmp_path / "schemathesis.toml").write_text(configuration(service, ids))
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_document_leaves_nothing_out(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        paths = service.client.get("/openapi.json").json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} >= OPERATIONS
