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
from detector.vae.hiding import FromTheRest
from detector.vae.loading import FaceVaeReconstructor, load_model
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


def noisy(pixels: Pixels) -> Pixels:
    """With less contrast, and grain."""
    grain = np.random.default_rng(1).normal(0, 12, (len(pixels), 3, 32, 32))
    return np.asarray(np.clip(pixels / 2 + 64 + grain, 0, 255), np.uint8)


def test_who_learnt_with_squares_hidden_predicts_them_better(tmp_path: Path) -> None:
    """Of crops of one colour each: the rest tells it."""
    pixels = noisy(np.broadcast_to(crops(16)[..., :1, :1], (16, 3, 32, 32)))
    config = replace(CONFIG, steps=30, every=30, rate=1e-2, ema=0.5)
    examples, error = Examples(pixels), {}
    for cell in (0, 8):
        list(learn(replace(config, hide=cell), examples, examples, tmp_path / str(cell)))
        model = FaceVaeReconstructor(load_model(tmp_path / str(cell) / "tiny.safetensors"), "0" * 12)
        floats = torch.from_numpy(pixels).float() / 255
        error[cell] = float((FromTheRest(model, 8)(floats).pixels - floats).square().mean())
    assert error[8] < 0.9 * error[0]


def test_a_perceptual_term_brings_patch_and_picture_together(tmp_path: Path) -> None:
    examples, pixels = Examples(noisy(crops(16))), torch.from_numpy(noisy(crops(16))).float() / 255
    config = replace(CONFIG, steps=30, every=30, rate=1e-2, ema=0.5)
    distance = {}
    for weight in (0.0, 1000.0):
        list(learn(replace(config, perceptual=weight), examples, examples, tmp_path / str(weight)))
        model = load_model(tmp_path / str(weight) / "tiny.safetensors")
        distance[weight] = float(model.distance(pixels, model.bound(pixels).pixels).mean().detach())
    assert distance[1000.0] < 0.9 * distance[0.0]


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
