"""`detector make-fakes` as a person runs it: files in, a data set out, and nothing lost."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.benchmark.datasets import leaks, load_dataset
from detector.benchmark.datasets.manifest import COLUMNS
from detector.cli import main
from detector.fakes import FAKES
from detector.types import Pixels
from tests.cli.conftest import Done, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `detector` with these words in this process: a new one would take seconds to begin."""
    monkeypatch.setenv("DETECTOR_MODELS", str(tmp_path / "store"))

    def run(words: Sequence[str | Path]) -> Done:
        code = main([*map(str, words)])
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(list(words), code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """Two photos of faces, a wall, something broken, and a manifest with one more split and a fake."""
    folder = tmp_path_factory.mktemp("people")
    Image.fromarray(astronaut).save(folder / "anna.png")
    Image.fromarray(astronaut[:, ::-1] // 2 + 60).save(folder / "béa 2.png")
    Image.new("RGB", (300, 300), "grey").save(folder / "wall.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    rows = [
        ("anna.png", "real", "camera", "a", "anna", "train"),
        ("béa 2.png", "real", "camera", "a", "bea", "train"),
        ("wall.png", "fake", "gan", "b", "wall", "train"),
        ("broken.jpg", "real", "camera", "a", "nobody", "val"),
    ]
    lines = [",".join(row) for row in (COLUMNS, *rows)]
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_generator_makes_fakes_that_load_and_score(run: Run, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "fakes"
    done = run(["make-fakes", people / "anna.png", people / "béa 2.png", "--out", out, "--masks"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{out / 'manifest.csv'}: 12 fakes of 2 pictures"
    samples = load_dataset("manifest", out / "manifest.csv")
    assert sorted(sample.generator for sample in samples) == sorted([*FAKES, *FAKES])
    assert {(sample.label, sample.source, sample.split) for sample in samples} == {(1, "made", "train")}
    assert len({sample.group for sample in samples}) == 2
    source = np.asarray(Image.open(people / "anna.png"))
    for sample in samples:
        if "anna" in sample.path:
            made = np.asarray(Image.open(sample.path))
            mask = np.asarray(Image.open(out / "masks" / Path(sample.path).relative_to(out)))
            assert mask.max() > 0
            assert np.array_equal(made[mask == 0], source[mask == 0])
    some = [sample.path for sample in samples if sample.generator in ("swap", "round-trip")]
    scored = run(["score", *some])
    assert scored.returncode == 0, scored.stderr
    assert scored.stdout.count("likely synthetic") == len(some)


def test_a_second_run_goes_on_and_ends_in_the_same_table(run: Run, people: Path, tmp_path: Path) -> None:
    words = ["make-fakes", people, "--out", tmp_path, "--generator", "self-blend", "up-sample", "--per-image", "2"]
    first = run(words)
    table, files = (tmp_path / "manifest.csv").read_bytes(), sorted(tmp_path.glob("*/*.png"))
    assert len(files) == 8
    kept, lost = files[0].read_bytes(), files[1].read_bytes()
    files[0].write_bytes(kept + b"untouched")
    files[1].unlink()
    (tmp_path / "manifest.csv").unlink()
    again = run(words)
    assert again.returncode == first.returncode == 3
    assert (tmp_path / "manifest.csv").read_bytes() == table
    assert files[0].read_bytes() == kept + b"untouched", "what is there is not made again"
    assert files[1].read_bytes() == lost, "what is made again is the same"
    other = run(["make-fakes", people / "anna.png", "--out", tmp_path, "--generator", "round-trip"])
    assert other.returncode == 0
    assert len(load_dataset("manifest", tmp_path / "manifest.csv")) == 9, "what an earlier run made stays listed"


def test_bad_pictures_are_told_of_and_the_others_made(run: Run, people: Path, tmp_path: Path) -> None:
    words = [people, tmp_path / "gone.png", "--out", tmp_path / "out", "--generator", "self-blend"]
    done = run(["make-fakes", *words])
    assert done.returncode == 3
    told = [line for line in done.stderr.splitlines() if ": no fake, " in line]
    assert [line.split(": no fake, ")[1].split()[0] for line in told] == ["truncated", "no_face", "not_found"]
    assert "Traceback" not in done.stderr
    assert len(load_dataset("manifest", tmp_path / "out" / "manifest.csv")) == 2


def test_a_manifest_gives_its_real_pictures_and_keeps_groups_and_splits(run: Run, people: Path, tmp_path: Path) -> None:
    table = people / "people.csv"
    done = run(["make-fakes", "--manifest", table, "--split", "train", "--out", tmp_path, "--generator", "swap"])
    assert (done.returncode, done.stderr.count("no fake")) == (0, 0), done.stderr
    samples = load_dataset("manifest", tmp_path / "manifest.csv")
    assert sorted((sample.group, sample.split) for sample in samples) == [("anna", "train"), ("bea", "train")]
    assert not leaks([*samples, *load_dataset("manifest", table)])
    with (tmp_path / "manifest.csv").open(encoding="utf-8") as lines:
        assert tuple(next(csv.reader(lines))) == COLUMNS


def test_its_own_fakes_are_no_real_pictures(run: Run, people: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "anna.png").write_bytes((people / "anna.png").read_bytes())
    for _ in range(2):
        done = run(["make-fakes", photos, "--out", photos / "fakes", "--generator", "self-blend"])
        assert done.stdout.strip().endswith(": 1 fakes of 1 pictures"), done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("anna.png --generator swap", "swap: this generator needs other people's faces"),
        ("anna.png --generator nothing", "unknown generator of fakes 'nothing'; known: round-trip, "),
        ("anna.png --reconstructor nothing", "unknown reconstructor 'nothing'"),
        ("anna.png --per-image 0", "expected 1 or more, got 0"),
        ("anna.png --manifest people.csv", "expected either pictures or --manifest FILE"),
        ("", "expected either pictures or --manifest FILE"),
        (
            "--manifest people.csv --split other",
            "no real picture of the split other; the splits that have some: train, val",
        ),
        ("--manifest gone.csv", "expected a CSV manifest"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, people: Path, tmp_path: Path, words: str, told: str) -> None:
    named = [people / word if "." in word else word for word in words.split()]
    done = run(["make-fakes", *named, "--out", tmp_path / "out"])
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_other_settings_is_left_alone(run: Run, people: Path, tmp_path: Path) -> None:
    words = ["make-fakes", people / "anna.png", "--out", tmp_path, "--generator", "self-blend"]
    assert run(words).returncode == 0
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = run([*words, "--seed", "1"])
    assert done.returncode == 2
    assert "name another folder" in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    (tmp_path / "file").write_text("")
    assert "expected a folder" in run([*words[:3], tmp_path / "file"]).stderr
