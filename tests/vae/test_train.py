"""Training: it lowers the bound, survives a kill at any step, and leaves what it promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from detector.errors import ConfigError
from detector.types import Pixels
from detector.vae import load_reconstructor
from detector.vae.config import VaeConfig, VaeTrainConfig
from detector.vae.train import Examples, learn, train_vae

MODEL = VaeConfig(size=32, widths=(16, 24), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent=8)
CONFIG = VaeTrainConfig(MODEL, "tiny", steps=6, batch=4, patch=24, warmup=2, anneal=0, every=2, val_crops=4)


def crops(count: int) -> Pixels:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 3, 4, 4)).astype(np.uint8)
    return np.asarray(coarse.repeat(8, 2).repeat(8, 3))


class KilledError(Exception):
    pass


class Fragile:
    """The masks of a conditional model, from a source that dies at its n-th use."""

    def __init__(self, dies_at: int) -> None:
        self.uses, self.dies_at = 0, dies_at

    def __call__(self, rows: npt.NDArray[np.int64]) -> Tensor:
        self.uses += 1
        if self.uses == self.dies_at:
            raise KilledError
        return torch.ones(len(rows), 2, 32, 32)


def weights(folder: Path) -> dict[str, Tensor]:
    kept = torch.load(folder / "checkpoint.pt", weights_only=True)
    return {**kept["model"], **{f"average.{k}": v for k, v in kept["average"].items()}}


def test_a_killed_training_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    config = replace(CONFIG, model=replace(MODEL, kind="conditional", condition_planes=2))
    val = Examples(crops(4), Fragile(-1))
    unbroken = list(learn(config, Examples(crops(8), Fragile(-1)), val, tmp_path / "unbroken"))
    with pytest.raises(KilledError):
        list(learn(config, Examples(crops(8), Fragile(4)), val, tmp_path / "killed"))
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = list(learn(config, Examples(crops(8), Fragile(-1)), val, tmp_path / "killed"))
    assert resumed == unbroken
    expected, got = weights(tmp_path / "unbroken"), weights(tmp_path / "killed")
    assert all(torch.equal(got[name], value) for name, value in expected.items())


def test_it_learns_and_leaves_weights_grids_and_a_curve(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=20, every=10, rate=3e-3)
    examples = Examples(crops(16))
    path = train_vae(config, examples, examples, tmp_path / "tiny", tmp_path)
    curve = torch.load(tmp_path / "tiny" / "checkpoint.pt", weights_only=True)["curve"]
    assert curve[1]["bits_per_dim"] < curve[0]["bits_per_dim"]
    assert load_reconstructor(f"face-vae:{path}").size == 32
    grids = {picture.name for picture in (tmp_path / "tiny" / "grids").iterdir()}
    assert grids == {f"{kind}-{step:06d}.png" for kind in ("samples", "reconstructions") for step in (10, 20)}
    assert (tmp_path / "mlflow.db").exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    examples = Examples(crops(4))
    list(learn(replace(CONFIG, steps=1), examples, examples, tmp_path))
    with pytest.raises(ConfigError, match="another model"):
        next(learn(replace(CONFIG, model=replace(MODEL, latent=4)), examples, examples, tmp_path))


def test_patches_must_fit_the_model() -> None:
    with pytest.raises(ConfigError, match="patch: expected a multiple of the stride 8"):
        replace(CONFIG, patch=20)
