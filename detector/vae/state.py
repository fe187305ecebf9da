"""What a training remembers, so that a killed one goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from detector.errors import ConfigError
from detector.vae.config import VaeConfig, VaeTrainConfig
from detector.vae.model import FaceVae

CHECKPOINT = "checkpoint.pt"


@dataclass
class State:
    """All that a checkpoint holds. Randomness is not among it: the step's number decides that.

    Attributes:
        model: what is trained.
        average: the exponential moving average of its weights, which is what is kept in the end.
        optimiser: with its moments.
        step: how many steps are done.
        curve: what was measured at each checkpoint.
    """

    model: FaceVae
    average: FaceVae
    optimiser: torch.optim.AdamW
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Let the averaged weights follow the trained ones."""
        trained = self.model.state_dict()
        for name, kept in self.average.state_dict().items():
            kept.lerp_(trained[name], 1 - decay) if kept.is_floating_point() else kept.copy_(trained[name])


def begin(config: VaeTrainConfig, first: Tensor, path: Path) -> State:
    """The state in the checkpoint at `path`, or a new one that starts from the crops `first`.

    Raises:
        ConfigError: the checkpoint is of another model.
    """
    torch.manual_seed(config.seed)
    model = FaceVae(config.model)
    model.start_from(first)
    average = FaceVae(config.model).requires_grad_(False)
    average.load_state_dict(model.state_dict())
    model = model.to(memory_format=torch.channels_last)
    state = State(model, average, torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-4))
    if path.exists():
        _load(config.model, state, path)
    return state


def save_checkpoint(config: VaeConfig, state: State, path: Path) -> None:
    """Write the state, whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "model_config": repr(config),
            "model": state.model.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "curve": state.curve,
        },
        partial,
    )
    partial.replace(path)


def load_curve(path: Path) -> list[dict[str, float]]:
    """The curve in the checkpoint at `path`."""
    curve: list[dict[str, float]] = torch.load(path, weights_only=True)["curve"]
    return curve


def _load(config: VaeConfig, state: State, path: Path) -> None:
    kept = torch.load(path, weights_only=True)
    if kept["model_config"] != repr(config):
        raise ConfigError(f"{path} is of another model: train into another folder, or delete it to start afresh")
    state.model.load_state_dict(kept["model"])
    state.average.load_state_dict(kept["average"])
    state.optimiser.load_state_dict(kept["optimiser"])
    state.step, state.curve = kept["step"], kept["curve"]
