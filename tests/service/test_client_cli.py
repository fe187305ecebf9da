"""`detector score --server`: the same lines, exit codes and resuming as scoring here, without Torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.cli import main
from tests.service.fake_service import PNG, Fake, drop, half, refuse, serving

JPEG, MP4 = b"\xff\xd8\xff rest", b"\0\0\0\x18ftypisom rest"


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pictures and a video."""
    folder = tmp_path / "media"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.jpg").write_bytes(JPEG + bytes([number]))
    (folder / "7b.mp4").write_bytes(MP4)
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def score(fake: Fake, *words: object) -> int:
    return main(["score", "--server", fake.url, *map(str, words)])


def test_answers_come_in_the_order_of_the_files(fake: Fake, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(fake, "--json", folder) == 0
    told = lines(capsys.readouterr().out)
    names = [f"{number}.jpg" for number in range(8)] + ["7b.mp4"] + [f"{number}.jpg" for number in range(8, 20)]
    assert [line["path"] for line in told] == [str(folder / name) for name in names]
    assert {line["verdict"] for line in told} == {"fake"}
    assert "decision" not in told[0], "a line is the report that scoring here writes"
    jobs = [seen.files for seen in fake.seen if seen.path == "/v1/jobs"]
    assert jobs == [(("7b.mp4", MP4),)], "videos are handed over, pictures are asked for"


def test_people_read_the_verdict(fake: Fake, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(fake, folder / "3.jpg") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{folder / '3.jpg'}: fake, 70% likely synthetic (called fake from 50% on)")
    assert "mouth: odd" in told


def test_a_run_goes_on_where_it_was(fake: Fake, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert score(fake, "--out", out, folder / "1.jpg", folder / "2.jpg") == 0
    fake.failures.extend([drop, half])
    assert score(fake, "--out", out, folder) == 0
    told = lines(out.read_text(encoding="utf-8"))
    assert len(told) == len({line["path"] for line in told}) == 21
    assert len(fake.jobs) == 21
    asked = len(fake.seen)
    assert score(fake, "--out", out, folder) == 0
    assert len(fake.seen) == asked


def test_what_one_file_is_refused_for_is_its_report(
    fake: Fake, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.failures.append(refuse(413, "too-large"))
    assert score(fake, "--json", folder / "1.jpg") == 3
    [large] = lines(capsys.readouterr().out)
    assert (large["status"], large["reason"], large["fake_probability"]) == ("error", "too_many_bytes", None)
    (tmp_path / "empty.jpg").touch()
    assert score(fake, "--json", folder / "1.jpg", tmp_path / "no.jpg", tmp_path / "empty.jpg") == 3
    told = lines(capsys.readouterr().out)
    assert [line["reason"] for line in told] == [None, "not_found", "empty"]


def test_a_picture_that_takes_long_is_handed_over(fake: Fake, folder: Path) -> None:
    fake.failures.append(refuse(504, "deadline"))
    assert score(fake, folder / "1.jpg") == 0
    assert [seen.path for seen in fake.seen] == ["/v1/score", "/v1/jobs", "/v1/jobs/job1"]


def test_a_job_that_was_cancelled_there_ends_the_run(
    fake: Fake, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"id": "job1", "state": "cancelled", "created_at": 1, "finished_at": 2}
    gone["items"] = [{"path": "7b.mp4", "state": "cancelled"}]
    fake.failures.extend([lambda handler: handler.say(202, gone), lambda handler: handler.say(200, gone)])
    assert score(fake, folder / "7b.mp4") == 1
    assert "cancelled: the service ended job job1 without an answer" in capsys.readouterr().err


def test_what_is_wrong_with_the_service_ends_the_run_with_a_line(
    fake: Fake, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.failures.extend([refuse(401, "no-key")] * 8)
    out = tmp_path / "out.jsonl"
    assert score(fake, "--out", out, folder) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "detector: no-key: expected less (request r1)"
    assert not out.exists()
    assert len(fake.seen) <= 16, "no more is asked of it"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--vae", "face-vae"], "--vae: with --server the service's own settings hold"),
        (["--frames", "3"], "--frames: with --server"),
        (["--max-bytes", "3"], "--max-bytes: with --server"),
        (["--key-env", "NO_SUCH_KEY"], "expected an API key in the environment variable NO_SUCH_KEY"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    fake: Fake, folder: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(fake, *words, folder) == 2
    assert says in capsys.readouterr().err
    assert not fake.seen


@pytest.mark.parametrize(("words", "variable"), [([], "DETECTOR_API_KEY"), (["--key-env", "OURS"], "OURS")])
def test_the_key_comes_from_the_environment(
    fake: Fake, folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "dk_secret")
    assert score(fake, *words, folder / "1.jpg") == 0
    assert fake.seen[0].headers["authorization"] == "Bearer dk_secret"


def test_heatmaps_are_fetched(fake: Fake, folder: Path, tmp_path: Path) -> None:
    assert score(fake, "--explain", tmp_path / "why", folder / "1.jpg", folder / "7b.mp4") == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "why").iterdir()}
    assert kept == {"1.face0.heatmap.png": PNG, "7b.face0.heatmap.png": PNG}


def test_standard_input_is_sent_and_torch_is_not_needed(fake: Fake) -> None:
    code = "import sys; from detector.cli import main; code = main(sys.argv[1:]); assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", f"{code}; sys.exit(code)", "score", "--json", "--server", fake.url, "-"]
    done = subprocess.run(command, input=JPEG, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [line["path"] for line in lines(done.stdout.decode())] == ["-"]
    assert fake.seen[0].files[0][1] == JPEG
