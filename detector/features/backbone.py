"""What a network that learnt to see everyday pictures sees in a face: the maps that perceptual features are made of.

The embedded one is the trunk of EfficientNet-Lite0 (Tan & Le 2019, arXiv 1905.11946), trained on ImageNet by others and
never on faces, real or fake, by us: nothing of our data can leak through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from torch import Tensor

from detector.errors import WeightsError
from detector.features.lite0 import Lite0
from detector.folding import fold
from detector.weights import asset, version

if TYPE_CHECKING:
    from torch.nn import Module

NAME = "backbone"
ASSET = "backbone.safetensors"
ARCHITECTURE = "tf_efficientnet_lite0"
BATCH = 8
"""Crops at a time: what a processor's cache holds of the first maps; more is slower."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen network.

    Attributes:
        network: (N, 3, H, W) in [-1, 1] -> maps of a few stages, the finest first.
        name: prefix of the names of its features; no dots.
        version: the first 12 hex digits of the SHA-256 of its weights.
    """

    network: Module
    name: str
    version: str

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        """The maps (N, K, h, w) of every stage, for (N, 3, H, W) pixels in [0, 1]; sides are multiples of 32 px."""
        with torch.no_grad():
            parts = [self.network(self._prepared(part)) for part in torch.split(pixels, BATCH)]
        return [torch.cat(stage) for stage in zip(*parts, strict=True)]

    def _prepared(self, pixels: Tensor) -> Tensor:
        return (2 * pixels - 1).contiguous(memory_format=torch.channels_last)


def load_backbone(source: Path | None = None, device: str = "cpu") -> Backbone:
    """The embedded backbone, or the one in the safetensors file `source`, onto a Torch device.

    Raises:
        WeightsError: the weights are missing, damaged or another network's.
    """
    path = source or asset(ASSET)
    network = fold(load_trunk(path)).to(device).to(memory_format=torch.channels_last)
    return Backbone(network, NAME, version(path))


def load_trunk(source: Path | None = None) -> Lite0:
    """The network with its weights, as it was trained; raises as `load_backbone` does."""
    path = source or asset(ASSET)
    with torch.device("meta"):
        network = Lite0()
    load_weights(network, path, assign=True)
    return network.eval()


def load_weights(network: Module, path: Path, assign: bool = False) -> None:
    """Give a network with the layers of the trunk its weights; raises as `load_backbone` does."""
    from safetensors.torch import load_file

    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()}, assign=assign)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path}: expected the weights of {ARCHITECTURE}'s trunk ({error})") from error
