"""What is taken in, what is refused, and that what is refused leaves nothing."""

from __future__ import annotations

import socket
import time
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.service.api import intake
from detector.service.api.intake import Intake, displayed
from detector.service.api.multipart import MultipartBody
from detector.service.settings import Limits, Queue
from detector.service.spool import Spool
from tests.service.reviewing import served
from tests.service.running import JPEG, MP4, Running, problem, running

LIMITS = Limits(image_bytes=1000, video_bytes=3000, files=3, upload_s=0.5)
JPEG_TYPE = {"Content-Type": "image/jpeg"}
FORM = {"Content-Type": "multipart/form-data; boundary=B"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, limits=LIMITS) as made:
        yield made


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    told = "" if filename is None else f'; filename="{filename}"'
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "IMAGE/PNG", "video/mp4", "application/octet-stream", "image/jpeg; q=1"]
)
def test_a_body_that_is_a_file_becomes_a_job(here: Running, kind: str) -> None:
    answer = here.client.post("/v1/jobs", content=JPEG, headers={"Content-Type": kind})
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, job["links"]["self"])
    [item] = job["items"]
    assert (item["path"], item["media"], item["size"], item["state"]) == ("upload", "image", len(JPEG), "queued")
    [blob] = here.uploads
    assert (here.folder / "uploads" / blob).read_bytes() == JPEG


def test_a_form_with_several_files_becomes_one_job_in_their_order(here: Running) -> None:
    files = [("file", ("a.jpg", JPEG)), ("file", ("b.mp4", MP4)), ("file", ("notes.txt", b"neither"))]
    items = here.client.post("/v1/jobs", files=files).json()["items"]
    told = [("a.jpg", "image"), ("b.mp4", "video"), ("notes.txt", "unknown")]
    assert [(item["path"], item["media"]) for item in items] == told
    assert len(here.uploads) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_form_may_name_a_webhook(tmp_path: Path, scheme: str) -> None:
    from detector.service.settings import Webhooks

    with running(tmp_path, webhooks=Webhooks(private=True)) as here:
        url = f"{scheme}://127.0.0.1:9/told"
        job = here.client.post("/v1/jobs", files={"file": ("a.jpg", JPEG)}, data={"webhook": url}).json()
        found = here.store.job(job["id"])
        assert found is not None
        assert found.webhook == url


def raw(content: bytes) -> dict[str, Any]:
    return {"content": content, "headers": JPEG_TYPE}


REFUSED: dict[str, tuple[str, dict[str, Any], int, str, dict[str, object]]] = {
    "a large image": (
        "/v1/jobs",
        raw(JPEG + bytes(1000)),
        413,
        "too-large",
        {"limit": 1000},
    ),
    "a large image to score": (
        "/v1/score",
        raw(JPEG + bytes(1000)),
        413,
        "too-large",
        {"limit": 1000, "field": "file"},
    ),
    "a large video": (
        "/v1/jobs",
        {"content": MP4 + bytes(3000), "headers": JPEG_TYPE},
        413,
        "too-large",
        {"limit": 3000},
    ),
    "a large unknown": ("/v1/jobs", raw(bytes(1001)), 413, "too-large", {"value": 1001}),
    "a body that says it is large": (
        "/v1/jobs",
        {"content": b"", "headers": {**JPEG_TYPE, "Content-Length": "10000000"}},
        413,
        "too-large",
        {"field": "Content-Length", "limit": 9000, "value": 10_000_000},
    ),
    "too many files": (
        "/v1/jobs",
        {"files": [("file", ("a.jpg", JPEG))] * 4},
        413,
        "too-large",
        {"field": "file", "limit": 3},
    ),
    "two files to score": ("/v1/score", {"files": [("file", ("a.jpg", JPEG))] * 2}, 413, "too-large", {"limit": 1}),
    "a video to score": (
        "/v1/score",
        {"files": {"file": ("a.jpg", MP4)}},
        415,
        "wrong-type",
        {"field": "file", "value": "MP4/MOV"},
    ),
    "an empty body": (
        "/v1/jobs",
        {"content": b"", "headers": JPEG_TYPE},
        422,
        "invalid",
        {"field": "file", "value": 0},
    ),
    "an empty file after a good one": (
        "/v1/jobs",
        {"files": [("file", ("a.jpg", JPEG)), ("file", ("b.jpg", b""))]},
        422,
        "invalid",
        {"field": "file"},
    ),
    "a form of another kind": ("/v1/jobs", {"data": {"webhook": "http://x"}, "files": {}}, 415, "wrong-type", {}),
    "a form with a field alone": (
        "/v1/jobs",
        {"content": part("webhook", b"http://x") + b"--B--\r\n", "headers": FORM},
        422,
        "invalid",
        {"field": "file"},
    ),
    "an unknown field": (
        "/v1/jobs",
        {"files": {"file": ("a.jpg", JPEG)}, "data": {"callback": "http://x"}},
        422,
        "invalid",
        {"field": "callback"},
    ),
    "a field twice": (
        "/v1/jobs",
        {"content": part("webhook", b"a") + part("webhook", b"b") + part("file", JPEG) + b"--B--\r\n", "headers": FORM},
        422,
        "invalid",
        {"field": "webhook"},
    ),
    "a long field": (
        "/v1/jobs",
        {"content": part("file", JPEG) + part("webhook", b"x" * 3000) + b"--B--\r\n", "headers": FORM},
        413,
        "too-large",
        {"field": "webhook", "limit": 2048},
    ),
    "a webhook inside": (
        "/v1/jobs",
        {"files": {"file": ("a.jpg", JPEG)}, "data": {"webhook": "http://127.0.0.1/"}},
        422,
        "invalid",
        {"field": "webhook"},
    ),
    "a form that ends early": (
        "/v1/jobs",
        {"content": part("file", JPEG), "headers": FORM},
        400,
        "bad-request",
        {},
    ),
    "a form cut inside of a file": (
        "/v1/jobs",
        {"content": part("file", JPEG) + part("file", JPEG)[:-30], "headers": FORM},
        400,
        "bad-request",
        {},
    ),
    "a form that is none": ("/v1/jobs", {"content": JPEG, "headers": FORM}, 400, "bad-request", {}),
    "a form without a boundary": (
        "/v1/jobs",
        {"content": JPEG, "headers": {"Content-Type": "multipart/form-data"}},
        400,
        "bad-request",
        {"field": "Content-Type"},
    ),
    "a form with a long boundary": (
        "/v1/jobs",
        {"content": JPEG, "headers": {"Content-Type": f"multipart/form-data; boundary={'x' * 999}"}},
        400,
        "bad-request",
        {},
    ),
    "text": (
        "/v1/jobs",
        {"content": JPEG, "headers": {"Content-Type": "text/plain"}},
        415,
        "wrong-type",
        {"field": "Content-Type", "value": "text/plain"},
    ),
    "no type": ("/v1/score", {"content": JPEG}, 415, "wrong-type", {"field": "Content-Type", "value": ""}),
    "an idempotency key with a space": (
        "/v1/jobs",
        {"content": JPEG, "headers": {**JPEG_TYPE, "Idempotency-Key": "a b"}},
        422,
        "invalid",
        {"field": "Idempotency-Key", "value": "a b"},
    ),
    "a long idempotency key": (
        "/v1/jobs",
        {"content": JPEG, "headers": {**JPEG_TYPE, "Idempotency-Key": "x" * 201}},
        422,
        "invalid",
        {"field": "Idempotency-Key"},
    ),
    "a deadline that is no number": (
        "/v1/score",
        {"content": JPEG, "headers": {**JPEG_TYPE, "X-Deadline-Ms": "soon"}},
        422,
        "invalid",
        {"field": "X-Deadline-Ms", "value": "soon"},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_told_why_and_leaves_nothing(here: Running, case: str) -> None:
    path, request, status, slug, told = REFUSED[case]
    body = problem(here.client.post(path, **request), status, slug)
    assert told.items() <= body.items()
    assert here.uploads == []
    assert here.store.counts() == {}


def test_what_says_itself_that_it_is_too_large_is_not_read(here: Running) -> None:
    headers = {**JPEG_TYPE, "Content-Length": "10000000"}
    with served(here.app) as url, socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 5) as client:
        head = f"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n{_lines(headers)}\r\n"
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


@pytest.mark.parametrize("sent", [b"", JPEG, part("file", JPEG) + part("file", JPEG)[:40]])
def test_a_slow_sender_is_sent_away(here: Running, sent: bytes) -> None:
    headers = {**(FORM if sent.startswith(b"--B") else JPEG_TYPE), "Content-Length": "900"}
    with served(here.app) as url, socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 5) as client:
        client.sendall(f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{_lines(headers)}\r\n".encode() + sent)
        answer = b""
        while chunk := client.recv(10_000):  # ends only when the service closes the connection
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems#too-slow" in answer
    assert here.uploads == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing(here: Running) -> None:
    with served(here.app) as url:
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 5) as client:
            headers = {**JPEG_TYPE, "Content-Length": "900"}
            client.sendall(f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{_lines(headers)}\r\n".encode() + JPEG)
            _wait(lambda: len(here.uploads) == 1)
        _wait(lambda: here.uploads == [])
    assert here.store.counts() == {}


def _wait(happens: Any) -> None:
    until = time.monotonic() + 3
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_full_queue_refuses_before_it_reads(tmp_path: Path) -> None:
    with running(tmp_path, queue=Queue(waiting=2)) as here:
        for _ in range(2):
            assert here.client.post("/v1/jobs", content=JPEG, headers=JPEG_TYPE).status_code == 202
        answer = here.client.post("/v1/jobs", content=b"", headers=JPEG_TYPE)
        assert problem(answer, 503, "queue-full")["limit"] == 2
        assert int(answer.headers["retry-after"]) >= 1
        assert len(here.uploads) == 2


def test_a_batch_that_does_not_fit_is_refused_whole(tmp_path: Path) -> None:
    with running(tmp_path, queue=Queue(waiting=2)) as here:
        answer = here.client.post("/v1/jobs", files=[("file", ("a.jpg", JPEG))] * 3)
        assert problem(answer, 503, "queue-full")
        assert (here.uploads, here.store.waiting()) == ([], 0)


def test_a_disk_without_room_refuses(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "free_bytes", lambda _: 1000)
    answer = here.client.post("/v1/jobs", content=JPEG, headers=JPEG_TYPE)
    assert problem(answer, 503, "not-ready")
    assert answer.headers["retry-after"] == "60"


@pytest.mark.parametrize("files", [1, 8])
def test_what_does_not_say_how_long_it_is_leaves_the_disk_its_spare_room(
    tmp_path: Path, files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, used = 4_000_000, [0]

    def free_bytes(_: Spool) -> int:
        used.append(sum(path.stat().st_size for path in (tmp_path / "uploads").iterdir()))
        return intake.SPARE + room - used[-1]

    def body() -> Iterator[bytes]:
        for _ in range(files):
            yield part("file", JPEG, "a.jpg")[:-2]
            yield from [bytes(50_000)] * (2 * room // files // 50_000)
            yield b"\r\n"
        yield b"--B--\r\n"

    monkeypatch.setattr(Spool, "free_bytes", free_bytes)
    with running(tmp_path) as here, served(here.app) as url:
        problem(httpx.post(f"{url}/v1/jobs", content=body(), headers=FORM), 503, "not-ready")
        assert here.uploads == []
    assert room // 2 < max(used) <= room + intake.LOOK_EVERY


def test_a_disk_that_fills_up_meanwhile_refuses(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from detector.service.spool import Writer

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for method in ("write", "keep"):
        with monkeypatch.context() as patched:
            patched.setattr(Writer, method, full)
            assert problem(here.client.post("/v1/jobs", content=JPEG, headers=JPEG_TYPE), 503, "not-ready")
        assert here.uploads == []


def test_a_replayed_upload_is_not_kept_twice(here: Running) -> None:
    headers = {**JPEG_TYPE, "Idempotency-Key": "once"}
    first, second = (here.client.post("/v1/jobs", content=JPEG, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert "idempotent-replay" not in first.headers
    assert second.headers["idempotent-replay"] == "true"
    assert len(here.uploads) == 1


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("/v1/jobs", {"content": JPEG + b".", "headers": JPEG_TYPE}),
        ("/v1/jobs", {"files": {"file": ("named", JPEG)}}),
        ("/v1/score", {"content": JPEG, "headers": JPEG_TYPE}),
    ],
)
def test_an_idempotency_key_stands_for_one_request(here: Running, path: str, request_: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "once"}
    assert here.client.post("/v1/jobs", content=JPEG, headers={**JPEG_TYPE, **key}).status_code == 202
    again = {**request_, "headers": {**request_.get("headers", {}), **key}}
    assert problem(here.client.post(path, **again), 422, "idempotency-reused")["field"] == "Idempotency-Key"
    assert len(here.uploads) == 1


def test_keys_of_different_people_do_not_meet(here: Running) -> None:
    _, mine = here.key("score")
    _, theirs = here.key("score")
    headers = {**JPEG_TYPE, "Idempotency-Key": "once"}
    ids = {
        here.client.post("/v1/jobs", content=JPEG, headers={**headers, **who}).json()["id"] for who in (mine, theirs)
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\me.jpg", "me.jpg"),
        ("a\x00b\nc\u202egpj.exe", "abcgpj.exe"),
        ("  ", "upload"),
        ("..", ".."),
        ("ü" * 300, "ü" * 200),
        ("folder/", "upload"),
        ("\ud800", "upload"),
    ],
)
def test_a_name_is_shown_without_folders_and_tricks(given_name: str, shown: str) -> None:
    assert displayed(given_name) == shown


@given(st.text(max_size=500))
def test_any_name_can_be_shown(name: str) -> None:
    shown = displayed(name)
    assert 1 <= len(shown) <= 200
    assert not {"/", "\\"} & set(shown)
    assert not any(unicodedata.category(letter).startswith("C") for letter in shown)


CONTENTS = st.binary(min_size=1, max_size=300).filter(lambda content: b"--B" not in content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    contents=st.lists(
        st.binary(min_size=1, max_size=300).filter(lambda some: b"--B" not in some), min_size=1, max_size=3
    ),
    cuts=st.lists(st.integers(0, 1500), max_size=12),
)
def test_it_does_not_matter_how_a_form_is_cut(tmp_path: Path, contents: list[bytes], cuts: list[int]) -> None:
    form = b"".join(part("file", content, f"{number}.bin") for number, content in enumerate(contents))
    form = form + part("webhook", b"https://example.org/x") + b"--B--\r\n"
    spool = Spool(tmp_path)
    intake = Intake(spool, LIMITS, 3, images_only=False)
    body = MultipartBody(b"B", intake)
    ends = sorted({min(cut, len(form)) for cut in cuts} | {0, len(form)})
    for start, end in pairwise(ends):
        body.feed(form[start:end])
    body.finish()
    assert [spool.path(upload.blob).read_bytes() for upload in intake.uploads] == contents
    assert [upload.name for upload in intake.uploads] == [f"{number}.bin" for number in range(len(contents))]
    assert body.fields == {"webhook": "https://example.org/x"}
    intake.close()
    assert list((tmp_path / "uploads").iterdir()) == []
