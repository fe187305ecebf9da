"""Training of the VAE of clips: it lowers the bound below that of single frames, and survives a kill at any step."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.errors import ConfigError, WeightsError
from detector.vae.loading import save_model
from detector.vae.model import FaceVae
from detector.vae.video import load_clip_reconstructor
from detector.vae.video.config import VideoTrainConfig
from detector.vae.video.train import learn, train_video_vae
from tests.vae.video.test_model import CONFIG, IMAGE


def still_life(rng: np.random.Generator, count: int) -> Tensor:
    """Clips of 5 frames in which nothing moves, each of blocks of a few greys."""
    blocks = torch.from_numpy(rng.random((count, 1, 3, 6, 6), np.float32))
    return blocks.repeat_interleave(4, 3).repeat_interleave(4, 4).expand(-1, 5, -1, -1, -1).contiguous()


def config(folder: Path) -> VideoTrainConfig:
    """A training of six steps from a small VAE of single frames, which is written into the folder."""
    torch.manual_seed(0)
    image = FaceVae(IMAGE)
    image.start_from(still_life(np.random.default_rng(0), 16).flatten(0, 1))
    save_model(image, folder / "image.safetensors", {}, torch.float32)
    return VideoTrainConfig(
        CONFIG, "tiny", str(folder / "image.safetensors"), steps=6, batch=2, warmup=2, every=2, val_clips=2
    )


def kept(folder: Path) -> dict[str, Tensor]:
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    return {**state["model"], **{f"average.{name}": value for name, value in state["average"].items()}}


class KilledError(Exception):
    pass


def test_a_stopped_training_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    training, uses = config(tmp_path), 0

    def dies(rng: np.random.Generator, count: int) -> Tensor:
        nonlocal uses
        uses += 1
        if uses == 4:
            raise KilledError
        return still_life(rng, count)

    unbroken = list(learn(training, still_life, still_life, tmp_path / "unbroken"))
    with pytest.raises(KilledError):
        list(learn(training, dies, still_life, tmp_path / "killed"))
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"] == 2
    assert list(learn(training, still_life, still_life, tmp_path / "killed")) == unbroken
    expected, got = kept(tmp_path / "unbroken"), kept(tmp_path / "killed")
    assert all(torch.equal(got[name], value) for name, value in expected.items())
    assert [point["step"] for point in unbroken] == [0, 2, 4, 6]


ENDLESS = """
import sys
from dataclasses import replace
from pathlib import Path
from detector.vae.video.train import learn
from tests.vae.video.test_train import config, still_life
folder = Path(sys.argv[1])
list(learn(replace(config(folder), steps=1_000_000, every=1), still_life, still_life, folder / "killed"))
"""


def test_a_kill_leaves_whole_files(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.kill()
    assert process.wait() == -9
    step = torch.load(checkpoint, weights_only=True)["step"]
    resumed = replace(config(tmp_path), steps=step + 1, every=1)
    assert list(learn(resumed, still_life, still_life, tmp_path / "killed"))[-1]["step"] == step + 1


def test_it_learns_from_the_past_and_leaves_weights_grids_and_a_curve(tmp_path: Path) -> None:
    training = replace(config(tmp_path), steps=60, every=30, rate=1e-2, ema=0.5, bfloat16=False)
    path = train_video_vae(training, still_life, still_life, tmp_path / "tiny", tmp_path)
    curve = torch.load(tmp_path / "tiny" / "checkpoint.pt", weights_only=True)["curve"]
    assert [point["step"] for point in curve] == [0, 30, 60]
    assert curve[-1]["bits_per_dim"] < 0.95 * curve[0]["bits_per_dim"]
    model = load_clip_reconstructor(f"video-vae:{path}")
    assert (model.size, model.length) == (24, 5)
    made = model(still_life(np.random.default_rng(5), 4))
    assert made.kl is not None
    first, *later = made.kl.sum((0, 2, 3))
    assert sum(later) / 4 < 0.95 * first  # a frame that repeats the last tells less than the first
    assert {picture.name for picture in (tmp_path / "tiny" / "grids").iterdir()} == {
        f"clip-{step:06d}.png" for step in (0, 30, 60)
    }
    assert (tmp_path / "mlflow.db").exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    training = replace(config(tmp_path), steps=1)
    list(learn(training, still_life, still_life, tmp_path))
    with pytest.raises(ConfigError, match="another model"):
        next(learn(replace(training, model=replace(CONFIG, past=1)), still_life, still_life, tmp_path))


def test_what_it_starts_from_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        next(learn(replace(config(tmp_path), image="nowhere"), still_life, still_life, tmp_path / "out"))
