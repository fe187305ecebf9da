"""`detector score`, as an analyst runs it: real media in, one answer a file out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, environment


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_photo_and_a_clip_have_each_their_line(run: Run, media: Path) -> None:
    clip = media / "clips" / "a clip, ü.mp4"
    done = run(["score", "--json", "--frames", "4", media / "photo.jpg", clip])
    assert done.returncode == 0, done.stderr
    photo, video = lines(done.stdout)
    assert (photo["media"], video["media"]) == ("image", "video")
    assert (photo["path"], video["path"]) == (str(media / "photo.jpg"), str(clip))
    for answer in (photo, video):
        assert answer["status"] == "ok"
        assert answer["verdict"] == "real", "the astronaut is a real person"
        assert 0 <= answer["fake_probability"] < answer["threshold"] <= 1
        assert {"face-vae", "classifier"} < set(answer["models"])
        assert answer["faces"][0]["regions"][0]["words"]
    x0, y0, x1, y1 = photo["faces"][0]["box"]
    assert (x0 < 200, y0 < 102, x1 > 247, y1 > 143) == (True,) * 4, "the box holds eyes and mouth"
    assert len(video["timeline"]) == 4
    assert photo["timeline"] == []


def test_a_person_reads_the_verdict_and_the_reasons(run: Run, media: Path) -> None:
    done = run(["score", media / "photo.jpg", media / "wall.png", media / "broken.jpg"])
    assert done.returncode == 3
    assert "photo.jpg: real, " in done.stdout
    assert "real faces" in done.stdout
    assert "wall.png: no score, no_face" in done.stdout
    assert "broken.jpg: no score, truncated" in done.stdout


def test_folders_are_searched_and_standard_input_is_read(media: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "detector", "score", "--json", "-", str(media)]
    with (media / "photo.jpg").open("rb") as stdin:
        done = subprocess.run(
            command, stdin=stdin, capture_output=True, text=True, check=False, env=environment(tmp_path)
        )
    answers = {Path(answer["path"]).name: answer for answer in lines(done.stdout)}
    assert done.returncode == 3
    assert set(answers) == {"-", "photo.jpg", "wall.png", "broken.jpg", "a clip, ü.mp4"}
    assert answers["-"]["fake_probability"] == pytest.approx(answers["photo.jpg"]["fake_probability"], abs=1e-4)
    assert answers["broken.jpg"]["status"] == "error"
    assert answers["wall.png"]["status"] == "abstained"
    assert answers["wall.png"]["fake_probability"] is None, "no face is no 0.5"


def test_a_budget_says_how_much_was_seen(run: Run, media: Path, tmp_path: Path) -> None:
    clip = media / "clips" / "a clip, ü.mp4"
    done = run(["score", "--budget", "1ms", "--explain", tmp_path, clip])
    assert done.returncode == 0, done.stderr
    assert "  note: partial: 1 of " in done.stdout
    assert "  note: interval: all frames would give " in done.stdout
    assert (tmp_path / "a clip, ü.face0.heatmap.png").exists()
    [answer] = lines(run(["score", "--budget", "1ms", "--json", clip]).stdout)
    low, high = answer["seen"]["interval"]
    assert 0 <= low <= answer["fake_probability"] <= high <= 1
    assert (answer["seen"]["frames"], answer["seen"]["stopped"], answer["seen"]["budget_s"]) == (1, "time", 0.001)


def test_pictures_show_why(run: Run, media: Path, tmp_path: Path) -> None:
    clip = media / "clips" / "a clip, ü.mp4"
    done = run(["score", "--frames", "3", "--explain", tmp_path / "why", media / "photo.jpg", clip])
    assert done.returncode == 0, done.stderr
    endings = ["annotated", "face0.heatmap", "face0.regions", "face0.triptych"]
    expected = {f"photo.{ending}.png" for ending in endings}
    expected |= {f"a clip, ü.{ending}.png" for ending in [*endings, "timeline"]}
    expected.add("a clip, ü.annotated.mp4")
    assert {path.name for path in (tmp_path / "why").iterdir()} == expected
    annotated = np.asarray(Image.open(tmp_path / "why" / "photo.annotated.png"))
    assert annotated.shape == (512, 512, 3)


def test_an_interrupted_run_keeps_what_is_done_and_goes_on(run: Run, media: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(60):
        (many / f"{number:02}.jpg").write_bytes((media / "photo.jpg").read_bytes())
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "detector", "score", "--out", str(out), str(many)]
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(tmp_path), preexec_fn=heeding
    ) as process:
        while not out.exists() or not out.stat().st_size:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip().splitlines()[-1] == "detector: interrupted; what was done is kept"
    done = lines(out.read_text(encoding="utf-8"))
    assert 0 < len(done) < 60
    assert run(["score", "--out", out, many]).returncode == 0
    after = lines(out.read_text(encoding="utf-8"))
    assert after[: len(done)] == done, "nothing was scored twice"
    assert sorted(Path(answer["path"]).name for answer in after) == sorted(path.name for path in many.iterdir())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--faces", "nobody"], "unknown face detector 'nobody'; known: "),
        (["--vae", "nothing"], "unknown reconstructor 'nothing'; known: "),
        (["--frames", "0"], "--frames"),
        (["--fps", "2", "--all-frames"], "not allowed with"),
        (["--budget", "5"], "expected a time as 500ms, 5s, 2m or 1h, got '5'"),
        (["--budget", "5s", "--frames", "2"], "not allowed with"),
        (["--classifier", "nowhere.skops"], "nowhere.skops"),
    ],
)
def test_wrong_usage_is_one_clear_line(run: Run, media: Path, options: list[str], says: str) -> None:
    done = run(["score", *options, media / "photo.jpg"])
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
