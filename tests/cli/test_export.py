"""`detector export`: a file that scores as the VAE does that it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "face vae.onnx"


def test_the_exported_vae_scores_as_the_embedded_one(run: Run, media: Path, out: Path) -> None:
    done = run(["export", out])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert f"detector score --vae onnx:{out}" in done.stdout
    answers = []
    for words in ([], ["--vae", f"onnx:{out}"], ["--vae", f"openvino:{out}"]):
        done = run(["score", media / "photo.jpg", "--json", *words])
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    assert answers[0]["models"] == answers[1]["models"] == answers[2]["models"]
    for answer in answers[1:]:
        assert answer["fake_probability"] == pytest.approx(answers[0]["fake_probability"], abs=1e-3)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--weights", "nowhere.safetensors", "x.onnx"], 1, "nowhere.safetensors"),
        (["nowhere/x.onnx"], 2, "there is no folder"),
    ],
)
def test_what_cannot_be_exported_is_one_line(run: Run, tmp_path: Path, words: list[str], code: int, says: str) -> None:
    done = run(["export", *(str(tmp_path / word) if word.endswith("onnx") else word for word in words)])
    assert done.returncode == code
    [line] = done.stderr.splitlines()
    assert says in line
    assert not (tmp_path / "x.onnx").exists()
