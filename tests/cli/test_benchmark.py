"""`detector benchmark` as a person runs it: the embedded models, a folder of pictures, killed and started again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detector.cli import main
from detector.types import Pixels
from tests.cli.conftest import environment

FIGURES = ("metrics.csv", "scores.csv", "slices.csv")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """Ten photos of one face in other light and cuts, and the same after a coarse enlargement; one file is broken."""
    folder = tmp_path_factory.mktemp("people") / "Gesichter, ü"
    for kind in ("real", "fake/up sampled"):
        (folder / kind).mkdir(parents=True)
    for number in range(10):
        left, light = 12 * number, 0.8 + 0.04 * number
        photo = np.clip(astronaut[:380, left : left + 380] * light, 0, 255).astype(np.uint8)
        coarse = cv2.resize(cv2.resize(photo, (95, 95)), (380, 380), interpolation=cv2.INTER_NEAREST)
        Image.fromarray(photo).save(folder / "real" / f"{number}.jpg", quality=92)
        Image.fromarray(coarse).save(folder / "fake" / "up sampled" / f"{number}.jpg", quality=92)
    (folder / "real" / "broken.jpg").write_bytes((folder / "real" / "0.jpg").read_bytes()[:4000])
    return folder


def words(people: Path, out: Path) -> list[str]:
    places = ["--report", out / "report", "--work", out / "work", "--store", out / "runs"]
    return ["benchmark", str(people), "--grid", "none", "--gallery", "0", *map(str, places)]


@pytest.fixture(scope="module")
def done(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where a run that nobody disturbed has written, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    command = [sys.executable, "-m", "detector", *words(people, out), "--jobs", "2"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(out / "none"))
    assert run.returncode == 0, run.stderr
    return out, run.stdout


def test_a_folder_gives_the_fields_table_in_one_command(done: tuple[Path, str]) -> None:
    out, said = done
    assert "20 clips with 20 frames" in said
    assert str(out / "report" / "index.html") in said
    page = (out / "report" / "index.html").read_text()
    assert "people are on them" in page, "no picture was asked for, and none is there"
    table = (out / "report" / "report.md").read_text()
    for name in ("detector, fitted here", "blur residual", "OC-FakeDect-1", "AEROBLADE", "metadata as found"):
        assert name in table
    assert "truncated" in table, "what was not scored is told"


def test_killed_three_times_it_ends_with_the_same_figures(people: Path, done: tuple[Path, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "detector", *words(people, tmp_path), "--jobs", "2"]
    written = 0
    for _ in range(3):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment(tmp_path / "none")) as run:
            while run.poll() is None and (count := len([*tmp_path.rglob("*.parquet")])) <= written:
                time.sleep(0.05)
            run.kill()
        written = count
    last = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(tmp_path / "none"))
    assert last.returncode == 0, last.stderr
    for name in FIGURES:
        assert (tmp_path / "report" / name).read_bytes() == (done[0] / "report" / name).read_bytes()


def test_two_runs_are_compared(done: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "latest", "latest", "--store", str(done[0] / "runs"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"]["difference"] == 0
    assert found["params"] == {}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "no such file or folder"),
        (["--protocol", "fair", "."], "unknown protocol 'fair'"),
        (["--scores", "theirs", "."], "expected NAME=CSV, got 'theirs'"),
        (["--jobs", "0", "."], "jobs: expected 1 or more"),
    ],
)
def test_wrong_words_are_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", *arguments]) == 2
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.err.count("\n") == 1
