"""The page is written from rows, with every row of the table, the pair, and both pictures."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.benchmark.measures.held_out import Recipe
from detector.benchmark.video_study.material import CAMERA, Photos
from detector.benchmark.video_study.report import PAIR, kind_rows, score_filmed, write
from detector.benchmark.video_study.study import Rows, VideoStudy
from detector.features.motion import MOTION
from detector.types import FeatureTable, Sample
from tests.benchmark.video_study.test_ablation import rows

NAMES = ("mean.a", *(f"vae.clip.{kind}.whole.x" for kind in MOTION), "file.metadata.width")


def made(photos: int = 12) -> Rows:
    """Motion of the first kind tells every fake; nothing else tells anything."""
    plain = rows(photos)
    values = np.random.default_rng(1).normal(0, 1, (len(plain.samples), len(NAMES)))
    values[:, 1] += [4 * (name != CAMERA) for name in plain.generators]
    return replace(plain, table=FeatureTable(values.astype(np.float32), NAMES), missing={"swap: no_face": 2})


def filmed() -> Rows:
    """Four pieces of either clip of the pair; the swap's motion is that of a fake."""
    samples = [
        Sample(f"set__{name}.mp4", label, "x", "clips", name, "test") for label, name in enumerate(PAIR) for _ in "1234"
    ]
    values = np.zeros((8, len(NAMES)), np.float32)
    values[4:, 1] = 4
    return Rows(tuple(samples), ("x",) * 8, (0, 48, 96, 144) * 2, FeatureTable(values, NAMES))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> VideoStudy:
    patterns = {
        "frames": ("mean.*",),
        "motion": ("*.clip.*",),
        "frames + motion": ("mean.*", "*.clip.*"),
        "alarm: metadata": ("file.*",),
    }
    folder = tmp_path_factory.mktemp("video")
    return VideoStudy(patterns, "frames", Photos(), recipe=Recipe(strength=10.0, folds=3), report=folder)


def test_the_pair_is_told_apart_by_motion_alone(study: VideoStudy) -> None:
    found = score_filmed(study, made(), filmed())
    assert found.paired.sum() == 8
    assert found.scores["motion"][4:].min() > found.scores["motion"][:4].max() + 1
    assert np.ptp(found.scores["frames"]) == 0


def test_everything_is_written(study: VideoStudy) -> None:
    write(study, made(), filmed(), "command")
    page = (study.report / "ablation.md").read_text(encoding="utf-8")
    assert "12 photos (a 6, b 6)" in page
    assert "swap: no_face 2" in page
    for name in (*study.rows, *kind_rows()):
        assert f"\n| {name} |" in page
    with (study.report / "ablation.csv").open(encoding="utf-8") as file:
        met = {line["row"]: float(line["auc"]) for line in csv.DictReader(file) if line["generator"] == "mean"}
    first, *others = MOTION
    assert met[f"motion: {first} alone"] > 0.9 > met[f"motion without {first}"]
    assert all(met[f"motion: {kind} alone"] < 0.9 for kind in others)
    for name in ("families.png", "pair.png", "pieces.csv"):
        assert Path(study.report, name).stat().st_size > 300
