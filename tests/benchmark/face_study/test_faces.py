"""Teaching and measuring face detectors, on a dataset of one astronaut."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.benchmark.face_study.face_coverage import draw_trials, measure_faces
from detector.benchmark.face_study.faces import REDUCED_PX, labelled
from detector.faces.train import FaceTrainConfig
from detector.types import Array, Face, Frame, Pixels


@pytest.fixture
def manifest(tmp_path: Path, astronaut: Pixels) -> Path:
    """Her, twice: in the split "train", and mirrored in "test"."""
    cv2.imwrite(str(tmp_path / "her.png"), astronaut[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "mirrored.png"), astronaut[:, ::-1, ::-1])
    rows = ["her.png,0,camera,nasa,a,train,113", "mirrored.png,0,camera,nasa,a,test,113"]
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(["path,label,generator,set,group,split,face_px", *rows]) + "\n")
    return path


@dataclass
class Told:
    """A detector that finds what it was told."""

    faces: tuple[Face, ...]
    name: str = "told"
    version: str = "0" * 12

    def __call__(self, frames: list[Frame]) -> list[tuple[Face, ...]]:
        return [self.faces for _ in frames]


class Teacher:
    """Knows her face, mirrored or not, and counts how often it was asked."""

    def __init__(self, face: Face) -> None:
        self.asked = 0
        self._known = [face, mirrored(face)]

    def candidates(self, pixels: Pixels) -> Array:
        self.asked += 1
        her = self._known[int(pixels[:, :200].mean() < pixels[:, -200:].mean())]
        return np.concatenate([her.box, her.landmarks.ravel(), [0.9]])[None].astype(np.float32)


def mirrored(face: Face) -> Face:
    box = np.array([512 - face.box[2], face.box[1], 512 - face.box[0], face.box[3]], np.float32)
    marks = face.landmarks[[1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32) + np.array([512, 0], np.float32)
    return Face(box, marks, 1.0)


def test_the_teacher_labels_each_picture_once(manifest: Path, tmp_path: Path, astronaut_face: Face) -> None:
    config, teacher = FaceTrainConfig(data=manifest.parent, out=tmp_path / "runs"), Teacher(astronaut_face)
    (first,), (again,) = (labelled(config, "train", teacher) for _ in range(2))

    assert teacher.asked == 1
    assert first.pixels.shape == (REDUCED_PX, REDUCED_PX, 3)
    scale = 512 / REDUCED_PX
    np.testing.assert_allclose(first.candidates[0, :4] * scale, astronaut_face.box, rtol=1e-5)
    np.testing.assert_array_equal(first.candidates, again.candidates)


def test_found_and_made_up_faces_are_counted(manifest: Path, tmp_path: Path, astronaut_face: Face) -> None:
    wrong = Face(np.array([10, 300, 80, 390], np.float32), np.zeros((5, 2), np.float32), 0.9)
    good, bad = Told((mirrored(astronaut_face), wrong), "good"), Told((), "bad")
    teacher = Teacher(astronaut_face)
    measure_faces([good, bad], teacher, manifest, "test", tmp_path / "coverage.csv", tmp_path / "sheets")

    with (tmp_path / "coverage.csv").open(newline="") as lines:
        rows = {(row["detector"], row["set"]): row for row in csv.DictReader(lines)}
    assert rows.keys() == {("good", "nasa"), ("good", "all"), ("bad", "nasa"), ("bad", "all")}
    assert (rows["good", "all"]["coverage"], rows["good", "all"]["false_faces"]) == ("1.0000", "1")
    assert float(rows["good", "all"]["landmark_error"]) == 0
    assert (rows["bad", "all"]["coverage"], rows["bad", "all"]["found_any"]) == ("0.0000", "0.0000")
    assert (tmp_path / "sheets" / "good" / "false.png").exists()
    assert (tmp_path / "sheets" / "bad" / "missed.png").exists()


def test_trials_are_drawn(tmp_path: Path, astronaut: Pixels, astronaut_face: Face) -> None:
    draw_trials([Told((astronaut_face,))], astronaut, tmp_path / "trials.png")

    assert cv2.imread(str(tmp_path / "trials.png")).shape == (400, 1600, 3)
