"""What every answer has, whatever it answers."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from detector.service import logs
from detector.service.api import inspection
from detector.service.problems import PROBLEMS
from detector.service.settings import Limits
from tests.service.conftest import Clock
from tests.service.running import JPEG, Running, problem, running

IMAGE = {"Content-Type": "image/jpeg"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    import logging

    root, written = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level, logging.getLogger("detector").level)
    logs.configure(written)
    yield written
    root.handlers[:], root.level = before[0], before[1]
    logging.getLogger("detector").setLevel(before[2])


def break_store(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2\nand so on")

    monkeypatch.setattr(here.store, "jobs", fail)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/v1/jobs", 200), ("/nowhere", 404), ("/v1/jobs?limit=0", 422), ("/v1/policy", 200)],
)
def test_every_answer_has_safe_headers_and_an_id(here: Running, path: str, status: int) -> None:
    answer = here.client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_X", True), ("x" * 65, False), ("a b", False), ("a\\n", False)])
def test_a_request_id_is_the_clients_where_it_looks_like_one(here: Running, given: str, kept: bool) -> None:
    answer = here.client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept


def test_a_failure_tells_its_id_and_no_more(
    here: Running, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    break_store(here, monkeypatch)
    answer = here.client.get("/v1/jobs", headers={"X-Request-ID": "it-failed"})
    assert problem(answer, 500, "failed")["request_id"] == "it-failed"
    assert "hunter2" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    failed, request = (json.loads(line) for line in logged.getvalue().splitlines())
    assert (failed["event"], failed["request_id"], failed["error"]) == ("failed", "it-failed", "RuntimeError")
    assert failed["message"] == "the password is hunter2"
    assert any("fail" in place for place in failed["where"])
    assert (request["event"], request["status"]) == ("request", 500)


def test_the_log_names_routes_and_key_ids_but_no_files_and_no_secrets(here: Running, logged: io.StringIO) -> None:
    key, shown = here.key("score")
    secret = shown["Authorization"].removeprefix("Bearer ")
    here.client.post("/v1/jobs", files={"file": ("holiday.jpg", JPEG)}, headers=shown)
    here.client.get(f"/v1/jobs/{secret}", headers=shown)
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/jobs", 202),
        ("GET", "/v1/jobs/{job_id}", 404),
    ]
    assert {line["key_id"] for line in lines} == {key.id}
    assert "holiday" not in logged.getvalue()
    assert secret not in logged.getvalue()


def test_a_secret_that_a_library_logs_is_hidden(logged: io.StringIO) -> None:
    import logging

    logging.getLogger("some.library").warning("cannot read %s", "Bearer dk_0123456789abcdef")
    assert json.loads(logged.getvalue())["event"] == "cannot read Bearer dk_…"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/v1/jobs", "GET, POST"), ("PUT", "/healthz", "GET"), ("X", "/docs", "GET")],
)
def test_a_wrong_method_is_told_the_right_ones(here: Running, method: str, path: str, allowed: str) -> None:
    answer = here.client.request(method, path)
    problem(answer, 405, "wrong-method")
    assert answer.headers["allow"].replace("HEAD, ", "").replace(", HEAD", "") == allowed


def test_no_more_requests_are_answered_at_once_than_may_be(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(requests=1)) as here, here.service.gate.enter(1):
        answer = here.client.get("/v1/jobs")
        assert problem(answer, 503, "queue-full")["limit"] == 1
        assert int(answer.headers["retry-after"]) >= 1
        assert here.client.get("/healthz").status_code == 200


def test_the_gate_lets_everybody_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, limits=Limits(requests=1)) as here:
        break_store(here, monkeypatch)
        for path, status in (("/v1/jobs", 500), ("/nowhere", 404), ("/v1/jobs?limit=x", 422), ("/v1/policy", 200)):
            assert here.client.get(path).status_code == status
        assert here.service.gate.inside == 0


def test_a_service_that_stops_lets_nobody_in(here: Running) -> None:
    here.service.gate.draining = True
    answer = here.client.post("/v1/score", content=JPEG, headers=IMAGE)
    problem(answer, 503, "draining")
    assert "retry-after" in answer.headers
    assert "draining" in here.client.get("/readyz").json()["detail"]


def test_it_is_ready_when_all_is_there(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "FRESH_S", 0.0)
    assert "workers" in problem(here.client.get("/readyz"), 503, "not-ready")["detail"]
    here.store.report_worker("w", {"models": {}})
    answer = here.client.get("/readyz")
    assert (answer.status_code, set(answer.json()["checks"].values())) == (200, {"ok"})
    here.store.close()
    assert here.client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(("part", "named"), [("database", "ping"), ("disk", "free_bytes")])
def test_it_is_not_ready_without_what_it_needs(
    here: Running, monkeypatch: pytest.MonkeyPatch, part: str, named: str
) -> None:
    def fail(_: object) -> int:
        raise OSError("gone")

    here.store.report_worker("w", {"models": {}})
    monkeypatch.setattr(type(here.store if part == "database" else here.service.spool), named, fail)
    checks = problem(here.client.get("/readyz"), 503, "not-ready")["checks"]
    assert {name for name, found in checks.items() if found != "ok"} == {part}


def test_it_is_looked_at_once_for_all_who_ask_within_a_second(
    here: Running, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look(_: object) -> str:
        nonlocal looks
        looks += 1
        time.sleep(0.05)
        return f"look {looks}"

    monkeypatch.setattr(inspection, "CHECKS", {"database": look})
    here.service.__dict__["inspection"] = inspection.Inspection(here.service, clock)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(here.client.get, "/readyz") for _ in range(8)]
        assert {answer.result().json()["checks"]["database"] for answer in answers} == {"look 1"}
    for later, told in ((0.75, "look 1"), (0.25, "look 2"), (0.5, "look 2")):
        clock.now += later
        assert here.client.get("/readyz").json()["checks"]["database"] == told


def test_a_full_disk_is_not_ready(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    here.store.report_worker("w", {"models": {}})
    monkeypatch.setattr(type(here.service.spool), "free_bytes", lambda _: 10)
    assert "10 bytes are free" in problem(here.client.get("/readyz"), 503, "not-ready")["detail"]


def test_the_models_are_those_of_most_workers(here: Running) -> None:
    ask = here.client
    none = {"models": {}, "threshold": None, "fpr": None, "workers": 0, "agree": True}
    assert ask.get("/v1/models").json() == none
    for name, version in (("a", "1"), ("b", "2"), ("c", "2")):
        told = {"models": {"classifier": version}, "threshold": 0.9, "fpr": 0.01, "host": "inside", "pid": 1}
        here.store.report_worker(name, told)
    most = {"models": {"classifier": "2"}, "threshold": 0.9, "fpr": 0.01, "workers": 3, "agree": False}
    assert ask.get("/v1/models").json() == most


def test_the_metrics_count(here: Running) -> None:
    here.client.post("/v1/jobs", content=JPEG, headers=IMAGE)
    here.client.request("MADEUP", "/made/up")
    text = here.client.get("/metrics").text
    assert "detector_queue_depth 1.0" in text
    assert 'detector_request_seconds_count{method="POST",route="/v1/jobs",status="202"}' in text
    assert 'detector_request_seconds_count{method="other",route="none",status="404"}' in text
    assert "made/up" not in text


def test_another_policy_can_be_tried(here: Running) -> None:
    here.client.post("/v1/jobs", content=JPEG, headers=IMAGE)
    here.work()
    answer = here.client.post("/v1/policy/dry-run", json={"policy": here.service.policy.text})
    told = answer.json()
    assert (answer.status_code, told["policy"], told["items"]) == (200, here.service.policy.version, 0)
    assert told["elsewhere"] == 1  # the worker of these tests is no classifier of ours
    assert here.client.get("/v1/policy").json() == {
        "version": here.service.policy.version,
        "text": here.service.policy.text,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"policy": "not toml ["}, "policy"),
        ({"policy": "[image]\nreview = 3"}, "policy"),
        ({}, "policy"),
        ({"policy": "", "since": -1}, "since"),
        ({"policy": "", "when": 1}, "when"),
    ],
)
def test_a_policy_that_cannot_be_tried_is_told_why(here: Running, body: dict[str, Any], field: str) -> None:
    assert problem(here.client.post("/v1/policy/dry-run", json=body), 422, "invalid")["field"] == field


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(here: Running, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = here.client.post("/v1/policy/dry-run", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, {400: "bad-request", 422: "invalid"}[answer.status_code])


def test_a_body_that_is_read_whole_is_small(here: Running) -> None:
    headers = {"Content-Type": "application/json"}
    answer = here.client.post("/v1/policy/dry-run", content=b" " * 2_000_000, headers=headers)
    assert problem(answer, 413, "too-large")["limit"] == 1024**2


def test_every_problem_has_its_place_on_the_page(here: Running) -> None:
    page = here.client.get("/problems").text
    for slug, (status, title) in PROBLEMS.items():
        assert f'id="{slug}"' in page
        assert f"({status})" in page
        assert title in page


def test_the_pages_load_nothing_from_elsewhere(here: Running) -> None:
    for path in ("/docs", "/problems"):
        answer = here.client.get(path)
        assert not re.findall(r'(?:src|href)="(?!/|#)', answer.text)
        assert "<script" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]


def test_the_api_page_lists_every_operation(here: Running) -> None:
    page = here.client.get("/docs").text
    for path, operations in here.client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page


def test_the_document_has_the_problems_of_every_operation(here: Running) -> None:
    document = here.client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]
            assert {"401", "403", "422", "429", "500", "503"} <= set(operation["responses"])


def test_the_api_imports_no_models() -> None:
    heavy = ["torch", "torchvision", "timm", "diffusers", "mlflow", "sklearn", "matplotlib", "cv2", "av", "skops"]
    code = f"import sys, detector.service.api.app, detector.service.serve\nprint(set({heavy!r}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
