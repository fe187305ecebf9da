"""Clips of a face to what a VAE makes of them: the interface of pictures, with a time axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from detector.errors import UnknownNameError
from detector.types import Array, ClipReconstruction

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["CLIP_RECONSTRUCTORS", "ClipReconstructor", "load_clip_reconstructor"]


class ClipReconstructor(Protocol):
    """A trained autoencoder that reconstructs clips.

    Attributes:
        name: prefix of the names of its features, e.g. ``"video-vae"``.
        version: the first 12 hex digits of the SHA-256 of its weights.
        size: S, the side in px of the clips it wants.
        length: T, the frames of the clips it wants. Any T from 1 works: where a model's own shapes are coarser, the
            last frame is held until it fits, and what is made of it is cut again.
        device: where it computes; what it returns lies there.
    """

    name: str
    version: str
    size: int
    device: torch.device

    @property
    def length(self) -> int: ...

    def __call__(self, pixels: Array | Tensor, second_pass: bool = False) -> ClipReconstruction:
        """Reconstruct (N, T, 3, S, S) RGB pixels in [0, 1], without gradients, in sub-batches as it sees fit.

        Args:
            pixels: the clips, e.g. a stack of `Clip.pixels`.
            second_pass: also reconstruct the reconstruction, as `ClipReconstruction.second`.
        """
        ...


def _video_vae(source: str, device: str) -> ClipReconstructor:
    from detector.vae.video.loading import load_video_vae

    return load_video_vae(source, device)


def _video_diffusers(source: str, device: str) -> ClipReconstructor:
    from detector.vae.video.pretrained import load_video_diffusers

    return load_video_diffusers(source, device)


CLIP_RECONSTRUCTORS: dict[str, Callable[[str, str], ClipReconstructor]] = {
    "video-vae": _video_vae,
    "video-diffusers": _video_diffusers,
}
"""name -> (source, device) -> reconstructor. The source of "video-vae" is a file, or "" for the embedded weights; that
of "video-diffusers" a local folder or a Hub id. Beside `detector.vae.RECONSTRUCTORS` and not in it, because who loads
from there hands over pictures (N, 3, S, S)."""


def load_clip_reconstructor(spec: str, device: str = "cpu") -> ClipReconstructor:
    """Load the autoencoder that ``"name"`` or ``"name:source"`` means, onto a Torch device.

    A name of `detector.vae.RECONSTRUCTORS` gives that autoencoder of pictures, applied frame by frame.

    Raises:
        UnknownNameError: no entry of `CLIP_RECONSTRUCTORS` or `RECONSTRUCTORS` has that name.
        WeightsError: its weights are missing or damaged.
    """
    from detector.vae import RECONSTRUCTORS

    name, _, source = spec.partition(":")
    if name in CLIP_RECONSTRUCTORS:
        return CLIP_RECONSTRUCTORS[name](source, device)
    if name not in RECONSTRUCTORS:
        raise UnknownNameError("reconstructor of clips", name, {**CLIP_RECONSTRUCTORS, **RECONSTRUCTORS})
    from detector.vae.video.frames import FrameByFrame

    return FrameByFrame(RECONSTRUCTORS[name](source, device))
