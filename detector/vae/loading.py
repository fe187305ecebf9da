"""Weights of our family on disk, and the trained model behind the one interface of every autoencoder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from detector import weights
from detector.config import parse
from detector.errors import ConfigError, WeightsError
from detector.types import Array, Reconstruction
from detector.vae.batches import concat, reconstruct
from detector.vae.bottleneck import Codes
from detector.vae.config import VaeConfig
from detector.vae.likelihood import to_levels
from detector.vae.model import FaceVae
from detector.vae.room import Room

ASSET = "face-vae.safetensors"
_TOLD = 8
"""Crops that go through a conditional model at once."""


def save_model(model: FaceVae, path: Path, facts: Mapping[str, str], dtype: torch.dtype = torch.float16) -> None:
    """Write weights and config to one safetensors file, whole or not at all.

    Args:
        model: what to save.
        path: the file; its folder exists.
        facts: what else to keep in the metadata, e.g. the step.
        dtype: of the tensors in the file.
    """
    state = {name: value.detach().to("cpu", dtype).contiguous() for name, value in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(state, partial, metadata={**facts, "config": json.dumps(asdict(model.config))})
    partial.replace(path)


def load_model(path: Path, device: str = "cpu") -> FaceVae:
    """A model of the family as `save_model` wrote it, in float32, ready to evaluate.

    Raises:
        WeightsError: no such file, no safetensors file, or not one of this family.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = FaceVae(parse(VaeConfig, {**config, "encoder_pretrained": False}, str(path)))
        model.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, ConfigError) as error:
        raise WeightsError(f"{path}: expected weights that `detector train vae` has written ({error})") from error
    return model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def load_face_vae(source: str = "", device: str = "cpu") -> FaceVaeReconstructor:
    """The embedded face VAE, or the one in the file `source`, as a reconstructor."""
    path = Path(source) if source else weights.asset(ASSET)
    return FaceVaeReconstructor(load_model(path, device), weights.version(path))


class FaceVaeReconstructor:
    """A trained model of the family as a `detector.vae.Reconstructor`.

    What its `Reconstruction` means: `pixels` is the decoder's mean picture for the posterior mean (nothing is
    drawn: the same crop gives the same answer). `nll` is that of the crop rounded to 256 grey levels, and
    `entropy` that of the same distribution, each channel given the channels before it as they are in the crop:
    so that their difference, channel by channel, has expectation zero when the model is right.
    `kl` of a coarser latent is spread evenly over the finer positions it covers: its sum is kept.
    """

    def __init__(self, model: FaceVae, version: str, name: str = "face-vae") -> None:
        self.model = model.eval()
        self.name = name
        self.version = version
        self.size = model.config.size
        self.device = next(model.parameters()).device
        self._room = Room.on(self.device)

    def __call__(
        self, pixels: Array | Tensor, second_pass: bool = True, condition: Tensor | None = None
    ) -> Reconstruction:
        """Reconstruct (N, 3, S, S) RGB pixels in [0, 1].

        Args:
            pixels: the crops.
            second_pass: also reconstruct the reconstruction.
            condition: for the kind "conditional", (N, R, S, S), see `FaceVae.encode`.

        Raises:
            ShapeError: another shape or range, or a side that is no multiple of the model's stride.
        """
        crops = torch.as_tensor(pixels)
        stride = self.model.config.stride
        if condition is None or not len(crops):
            return reconstruct(self._step, crops, self.device, stride, second_pass, self._again, self._room)
        pairs = zip(torch.split(crops, _TOLD), torch.split(condition.to(self.device), _TOLD), strict=True)
        return concat(
            [
                reconstruct(
                    partial(self._step, condition=told),
                    part,
                    self.device,
                    stride,
                    second_pass,
                    partial(self._again, condition=told),
                    self._room,
                )
                for part, told in pairs
            ]
        )

    @property
    def decode(self) -> Callable[[Tensor], Tensor] | None:
        """Codes (N, C, h, w), as in `Reconstruction.mean`, to the decoder's mean picture.

        None for the kind "hierarchical", whose finest latent alone says too little.
        """
        return None if self.model.config.kind == "hierarchical" else self._decode

    @torch.inference_mode()
    def _decode(self, codes: Tensor) -> Tensor:
        return self.model.decode(codes).pixels

    def _step(self, crops: Tensor, condition: Tensor | None = None) -> Reconstruction:
        codes, hidden = self.model.encode(crops.contiguous(memory_format=torch.channels_last), condition)
        decoded = self.model.decode(codes.decodable, condition)
        likelihood = decoded.distribution
        levels = to_levels(crops)
        return Reconstruction(
            pixels=decoded.pixels,
            mean=codes.mean,
            logvar=codes.logvar,
            kl=kl_map(codes),
            nll=None if likelihood is None else likelihood.nll(levels).mean(1),
            entropy=None if likelihood is None else likelihood.entropy(levels).mean(1),
            hidden=hidden,
        )

    def _again(self, made: Tensor, condition: Tensor | None = None) -> Reconstruction:
        """A pass over what the model made, of which nobody asks how likely it is."""
        codes, hidden = self.model.encode(made.contiguous(memory_format=torch.channels_last), condition)
        return Reconstruction(self.model.mean(codes.decodable, condition), codes.mean, hidden=hidden)


def kl_map(codes: Codes) -> Tensor | None:
    """`Reconstruction.kl` of these codes; None without a prior."""
    if not codes.kl:
        return None
    finest, *coarser = (part.sum(1) / math.log(2) for part in codes.kl)
    for part in coarser:
        times = finest.shape[-1] // part.shape[-1]
        finest = finest + part.repeat_interleave(times, 1).repeat_interleave(times, 2) / times**2
    return finest
