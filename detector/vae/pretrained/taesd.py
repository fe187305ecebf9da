"""Tiny autoencoders from the two files that their author publishes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from detector import weights
from detector.errors import WeightsError
from detector.types import Reconstruction
from detector.vae.pretrained.model import Pretrained, feature_name
from detector.vae.pretrained.tiny import build_decoder, build_encoder, is_resampling

_SUFFIXES = (".pth", ".safetensors")


def load_taesd(source: str = "", device: str = "cpu") -> Pretrained:
    """Load a tiny autoencoder of the TAESD layout: taesd, taesdxl, taesd3, taef1, taef2.

    It has no posterior variance: `Reconstruction.mean` is its code, `logvar` and `kl` are None.

    Args:
        source: a folder with ``NAME_encoder`` and ``NAME_decoder`` as .pth or .safetensors; or the two files,
            ``ENCODER,DECODER``; or "" for the tiny FLUX.2 autoencoder from the store of `detector.weights`.
        device: a Torch device.

    Raises:
        WeightsError: for files that are missing, hold more than plain tensors, or are not of that layout.
    """
    files = _files(source)
    encoder, decoder = (_read(file) for file in files)
    try:
        head, tail = build_encoder(encoder)
        stack = build_decoder(decoder)
        halvings = _check_pair(nn.Sequential(*head, *tail), stack)
    except WeightsError as error:
        raise WeightsError(f"{files[0].name}, {files[1].name}: {error}") from error
    for part in (head, tail, stack):
        part.eval().requires_grad_(False)
        part.to(device).to(memory_format=torch.channels_last)  # A quarter faster on a CPU, at least.
    return Pretrained(
        name=feature_name(files[0].stem.removesuffix("_encoder")),
        version=weights.version(*files),
        device=torch.device(device),
        stride=2**halvings,
        step=partial(_step, head, tail, stack),
        decode=partial(_decode, stack),
    )


def _step(head: nn.Module, tail: nn.Module, decoder: nn.Module, pixels: Tensor) -> Reconstruction:
    hidden = head(pixels)
    mean = tail(hidden)
    return Reconstruction(_decode(decoder, mean), mean, hidden=hidden)


@torch.inference_mode()
def _decode(decoder: nn.Module, codes: Tensor) -> Tensor:
    pixels: Tensor = decoder(codes)
    return pixels.clamp(0, 1)


def _check_pair(encoder: nn.Sequential, decoder: nn.Sequential) -> int:
    """How often the encoder halves; `WeightsError` unless the decoder undoes just that."""
    made, wanted = _ends(encoder), _ends(decoder)[::-1]
    halvings, doublings = (sum(map(is_resampling, stack)) for stack in (encoder, decoder))
    if made != wanted or made[0] != 3 or halvings != doublings:
        raise WeightsError(
            f"expected an encoder of 3 colours and its decoder, got {made[0]} to {made[1]} channels in {halvings} "
            f"halvings and back from {wanted[1]} to {wanted[0]} in {doublings} doublings"
        )
    return halvings


def _ends(stack: nn.Sequential) -> tuple[int, int]:
    """How many channels go into and come out of a stack."""
    convolutions = [layer for layer in stack if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        raise WeightsError("not the TAESD layout: there is no convolution")
    return convolutions[0].in_channels, convolutions[-1].out_channels


def _files(source: str) -> tuple[Path, Path]:
    if not source:
        return _stored("taef2_encoder"), _stored("taef2_decoder")
    if (folder := Path(source).expanduser()).is_dir():
        return _pair_in(folder)
    encoder, comma, decoder = source.partition(",")
    if not comma:
        raise WeightsError(f"there is no folder {source!r}; expected a folder, or two files as ENCODER,DECODER")
    return Path(encoder).expanduser(), Path(decoder).expanduser()


def _stored(name: str) -> Path:
    if (path := weights.find(name)) is None:
        raise WeightsError(f"{name} is not in {weights.store()}; fetch it with: detector models pull {name}")
    return path


def _pair_in(folder: Path) -> tuple[Path, Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.stem.endswith("_encoder"))
    pairs = [(file, file.with_name(file.name.replace("_encoder", "_decoder"))) for file in files]
    if len(pairs) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise WeightsError(f"{folder}: expected one NAME_encoder, got {names}; name the files as ENCODER,DECODER")
    return pairs[0]


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"there is no file {path}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # A damaged pickle can make its reader raise anything.
        raise WeightsError(f"{path}: refused, for it is damaged or holds more than plain tensors") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: expected named tensors, got something else")
    return state
