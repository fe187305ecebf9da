"""Teach the embedded face network what YuNet sees: one command, resumable, the same from the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import trange

from detector import tracking
from detector.errors import ConfigError
from detector.faces.coverage import compare
from detector.faces.facenet import ASSET, MIN_SCORE, peaks
from detector.faces.network import FaceNet
from detector.faces.pyramid import suppress
from detector.faces.scenes import Picture, Scene, make_scene
from detector.faces.targets import batch, loss
from detector.types import Array

WARM_UP, FALL = 400, 0.4
"""Steps in which the learning rate rises, and the part of all steps in which it falls."""
_CHECK_SCENES = 256


@dataclass(frozen=True)
class FaceTrainConfig:
    """How the face network is trained.

    Attributes:
        data: folder with ``manifest.csv`` and the pictures it lists.
        out: folder of the checkpoint, the kept pictures and the finished weights; the curves go beside it.
        steps: optimiser steps in all.
        batch: scenes a step.
        side: side of a scene in px; 32 divides it.
        learning_rate: of AdamW, at its highest; it rises, holds and falls.
        threads: of Torch.
        save_every: steps between checkpoints, and between checks on validation scenes.
        seed: of weights and scenes.
    """

    data: Path = Path("../shared/data")
    out: Path = Path("runs/faces")
    steps: int = 4700
    batch: int = 16
    side: int = 256
    learning_rate: float = 2e-3
    threads: int = 1
    save_every: int = 250
    seed: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.side % 32:
            raise ConfigError("faces: expected steps and batch above 0 and a side that 32 divides")


def train_faces(config: FaceTrainConfig, pictures: Sequence[Picture], check: Sequence[Picture]) -> Path:
    """Train the network, from the last checkpoint where there is one.

    Args:
        config: how.
        pictures: labelled training pictures, each with at least one candidate.
        check: pictures of other people, for the curve of recall and false faces; nothing is chosen by them.

    Returns:
        the finished weights, ``face-net.safetensors`` below `config.out`, halves.
    """
    torch.set_num_threads(config.threads)
    trainer = Trainer(config)
    trainer.resume()
    scenes = [make_scene(check, config.side, np.random.default_rng([config.seed, 1, n])) for n in range(_CHECK_SCENES)]
    params: Mapping[str, object] = {**asdict(config), "pictures": len(pictures)}
    with tracking.start("faces", "face-net", params, config.out.parent) as run:
        for step in trange(trainer.step, config.steps, initial=trainer.step, total=config.steps, desc="faces"):
            rng = np.random.default_rng([config.seed, 0, step])
            losses = trainer.learn([make_scene(pictures, config.side, rng) for _ in range(config.batch)])
            if trainer.step % config.save_every == 0 or trainer.step == config.steps:
                trainer.save()
                run.metrics({**losses, **check_scenes(trainer.network, scenes)}, step=trainer.step)
    return trainer.export()


class Trainer:
    """The network, the optimiser and the step they are at."""

    def __init__(self, config: FaceTrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config, self.step = config, 0
        self.network = FaceNet().to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.learning_rate, weight_decay=1e-3)

    def learn(self, scenes: Sequence[Scene]) -> dict[str, float]:
        """One step on some scenes; the losses by name."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * _rate(self.step, self.config.steps)
        pixels, targets = batch(scenes)
        # Half the bits and channels last: five times as fast where the processor knows bfloat16, and right anywhere.
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.network(pixels.contiguous(memory_format=torch.channels_last))
        losses = loss(raw.float(), targets)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.step += 1
        return {f"loss_{name}": float(value.detach()) for name, value in losses.items()}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {name: getattr(self, name).state_dict() for name in ("network", "optimiser")}
        part = self._checkpoint.with_suffix(".part")
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**state, "step": self.step, "config": _shape(self.config)}, part)
        part.replace(self._checkpoint)

    def resume(self) -> None:
        """Go on where the last checkpoint stands, if there is one; `ConfigError` when it was made otherwise."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        if state["config"] != _shape(self.config):
            raise ConfigError(f"{self._checkpoint} was made with another config; move it away to start afresh")
        for name in ("network", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]

    def export(self) -> Path:
        """Write the weights as halves; the path."""
        weights = {name: value.half() for name, value in self.network.state_dict().items()}
        path = self.config.out / ASSET
        save_file({k: v.contiguous() for k, v in weights.items() if not k.endswith("num_batches_tracked")}, path)
        return path

    @property
    def _checkpoint(self) -> Path:
        return self.config.out / "checkpoint.pt"


def _shape(config: FaceTrainConfig) -> dict[str, Any]:
    """What a checkpoint depends on: not where things lie, nor how long the training goes on."""
    return {k: v for k, v in asdict(config).items() if k not in ("data", "out", "steps", "threads", "save_every")}


def _rate(step: int, steps: int) -> float:
    """The learning rate's factor at a step, in (0, 1]: it warms up, holds, and falls over the last part."""
    fall = FALL * steps
    return min((step + 1) / WARM_UP, 1.0, (steps - step) / fall)


def check_scenes(network: FaceNet, scenes: Sequence[Scene]) -> dict[str, float]:
    """How a network does on scenes: recall at IoU 0.5, false faces a scene, mean landmark error in box sides."""
    network.eval()
    matches = [compare(_found(network, scene), scene.faces, scene.open, min_iou=0.5) for scene in scenes]
    errors = np.concatenate([match.errors for match in matches])
    return {
        "recall": float(np.concatenate([match.found for match in matches]).mean()),
        "false_per_scene": float(np.mean([match.false for match in matches])),
        "landmark_error": float(errors.mean()) if len(errors) else 1.0,
    }


@torch.no_grad()
def _found(network: FaceNet, scene: Scene) -> Array:
    pixels, _ = batch([scene])
    return suppress(peaks(network(pixels), MIN_SCORE))
