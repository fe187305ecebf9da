"""Real faces to crops, to a trained VAE, to figures: on a dataset of one face in three pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from detector.benchmark.vae_study.crops import CropFile, CropPlan, face_crops
from detector.benchmark.vae_study.vae import VaeStudy
from detector.benchmark.vae_study.vae_report import draw_curve, measure_vae, write_curve, write_table
from detector.config import load
from detector.errors import ConfigError
from detector.types import Face, Frame, Pixels
from detector.vae.config import VaeConfig
from detector.vae.model import FaceVae
from detector.vae.train import Examples

CONFIGS = sorted((Path(__file__).parents[3] / "experiments").glob("*face-*.toml"))


class AlwaysHer:
    """Knows the one face there is, and counts how often it is asked."""

    name, version = "always-her", "0" * 12

    def __init__(self, face: Face) -> None:
        self.face, self.asked = face, 0

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        self.asked += len(frames)
        return [(self.face,)] * len(frames)


@pytest.fixture
def plan(astronaut: Pixels, tmp_path: Path) -> CropPlan:
    """Two real pictures that train, a fake one and one of another split that do not."""
    rows = [("a", "real", "train"), ("b", "real", "train"), ("c", "fake", "train"), ("d", "real", "val")]
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "generator", "set", "group", "split"])
        for name, label, split in rows:
            Image.fromarray(astronaut).save(tmp_path / f"{name}.png")
            lines.writerow([f"{name}.png", label, "camera", "nasa", name, split])
    (tmp_path / "b.png").write_bytes(b"no picture")
    return CropPlan(data=tmp_path / "manifest.csv", draws={"nasa": 4})


def test_crops_of_real_faces_alone_with_every_history(plan: CropPlan, astronaut_face: Face, tmp_path: Path) -> None:
    detect = AlwaysHer(astronaut_face)
    crops = face_crops(plan, "train", detect, 64, tmp_path / "crops")
    assert detect.asked == 1  # of a, b, c and d
    assert crops.pixels.shape == (len(crops.groups), 3, 64, 64)
    assert crops.pixels.std() > 20
    assert set(crops.sources) == {"nasa"}
    assert set(crops.groups) == {0}
    assert len(crops.landmarks) == len(crops.groups)
    # As found, 113 px at 64 px a crop: a whole view and 2 x 2 tiles; the histories give at least a whole view each.
    assert len(crops.pixels) >= 5 + 3


def test_crops_are_cut_once(plan: CropPlan, astronaut_face: Face, tmp_path: Path) -> None:
    detect = AlwaysHer(astronaut_face)
    first = face_crops(plan, "val", detect, 64, tmp_path / "crops")
    again = face_crops(plan, "val", detect, 64, tmp_path / "crops")
    assert detect.asked == 1
    np.testing.assert_array_equal(first.pixels, again.pixels)


def test_nothing_to_cut_is_said(plan: CropPlan, astronaut_face: Face, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no real face"):
        face_crops(replace(plan, draws={"esa": 1}), "train", AlwaysHer(astronaut_face), 64, tmp_path / "crops")


def test_every_picture_counts_once(tmp_path: Path) -> None:
    """One picture with three crops and one with a single one: the mean is that of the two pictures."""
    config = VaeConfig(size=32, widths=(16, 24), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent=8)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32)).astype(np.uint8)
    pixels[3] = 128
    torch.manual_seed(0)
    model, groups = FaceVae(config), np.array([7, 7, 7, 9])
    crops = CropFile(pixels, np.zeros((4, 5, 2), np.float32), groups, np.array(["x", "x", "x", "y"]))
    table = measure_vae(model, Examples(pixels), crops)
    psnr = {source: terms["psnr"].value for source, terms in table.items()}
    assert psnr["all"] == pytest.approx((psnr["x"] + psnr["y"]) / 2)
    assert table["all"]["psnr"].low == pytest.approx(min(psnr["x"], psnr["y"]))
    terms = table["all"]
    assert terms["bits_per_dim"].value == pytest.approx(terms["nll"].value + terms["kl"].value)
    write_table(table, tmp_path / "table.csv")
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + 3 * 4


def test_the_curve_is_written_and_drawn(tmp_path: Path) -> None:
    curve = [{"step": 1.0, "nll": 3.0, "psnr": 30.0}, {"step": 2.0, "nll": 2.5, "psnr": 31.0}]
    write_curve(curve, tmp_path / "curve.csv")
    assert (tmp_path / "curve.csv").read_text() == "step,nll,psnr\n1,3,30\n2,2.5,31\n"
    draw_curve(curve, tmp_path / "curve.png")
    assert np.asarray(Image.open(tmp_path / "curve.png")).std() > 5


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_of_ours_makes_a_model(path: Path) -> None:
    study = load(VaeStudy, path)
    model = FaceVae(replace(study.training.model, encoder_pretrained=False))
    assert model.config.kind == study.training.model.kind
    assert study.training.name == path.stem
