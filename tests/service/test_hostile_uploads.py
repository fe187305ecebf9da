"""Three hundred hostile uploads at a real service, many at once: each gets its answer, and the service is as it was."""

from __future__ import annotations

import io
import json
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from detector.types import Pixels
from tests.hostile import HOSTILE, make_hostile
from tests.service.hostile_requests import attacks
from tests.service.processes import Served, serving, wait
from tests.service.uploads import GONE, TAKEN, Attack, head, part, talk

AT_ONCE = 16
MIB = 2**20
API_MAY_GROW, ALL_MAY_GROW = 32 * MIB, 300 * MIB
DECODERS = 2
SETTINGS = f"""
[limits]
image_bytes = 8_000_000
video_bytes = 16_000_000
files = 20
decode_s = 20.0
upload_s = 3.0
deadline_s = 120.0
[batching]
decoders = {DECODERS}
"""
REFUSED = {"empty": 422, "too_many_bytes": 413}
"""What is refused while it comes, by the reason that `detector score` gives."""
WAYS = {
    "to score": ("/v1/score", "file.jpg", b"image/jpeg"),
    "as a job": ("/v1/jobs", "file.jpg", b"image/jpeg"),
    "as something else": ("/v1/jobs", "page.html", b"text/html"),
    "bare": ("/v1/jobs", None, b"application/octet-stream"),
}
"""(route, name, type) under which each hostile file is sent; without a name, as the whole body."""
FILES = {f"{name} {way}": (name, way) for name in HOSTILE for way in WAYS}
REQUESTS = attacks()


def test_there_are_at_least_two_hundred() -> None:
    assert len(FILES) + len(REQUESTS) >= 200


def sent_as(path: Path, way: str) -> Attack:
    """A file on its way."""
    route, name, kind = WAYS[way]
    before, after, told = b"", b"", kind
    if name is not None:
        before = part("file", b"", name, b"Content-Type: " + kind)[:-2]
        after, told = b"\r\n--B--\r\n", b"multipart/form-data; boundary=B"
    length = len(before) + path.stat().st_size + len(after)
    start = head(route, f"Content-Length: {length}", b"Content-Type: " + told)

    def pieces() -> Iterator[bytes]:
        yield start + before
        with path.open("rb") as file:
            yield from iter(partial(file.read, 1 << 20), b"")
        yield after

    return Attack(pieces, frozenset())


@dataclass(frozen=True)
class Said:
    """What came back.

    Attributes:
        statuses: of every answer on the line.
        item: the last one's only file, when it has ended.
    """

    statuses: list[int]
    item: dict[str, Any] | None = None


def hurt_with(here: Served, attack: Attack) -> Said:
    """One attack, to the end of what it began."""
    heard = talk(int(here.url.rpartition(":")[2]), attack)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]
    body = heard.rpartition(b"\r\n\r\n")[2]
    if statuses[-1:] == [200]:
        return Said(statuses, json.loads(body))
    return Said(statuses, ended(here, json.loads(body)) if statuses[-1:] == [202] else None)


def ended(here: Served, job: dict[str, Any]) -> dict[str, Any]:
    """The only file of a job, when it has ended."""
    while job["finished_at"] is None:
        time.sleep(0.2)
        job = httpx.get(here.url + job["links"]["self"], timeout=60).json()
    return dict(job["items"][0])


def memory(here: Served) -> list[int]:
    """Bytes in memory of the API, and of all the processes below it."""
    pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in family(here.process.pid)]
    return [int(count) * os.sysconf("SC_PAGE_SIZE") for count in pages]


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    below = [int(one) for file in Path(f"/proc/{pid}/task").glob("*/children") for one in file.read_text().split()]
    return [pid, *(descendant for child in below for descendant in family(child))]


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@dataclass(frozen=True)
class Before:
    """The service before anybody hurt it."""

    photo: dict[str, Any]
    memory: list[int]


@pytest.fixture(scope="module")
def before(here: Served, photo: bytes) -> Before:
    wait(lambda: httpx.get(f"{here.url}/readyz").status_code == 200)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [answer.raise_for_status().json() for answer in pool.map(here.score, [photo] * AT_ONCE)]
    return Before(answers[0], memory(here))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("hostile") / "state", settings=SETTINGS) as here:
        yield here


@pytest.fixture(scope="module")
def hurt(here: Served, before: Before, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """What every attack was told."""
    assert before.photo["status"] == "ok"
    made = make_hostile(tmp_path_factory.mktemp("files"))
    todo = {told: sent_as(made[name][0], way) for told, (name, way) in FILES.items()} | REQUESTS
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(todo, pool.map(partial(hurt_with, here), todo.values()), strict=True))


@pytest.mark.parametrize("told", FILES)
def test_a_hostile_file_is_refused_or_reported_with_its_reason(hurt: dict[str, Said], told: str) -> None:
    name, way = FILES[told]
    said, reason = hurt[told], HOSTILE[name][1]
    if reason in REFUSED:
        assert said.statuses == [REFUSED[reason]]
    elif said.statuses != [415]:
        assert said.statuses == [TAKEN[WAYS[way][0]]]
        assert said.item is not None
        assert (said.item["reason"], said.item["fake_probability"], said.item["verdict"]) == (reason, None, None)
    else:
        assert way == "to score"
        assert Path(name).suffix in (".mp4", ".m4a", ".mkv", ".mov")


@pytest.mark.parametrize("told", REQUESTS)
def test_a_hostile_request_gets_one_answer_that_it_may_get(hurt: dict[str, Said], told: str) -> None:
    said = hurt[told]
    assert len(said.statuses) <= 1, "what is hidden in a body is no request"
    assert (said.statuses or [GONE])[0] in REQUESTS[told].allowed
    if said.item is not None:
        name = said.item["path"]
        assert 1 <= len(name) <= 200
        assert not re.search(r"[/\\]", name)
        assert all(unicodedata.category(letter)[0] != "C" for letter in name)


@pytest.mark.usefixtures("hurt")
def test_afterwards_it_is_ready_and_an_ordinary_photo_is_scored_as_before(
    here: Served, before: Before, photo: bytes
) -> None:
    assert httpx.get(f"{here.url}/readyz").json()["status"] == "ok"
    again = here.score(photo).json()
    assert (again["verdict"], again["status"]) == ("real", "ok")
    assert again["fake_probability"] == pytest.approx(before.photo["fake_probability"], abs=1e-4)


@pytest.mark.usefixtures("hurt")
def test_afterwards_nothing_lies_on_disk_but_what_is_kept(here: Served) -> None:
    assert set(here.store.counts()) == {"done"}
    assert {path.name for path in (here.state / "uploads").iterdir()} == here.store.blobs()
    assert sorted(path.name for path in here.state.parent.iterdir()) == ["state", "state.log", "state.toml"]


@pytest.mark.usefixtures("hurt")
def test_afterwards_it_has_not_grown(here: Served, before: Before) -> None:
    now = memory(here)
    assert now[0] - before.memory[0] < API_MAY_GROW
    assert sum(now) - sum(before.memory) < ALL_MAY_GROW


@pytest.mark.usefixtures("hurt")
def test_afterwards_no_process_is_left_over(here: Served) -> None:
    states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in family(here.process.pid)]
    assert "Z" not in states
    assert len(states) == 3 + DECODERS, "the API, multiprocessing's tracker, the worker and its decoders"


@pytest.mark.usefixtures("hurt")
def test_afterwards_nothing_has_failed(here: Served) -> None:
    told = httpx.get(f"{here.url}/metrics").text
    statuses = set(re.findall(r'detector_request_seconds_count{.*route="(?!/readyz).*status="(\d+)"', told))
    assert statuses >= {"200", "202", "400", "408", "413", "415", "422", "499"}
    assert not {status for status in statuses if status[0] == "5"}
    assert "detector_worker_deaths_total 0.0" in told
    events = [json.loads(line) for line in here.state.with_suffix(".log").read_text().splitlines() if line[:1] == "{"]
    assert not [event for event in events if event["level"] in ("error", "critical")]


def test_a_deadline_that_no_clock_reaches_is_no_failure(here: Served, photo: bytes) -> None:
    headers = {"Content-Type": "image/jpeg", "X-Deadline-Ms": "9" * 400}
    answer = httpx.post(f"{here.url}/v1/score", content=photo, headers=headers, timeout=150)
    assert answer.status_code in (200, 422)
