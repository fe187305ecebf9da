"""The network of the baseline and its training under way: where it starts, what a checkpoint of it holds."""

from __future__ import annotations

import hashlib
import pickle
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy.typing as npt
import timm
import torch
from torch import Tensor, nn

from detector.errors import ConfigError, WeightsError
from detector.features.backbone import ARCHITECTURE, ASSET, load_weights
from detector.weights import asset

STAGE = -2
"""The last stage but one, at 1/16 of the side. The last one is about what things are, less about how they are drawn."""
TRUNK = (2, 3, 4)
"""The stages of timm's network that the embedded weights reach to."""
EMBEDDED_BLOCKS = 5
"""That stage of the embedded network ends with this block of its 7."""
DROPOUT = 0.3
DECAY = 0.995
"""Of the moving average of the weights, once many steps are done."""
HEAD_RATE = 5
"""The head, which starts from nothing, learns so many times as fast."""


class Network(nn.Module):
    """(N, 3, S, S) pixels in [0, 1] to (N,) log odds of "synthetic": one stage's maps, averaged, and a linear head.

    Args:
        body: a network of timm that gives a list of maps (N, K, h, w); the last ones are used.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        trained: Any = body.pretrained_cfg
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(trained[name]).view(3, 1, 1))
        self.body = body
        self.drop = nn.Dropout(DROPOUT)
        with torch.no_grad():
            self.head = nn.Linear(body.eval()(torch.zeros(1, 3, 64, 64))[-1].shape[1], 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.body((pixels - self.mean) / self.std)[-1]
        odds: Tensor = self.head(self.drop(maps.mean((2, 3))))
        return odds[:, 0]

    def train(self, mode: bool = True) -> Network:
        """As ever, but the normalisation stays as it was: a batch of a few faces says too little."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self


def load_body(model: str) -> nn.Module:
    """A network of timm as everyday pictures have left it, cut after `STAGE`.

    Args:
        model: its name. The weights of `ARCHITECTURE` are embedded; those of another one are fetched by timm.

    Raises:
        ConfigError: timm has no such model.
        WeightsError: its weights cannot be had.
    """
    if model == ARCHITECTURE:
        return _embedded()

    if not timm.is_model(model):
        similar = ", ".join(get_close_matches(model, timm.list_models())) or f"none; try {ARCHITECTURE}"
        raise ConfigError(f"timm has no model {model!r}; of similar names: {similar}")
    try:
        fetched: nn.Module = timm.create_model(model, pretrained=True, features_only=True, out_indices=(STAGE,))
    except (OSError, RuntimeError, ValueError) as error:
        advice = f"fetch them once while online, or use {ARCHITECTURE}, which is embedded"
        raise WeightsError(f"no weights of timm's {model}: {advice} ({error})") from error
    return fetched


def _embedded() -> nn.Module:
    """timm's network with the weights of our backbone, which is cut after the last stage that it has any for."""
    body: Any = timm.create_model(ARCHITECTURE, features_only=True, out_indices=TRUNK)
    load_weights(body, asset(ASSET))
    del body.blocks[EMBEDDED_BLOCKS:]
    return body.eval()  # type: ignore[no-any-return]


@dataclass
class State:
    """All that a checkpoint holds. Randomness is not among it: the step's number decides that.

    Attributes:
        model: what is trained.
        average: the moving average of its weights, which is what scores.
        optimiser: with its moments; the groups have a `rate` each, the learning rate at its highest.
        step: how many steps are done.
    """

    model: Network
    average: Network
    optimiser: torch.optim.AdamW
    step: int = 0

    @classmethod
    def begin(cls, body: nn.Module, rate: float, device: str) -> State:
        """Step 0, with a new head."""
        model = Network(body).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups = [
            {"params": model.body.parameters(), "rate": rate},
            {"params": model.head.parameters(), "rate": HEAD_RATE * rate},
        ]
        average = deepcopy(model).requires_grad_(False).eval()
        return cls(model, average, torch.optim.AdamW(groups, weight_decay=0.05))

    @torch.no_grad()
    def follow(self) -> None:
        """Let the averaged weights follow the trained ones."""
        decay, trained = min(DECAY, self.step / (9 + self.step)), self.model.state_dict()
        for name, kept in self.average.state_dict().items():
            kept.lerp_(trained[name], 1 - decay) if kept.is_floating_point() else kept.copy_(trained[name])

    def digest(self, words: str, *arrays: npt.NDArray[Any]) -> str:
        """Of the weights as they are, some words and arrays: at step 0, of all that a training depends on."""
        found = hashlib.sha256(words.encode())
        for array in (*(value.cpu().numpy() for value in self.model.state_dict().values()), *arrays):
            found.update(array.tobytes())
        return found.hexdigest()

    def save(self, about: str, path: Path) -> None:
        """Write a checkpoint of the training with the digest `about`, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({"about": about, "step": self.step, **parts}, unfinished)
        unfinished.replace(path)

    def resume(self, about: str, path: Path) -> None:
        """Go on where the checkpoint stands, if there is one, of the training with the digest `about`.

        Raises:
            WeightsError: the file is no checkpoint, or a damaged one.
        """
        if not path.exists():
            return
        try:
            kept = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise WeightsError(f"{path}: expected a checkpoint; delete it to start afresh ({error})") from error
        if kept["about"] == about:
            for name, part in self._parts().items():
                part.load_state_dict(kept[name])
            self.step = kept["step"]

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model, "average": self.average, "optimiser": self.optimiser}
