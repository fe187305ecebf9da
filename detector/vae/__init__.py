"""Face crops to what a VAE makes of them: one interface for our family and for every pretrained autoencoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from detector.errors import UnknownNameError
from detector.types import Array, Reconstruction
from detector.vae.video import CLIP_RECONSTRUCTORS, ClipReconstructor, load_clip_reconstructor

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "CLIP_RECONSTRUCTORS",
    "RECONSTRUCTORS",
    "ClipReconstructor",
    "Reconstructor",
    "load_clip_reconstructor",
    "load_reconstructor",
]


class Reconstructor(Protocol):
    """A trained autoencoder that reconstructs face crops.

    Attributes:
        name: prefix of the names of its features, e.g. ``"face-vae"``.
        version: the first 12 hex digits of the SHA-256 of its weights.
        size: S, the side in px of the crops it wants.
        device: where it computes; what it returns lies there.
    """

    name: str
    version: str
    size: int
    device: torch.device

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        """Reconstruct (N, 3, S, S) RGB pixels in [0, 1], without gradients, in sub-batches as it sees fit.

        Args:
            pixels: the crops, e.g. `Crops.pixels`.
            second_pass: also reconstruct the reconstruction, as `Reconstruction.second`.
        """
        ...


def _face_vae(source: str, device: str) -> Reconstructor:
    from detector.vae.loading import load_face_vae

    return load_face_vae(source, device)


def _diffusers(source: str, device: str) -> Reconstructor:
    from detector.vae.pretrained import load_diffusers

    return load_diffusers(source, device)


def _taesd(source: str, device: str) -> Reconstructor:
    from detector.vae.pretrained import load_taesd

    return load_taesd(source, device)


def _ddim(source: str, device: str) -> Reconstructor:
    from detector.vae.pretrained import load_ddim

    return load_ddim(source, device)


def _onnx(source: str, device: str) -> Reconstructor:
    from detector.vae.exported import load_exported

    return load_exported("onnx", source, device)


def _openvino(source: str, device: str) -> Reconstructor:
    from detector.vae.exported import load_exported

    return load_exported("openvino", source, device)


RECONSTRUCTORS: dict[str, Callable[[str, str], Reconstructor]] = {
    "face-vae": _face_vae,
    "diffusers": _diffusers,
    "taesd": _taesd,
    "ddim": _ddim,
    "onnx": _onnx,
    "openvino": _openvino,
}
"""name -> (source, device) -> reconstructor. The source of "face-vae" is a file, or "" for the embedded weights;
those of "diffusers" and "ddim" a local folder or a Hub id; that of "taesd" a folder or an encoder/decoder pair of .pth
files; that of "onnx" and "openvino" a file that `detector export` has written."""


def load_reconstructor(spec: str, device: str = "cpu") -> Reconstructor:
    """Load the autoencoder that ``"name"`` or ``"name:source"`` means, onto a Torch device.

    Raises:
        UnknownNameError: no entry of `RECONSTRUCTORS` has that name.
        WeightsError: its weights are missing or damaged.
    """
    name, _, source = spec.partition(":")
    if name not in RECONSTRUCTORS:
        raise UnknownNameError("reconstructor", name, RECONSTRUCTORS)
    return RECONSTRUCTORS[name](source, device)
