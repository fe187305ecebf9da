"""Jobs: sent, asked for, listed, cancelled, and their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.service.api.answers import JobAnswer, JobsAnswer
from tests.service.running import JPEG, MP4, Running, problem, running


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


def send(here: Running, *files: bytes) -> str:
    answer = here.client.post("/v1/jobs", files=[("file", ("one.bin", content)) for content in files or (JPEG,)])
    return str(answer.json()["id"])


def test_a_job_tells_how_far_it_is(here: Running) -> None:
    job_id = send(here, JPEG, MP4)
    before = here.client.get(f"/v1/jobs/{job_id}").json()
    here.work()
    after = here.client.get(f"/v1/jobs/{job_id}").json()
    assert (before["state"], before["finished_at"], before["items"][0]["status"]) == ("queued", None, None)
    assert (after["state"], [item["media"] for item in after["items"]]) == ("done", ["image", "video"])
    assert after["finished_at"] >= after["created_at"]
    assert after["items"][1]["heatmaps"] == [f"/v1/jobs/{job_id}/heatmap/0.png?item=1"]
    assert after["links"] == {"self": f"/v1/jobs/{job_id}", "cancel": f"/v1/jobs/{job_id}/cancel"}
    for told in (before, after):
        JobAnswer.model_validate(told, extra="forbid")


def test_jobs_are_listed_in_pages_newest_first(here: Running) -> None:
    ids = [send(here) for _ in range(5)]
    pages, after = [], None
    while True:
        page = here.client.get("/v1/jobs", params={"limit": 2} | ({"after": after} if after else {})).json()
        JobsAnswer.model_validate(page, extra="forbid")
        pages.append([job["id"] for job in page["items"]])
        if (after := page["next"]) is None:
            break
        send(here)  # what comes meanwhile moves nothing
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]


def test_a_list_tells_all_but_what_may_be_long(here: Running) -> None:
    job_id = send(here)
    here.work()
    [listed] = here.client.get("/v1/jobs").json()["items"]
    job = here.client.get(f"/v1/jobs/{job_id}").json()
    for answer in (listed, job):
        del answer["items"][0]["request_id"]
    left_out = {name: job["items"][0].pop(name) for name in ("faces", "timeline", "heatmaps")}
    assert (len(left_out["faces"]), len(left_out["heatmaps"])) == (1, 1)
    assert listed == job


def test_jobs_are_listed_by_state(here: Running) -> None:
    done = send(here)
    here.work()
    queued = send(here)
    for state, job_id in (("done", done), ("queued", queued)):
        listed = here.client.get("/v1/jobs", params={"state": state}).json()["items"]
        assert [job["id"] for job in listed] == [job_id]


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=201", "limit"), ("state=lost", "state"), ("after=x", "after")]
)
def test_a_list_that_cannot_be_is_refused(here: Running, query: str, field: str) -> None:
    assert problem(here.client.get(f"/v1/jobs?{query}"), 422, "invalid")["field"] == field


def test_a_cancelled_job_ends_and_lets_go_of_what_was_not_done(here: Running) -> None:
    done, cancelled = send(here), ""
    here.work()
    cancelled = send(here, JPEG, MP4)
    assert len(here.uploads) == 3
    answers = [here.client.post(f"/v1/jobs/{job_id}/cancel").json() for job_id in (cancelled, cancelled, done)]
    assert [answer["state"] for answer in answers] == ["cancelled", "cancelled", "done"]
    assert len(here.uploads) == 1
    assert here.client.get(f"/v1/jobs/{done}/media").content == JPEG


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/none",
        "/v1/jobs/{job}/heatmap/1.png",
        "/v1/jobs/{job}/heatmap/0.png?item=1",
        "/v1/jobs/{job}/media?item=7",
        "/v1/jobs/../jobs/none",
        "/v1/jobs/%00",
    ],
)
def test_what_is_not_there_is_not_found(here: Running, path: str) -> None:
    job_id = send(here)
    here.work()
    problem(here.client.get(path.format(job=job_id)), 404, "not-found")


@pytest.mark.parametrize("path", ["heatmap/-1.png", "heatmap/x.png", "heatmap/0.png?item=-1", "media?item=x"])
def test_a_place_that_cannot_be_is_refused(here: Running, path: str) -> None:
    problem(here.client.get(f"/v1/jobs/{send(here)}/{path}"), 422, "invalid")


def test_the_media_does_nothing_wherever_it_is_opened(here: Running) -> None:
    job_id = send(here, MP4, b"<script>alert(1)</script>")
    here.work()
    video, script = (here.client.get(f"/v1/jobs/{job_id}/media?item={item}") for item in (0, 1))
    assert (video.content, video.headers["content-type"]) == (MP4, "video/mp4")
    assert script.headers["content-type"] == "application/octet-stream"
    for answer in (video, script):
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=10-", 206, 10, len(MP4) - 1),
        ("bytes=-5", 206, len(MP4) - 5, len(MP4) - 1),
        ("bytes=3-99999", 206, 3, len(MP4) - 1),
        ("bytes=-99999", 206, 0, len(MP4) - 1),
        # What cannot be given is forgotten, and the whole is the answer (RFC 9110, 14.2).
        ("bytes=99999-", 200, 0, len(MP4) - 1),
        ("bytes=5-3", 200, 0, len(MP4) - 1),
        ("bytes=-0", 200, 0, len(MP4) - 1),
        ("bytes=-", 200, 0, len(MP4) - 1),
        ("bytes=0-1,3-4", 200, 0, len(MP4) - 1),
        ("lines=1-2", 200, 0, len(MP4) - 1),
        ("x", 200, 0, len(MP4) - 1),
    ],
)
def test_a_part_of_the_media_may_be_asked_for(here: Running, asked: str, status: int, first: int, last: int) -> None:
    job_id = send(here, MP4)
    here.work()
    answer = here.client.get(f"/v1/jobs/{job_id}/media", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, MP4[first : last + 1])
    assert answer.headers.get("content-range") == (f"bytes {first}-{last}/{len(MP4)}" if status == 206 else None)


def test_media_that_has_gone_is_not_found(here: Running) -> None:
    job_id = send(here)
    [blob] = here.uploads
    here.service.spool.delete(blob)
    problem(here.client.get(f"/v1/jobs/{job_id}/media"), 404, "not-found")
    here.client.post(f"/v1/jobs/{job_id}/cancel")
    problem(here.client.get(f"/v1/jobs/{job_id}/media"), 404, "not-found")
