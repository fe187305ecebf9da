"""A pretrained autoencoder behind the one interface of `detector.vae.Reconstructor`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.types import Array, Reconstruction
from detector.vae.batches import Step, reconstruct
from detector.vae.room import Room


@dataclass(eq=False)
class Pretrained:
    """An autoencoder that others trained.

    None of them has a likelihood decoder: they were trained on perceptual and adversarial losses, which say
    nothing of p(x|z). `Reconstruction.nll` and `entropy` therefore are None. `hidden` is the encoder's activation
    after its first halving (S/2), the depth of the LPIPS layer that AEROBLADE (Ricker et al. 2024) found best.

    Attributes:
        name: prefix of the feature names; no dots.
        version: the first 12 hex digits of the weights' sha256.
        device: where the model is.
        stride: sides must be a multiple of this many px.
        step: the single pass.
        decode: codes (N, C, h, w), as in `Reconstruction.mean`, to pixels; None where the loader gives no such thing.
        size: the side of the crops it wants, in px: that of ours, so that all models see the same crops.
    """

    name: str
    version: str
    device: torch.device
    stride: int
    step: Step
    decode: Callable[[Tensor], Tensor] | None = None
    size: int = 128

    def __post_init__(self) -> None:
        self._room = Room.on(self.device)

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        """Reconstruct (N, 3, S, S) pixels in [0, 1]; `ShapeError` unless S is a multiple of `stride`."""
        return reconstruct(self.step, pixels, self.device, self.stride, second_pass, room=self._room)


def feature_name(text: str) -> str:
    """`text` as the prefix of a feature name, whose parts are separated by dots."""
    return text.replace(".", "-")
