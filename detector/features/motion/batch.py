"""Clips of one length and rate side by side: what the kinds of motion look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.errors import ShapeError
from detector.features.local import luma
from detector.features.regions import region_masks
from detector.types import Clip, ClipReconstruction, Reconstruction

LAG_S = 0.04
"""What lies this long apart are neighbours: the frames of a film at 25 a second, every tenth at 240."""
MAX_GAP_S = 0.2
"""Frames that lie further apart are no neighbours: between them a face does what it likes. So at 1 frame a second
there is no number of change, and where frames were dropped there is none of that pair."""
STEADY = 2
"""Landmarks are averaged with so many on either side before regions are laid by them: a detector's jitter is larger
than what a region does between two frames."""
CHUNK = 64
"""Frames at a time: the masks of that many fill some tens of MiB."""

Made = Reconstruction | ClipReconstruction
Code = tuple[Tensor, Tensor]
"""What a VAE made of one clip: pixels (T, 3, S, S) and latents (t, C, h, w), in the order of time."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B clips of T frames each.

    Attributes:
        pixels: (B, T, 3, S, S) in [0, 1].
        made: (B, T, 3, S, S), their reconstruction.
        latent: (B, t, C, h, w), posterior means; t < T where the model compresses time.
        landmarks: (B, T, 5, 2) float32, x y in px.
        times: (B, T) float64, s.
        held: how many frames each of the T stands for: more than one where they are those of latents.
    """

    pixels: Tensor
    made: Tensor
    latent: Tensor
    landmarks: Tensor
    times: Tensor
    held: float = 1.0

    @cached_property
    def step(self) -> int:
        """How many frames on a frame's neighbour is."""
        return neighbour_step(self.times[0].cpu().numpy())

    @cached_property
    def picture(self) -> Tensor:
        """(B, T, S, S), the luma of the clips."""
        return unfold(luma(self.pixels.flatten(0, 1)), self.times.shape)

    @cached_property
    def error(self) -> Tensor:
        """(B, T, S, S), the luma of what the VAE left unexplained."""
        return self.picture - unfold(luma(self.made.flatten(0, 1)), self.times.shape)

    @cached_property
    def masks(self) -> Tensor:
        """(B, T, R, S, S), where the regions lie in each frame."""
        marks = steadied(self.landmarks).flatten(0, 1)
        return unfold(region_masks(marks, self.pixels.shape[-1]), self.times.shape)

    @cached_property
    def pair_masks(self) -> Tensor:
        """(B, P, R, S, S), where they lie between a frame and its neighbour: the same forwards and backwards."""
        return (earlier(self.masks, self.step) + later(self.masks, self.step)) / 2

    @cached_property
    def near(self) -> Tensor:
        """(B, P) bool, which pairs are neighbours indeed."""
        return change(self.times, self.step) <= MAX_GAP_S * self.held

    @cached_property
    def at_latents(self) -> Batch:
        """The batch with one frame for each latent: as it is, where the model does not compress time."""
        count, length = self.latent.shape[1], self.times.shape[1]
        if count == length:
            return self
        rows = torch.linspace(0, length - 1, count, device=self.times.device).round().long()
        parts = (self.pixels, self.made, self.landmarks, self.times)
        pixels, made, landmarks, times = (part.index_select(1, rows) for part in parts)
        return Batch(pixels, made, self.latent, landmarks, times, max(1.0, length / count))


def unfold(values: Tensor, shape: Sequence[int]) -> Tensor:
    """What was flattened into the first axis, in its two axes again."""
    return values.reshape(*shape, *values.shape[1:])


def earlier(values: Tensor, step: int) -> Tensor:
    """The first of each pair of neighbours along axis 1: (B, T - step, ...); none where T <= step."""
    return values[:, : max(values.shape[1] - step, 0)]


def later(values: Tensor, step: int) -> Tensor:
    """The second of each pair of neighbours along axis 1: (B, T - step, ...)."""
    return values[:, step:]


def change(values: Tensor, step: int) -> Tensor:
    """What each neighbour differs by, along axis 1."""
    return later(values, step) - earlier(values, step)


def neighbour_step(times: npt.NDArray[np.float64]) -> int:
    """How many frames make `LAG_S`, at least one, for the times (T,) of a clip."""
    gaps = np.diff(times)
    return max(1, round(LAG_S / float(np.median(gaps)))) if len(gaps) else 1


def steadied(landmarks: Tensor) -> Tensor:
    """Each frame's landmarks (B, T, 5, 2) averaged with `STEADY` on either side.

    Near the ends the window shrinks on both sides alike, so that a steady motion is left as it is.
    """
    length = landmarks.shape[1]
    place = torch.arange(length, device=landmarks.device)
    reach = torch.minimum(place, length - 1 - place).clamp_max(STEADY)
    weights = ((place[:, None] - place).abs() <= reach[:, None]).to(landmarks.dtype)
    return torch.einsum("st,btij->bsij", weights / weights.sum(dim=1, keepdim=True), landmarks)


def batches(clips: Sequence[Clip], made: Sequence[Made]) -> Iterator[tuple[list[int], Batch]]:
    """The clips by length, rate and size, some at a time: which ones, and what the kinds look at."""
    codes = _codes(clips, made)
    alike: dict[tuple[object, ...], list[int]] = {}
    for row, (clip, (_, latent)) in enumerate(zip(clips, codes, strict=True)):
        key = (clip.pixels.shape, latent.shape, neighbour_step(clip.times_s))
        alike.setdefault(key, []).append(row)
    for rows in alike.values():
        count = max(1, CHUNK // len(clips[rows[0]]))
        for start in range(0, len(rows), count):
            part = rows[start : start + count]
            yield part, _batch([clips[row] for row in part], [codes[row] for row in part])


def _batch(clips: Sequence[Clip], codes: Sequence[Code]) -> Batch:
    made, latent = (torch.stack(part) for part in zip(*codes, strict=True))

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(clip, name) for clip in clips])).to(made.device)

    return Batch(stacked("pixels"), made, latent, stacked("landmarks"), stacked("times_s"))


def _codes(clips: Sequence[Clip], made: Sequence[Made]) -> list[Code]:
    """What was made of each clip, out of records that hold one or several clips each, in their order."""
    pixels, latents = [], []
    for one in made:
        if isinstance(one, ClipReconstruction):
            pixels += list(one.pixels)
            latents += list(one.mean.transpose(1, 2))
        else:
            pixels += list(one.pixels[None])
            latents += list(one.mean[None])
    want, got = [clip.pixels.shape for clip in clips], [tuple(part.shape) for part in pixels]
    if want != got:
        raise ShapeError(f"reconstructions: expected pixels of {want}, clip by clip, got {got}")
    return list(zip(pixels, latents, strict=True))
