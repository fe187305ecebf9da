"""The runner of the family: its config makes models, and its report says what was found."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.vae_study.separation import Separation, Who
from detector.benchmark.vae_study.vae_family import FamilyStudy, crops_per_second
from detector.benchmark.vae_study.vae_family_report import Row, write_family
from detector.config import load
from detector.errors import ConfigError
from detector.types import Array, Reconstruction
from detector.vae.bottleneck import BOTTLENECKS
from detector.vae.model import FaceVae
from tests.benchmark.fakes import Blur

CONFIG = Path(__file__).parents[3] / "experiments" / "vae-family.toml"


def test_the_config_has_every_kind_once_and_each_can_be_built() -> None:
    study = load(FamilyStudy, CONFIG)
    assert {member.model.kind for member in study.members.values()} == set(BOTTLENECKS)
    for member in study.members.values():
        how = replace(study.training, model=member.model, hide=member.hide, perceptual=member.perceptual)
        pixels = torch.rand(1, 3, how.patch, how.patch)
        assert FaceVae(how.model).bound(pixels).pixels.shape == pixels.shape


def test_speed_is_that_of_each() -> None:
    class Slow(Blur):
        def __call__(self, pixels: Array | torch.Tensor, second_pass: bool = True) -> Reconstruction:
            for _ in range(50):
                made = super().__call__(pixels, second_pass)
            return made

    speeds = crops_per_second({"fast": Blur(), "slow": Slow()}, np.zeros((4, 3, 64, 64), np.float32))
    assert speeds["fast"] > 5 * speeds["slow"] > 0


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two models of the same faces: the second one finds all fakes, the first one half of them."""
    labels = np.array([0] * 6 + [1] * 6, np.int64)
    who = Who(labels, np.array([str(n) for n in range(12)]), np.array(["x"] * 6 + ["g"] * 3 + ["h"] * 3))
    half, full = (np.where(labels == 1, 1.0, 0.0) * part for part in (who.origins == "g", 1))
    one, two = (Separation(who, scores, {"g": scores, "h": scores}) for scores in (half, full))
    bits = {"bits_per_dim": Estimate(3.0, 2.9, 3.1), "psnr": Estimate(40.0, 39.0, 41.0)}
    return [
        Row("face-vae", bits, 33.3, one),
        Row("other", {"psnr": Estimate(30.0, 29.0, 31.0)}, 50.0, two, one, two),
    ]


def test_the_report_has_a_line_a_model_and_every_figure(rows: list[Row], tmp_path: Path) -> None:
    table = write_family(rows, tmp_path).read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| face-vae", "| other"]
    assert "| 3.000 | 40.0 | 33 | 0.750 " in table[2]
    assert "| – | 30.0 | 50 | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) | +0.250 " in table[3]
    with (tmp_path / "figures.csv").open() as file:
        found = {(row["model"], row["figure"]): row["value"] for row in csv.DictReader(file)}
    assert found["other", "beside left out"] == "0.2500"
    assert found["face-vae", "met h"] == "0.5000"
    assert found["face-vae", "crops_per_second"] == "33.30"
    assert np.asarray(Image.open(tmp_path / "family.png")).std() > 5


def test_scalars_are_what_the_run_remembers(rows: list[Row]) -> None:
    first, second = (row.scalars for row in rows)
    assert first["met mean"] == pytest.approx(0.75)
    assert second["instead met"] == second["beside met"] == pytest.approx(0.25)
    assert "instead met" not in first


def test_a_member_without_a_likelihood_cannot_hide(tmp_path: Path) -> None:
    text = CONFIG.read_text().replace("[members.masked]", '[members.masked.model]\nkind = "ae"\n\n[members.masked]')
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ConfigError, match="hide"):
        load(FamilyStudy, tmp_path / "wrong.toml")
