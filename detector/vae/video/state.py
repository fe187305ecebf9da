"""What a training of the VAE of clips remembers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from detector import weights
from detector.errors import ConfigError
from detector.vae.loading import ASSET, load_model
from detector.vae.state import State
from detector.vae.video.config import VideoTrainConfig
from detector.vae.video.model import VideoVae


@dataclass
class VideoState(State):
    """All that a checkpoint holds, as for the VAE of single frames."""

    model: VideoVae
    average: VideoVae


def begin(config: VideoTrainConfig, path: Path) -> VideoState:
    """The state in the checkpoint at `path`, or a new one that is the VAE of single frames, frame by frame.

    Raises:
        ConfigError: the checkpoint, or the VAE to start from, is of another make.
        WeightsError: the VAE to start from is missing or damaged.
    """
    torch.manual_seed(config.seed)
    model, average = VideoVae(config.model), VideoVae(config.model).requires_grad_(False)
    model = model.to(memory_format=torch.channels_last)
    state = VideoState(model, average, torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-4))
    if path.exists():
        _resume(config, state, path)
    else:
        model.inflate(load_model(Path(config.image) if config.image else weights.asset(ASSET)))
        average.load_state_dict(model.state_dict())
    return state


def _resume(config: VideoTrainConfig, state: VideoState, path: Path) -> None:
    kept = torch.load(path, weights_only=True)
    if kept["model_config"] != repr(config.model):
        raise ConfigError(f"{path} is of another model: train into another folder, or delete it to start afresh")
    for part in ("model", "average", "optimiser"):
        getattr(state, part).load_state_dict(kept[part])
    state.step, state.curve = kept["step"], kept["curve"]
