"""A reconstructor of pictures as one of clips: frame by frame, the control that shows what time adds."""

from __future__ import annotations

from torch import Tensor

from detector.types import Array, ClipReconstruction, Reconstruction
from detector.vae import Reconstructor
from detector.vae.video.clips import Grid, reconstruct_clips
from detector.vae.video.model import in_clips


class FrameByFrame:
    """Any `detector.vae.Reconstructor` as a `detector.vae.ClipReconstructor`; one latent per frame, t = T."""

    length = 1

    def __init__(self, still: Reconstructor) -> None:
        self.still = still
        self.name, self.version, self.size, self.device = still.name, still.version, still.size, still.device

    def __call__(self, pixels: Array | Tensor, second_pass: bool = False) -> ClipReconstruction:
        """Reconstruct (N, T, 3, S, S) RGB pixels in [0, 1]; `ShapeError` for another shape, range or side."""
        return reconstruct_clips(self._step, pixels, self.device, Grid(1), second_pass)

    def _step(self, clips: Tensor) -> ClipReconstruction:
        return with_time(self.still(clips.flatten(0, 1), second_pass=False), clips.shape[1])


def with_time(made: Reconstruction, length: int) -> ClipReconstruction:
    """A reconstruction of the N T frames of clips, in a row, as that of N clips of T = `length` frames."""

    def latent(values: Tensor) -> Tensor:
        return in_clips(values, length).movedim(2, 1)

    return ClipReconstruction(
        pixels=in_clips(made.pixels, length),
        mean=latent(made.mean),
        logvar=None if made.logvar is None else latent(made.logvar),
        kl=None if made.kl is None else in_clips(made.kl, length),
        nll=None if made.nll is None else in_clips(made.nll, length),
    )
