"""How every spatiotemporal reconstructor is run: checked input, padding to the model's shape, a second pass.

A model gives one `ClipStep` and the `Grid` of the shapes that it takes; the rest stands here once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.errors import ShapeError
from detector.types import Array, ClipReconstruction, check_shape

ClipStep = Callable[[Tensor], ClipReconstruction]
"""One pass: (N, T, 3, S, S) float32 in [0, 1] on the model's device, of a shape on its grid, without `second`."""

MAX_PIXELS = 8 * 128 * 128
"""How many pixels of all frames go through a model at once; a longer clip goes alone."""


@dataclass(frozen=True)
class Grid:
    """The shapes of clips that a model takes without padding.

    Attributes:
        side: S is a multiple of so many px.
        frames: T is a multiple of so many frames, or, where the first stands alone, one more.
        first_alone: whether the first frame has a latent of its own, as in the causal VAEs of generators.
        least: the smallest S, in px.
    """

    side: int
    frames: int = 1
    first_alone: bool = False
    least: int = 1

    def length(self, frames: int) -> int:
        """The smallest T of the grid that is not below `frames`."""
        alone = int(self.first_alone)
        return alone + ceil((frames - alone) / self.frames) * self.frames

    def pad(self, clips: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) on the grid: the last frame is held, the right and bottom edges are drawn out."""
        count, length, _, side, _ = clips.shape
        wanted = ceil(max(side, self.least) / self.side) * self.side
        more, frames = wanted - side, self.length(length) - length
        held = torch.cat([clips, clips[:, -1:].expand(-1, frames, -1, -1, -1)], dim=1)
        wide = F.pad(held.flatten(0, 1), (0, more, 0, more), mode="replicate")
        return wide.view(count, length + frames, 3, wanted, wanted)


def reconstruct_clips(
    step: ClipStep, pixels: Array | Tensor, device: torch.device, grid: Grid, second_pass: bool
) -> ClipReconstruction:
    """Run `step` over a batch of clips of any length, size and number.

    What was padded is cut from `pixels` and `nll` again; latents that stand for it are kept.

    Args:
        step: the model's single pass.
        pixels: (N, T, 3, S, S) in [0, 1], T and S at least 1; N may be 0.
        device: where the model is.
        grid: the shapes that it takes.
        second_pass: whether to reconstruct the reconstruction too.

    Raises:
        ShapeError: for another shape or range.
    """
    checked = torch.as_tensor(pixels)
    _check(checked)
    if not len(checked):
        one = checked.new_zeros((1, *checked.shape[1:]))
        return _map(lambda values: values[0][:0], [reconstruct_clips(step, one, device, grid, second_pass)])
    parts = torch.split(checked, max(1, MAX_PIXELS // (checked.shape[1] * checked.shape[-1] ** 2)))
    with torch.inference_mode():
        return _map(torch.cat, [_passes(step, part.to(device, torch.float32), grid, second_pass) for part in parts])


def _passes(step: ClipStep, clips: Tensor, grid: Grid, second_pass: bool) -> ClipReconstruction:
    first = _cut(step(grid.pad(clips)), clips)
    return replace(first, second=_passes(step, first.pixels, grid, False)) if second_pass else first


def _cut(made: ClipReconstruction, clips: Tensor) -> ClipReconstruction:
    length, side = clips.shape[1], clips.shape[-1]
    nll = None if made.nll is None else made.nll[:, :length, :side, :side]
    return replace(made, pixels=made.pixels[:, :length, :, :side, :side], nll=nll)


def _check(pixels: Tensor) -> None:
    side = pixels.shape[-1]
    check_shape("clips", pixels, (None, None, 3, side, side))
    if not (pixels.shape[1] and side):
        raise ShapeError(f"clips: expected at least one frame of at least one px, got shape {tuple(pixels.shape)}")
    if pixels.numel() and not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ShapeError(f"clips: expected values in [0, 1], got {pixels.min():.3g} to {pixels.max():.3g}")


def _map(join: Callable[[list[Tensor]], Tensor], parts: list[ClipReconstruction]) -> ClipReconstruction:
    """The reconstruction whose every field is `join` of that field of `parts`; a field that is None stays None."""

    def joined(values: list[Any]) -> Any:
        if values[0] is None:
            return None
        return _map(join, values) if isinstance(values[0], ClipReconstruction) else join(values)

    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(ClipReconstruction)}
    return ClipReconstruction(**{name: joined(values) for name, values in columns.items()})
