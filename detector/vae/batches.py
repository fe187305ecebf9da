"""How every reconstructor is run: checked input, bounded memory, a second pass on request.

A model gives one `Step`, a function from pixels to a `Reconstruction` of the same batch; the rest stands here once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from detector.errors import ShapeError
from detector.types import Array, Reconstruction, check_shape
from detector.vae.room import Room

Step = Callable[[Tensor], Reconstruction]
"""One pass: (N, 3, S, S) float32 in [0, 1] on the model's device to a `Reconstruction` without `second`."""


def reconstruct(
    step: Step,
    pixels: Array | Tensor,
    device: torch.device,
    stride: int,
    second_pass: bool = True,
    again: Step | None = None,
    room: Room | None = None,
) -> Reconstruction:
    """Run `step` over a batch of any length, in sub-batches that fit into memory; on a GPU in full float32 too.

    Args:
        step: the model's single pass.
        pixels: (N, 3, S, S) in [0, 1], S a multiple of `stride`; N may be 0.
        device: where the model is.
        stride: how many pixels one latent position stands for, along a side.
        second_pass: whether to reconstruct the reconstruction too.
        again: makes the second pass, where that may tell less than `step`; `step` where left out.
        room: what the model is known to have room for, and learns; found out anew where left out.

    Raises:
        ShapeError: for another shape or range.
        UsageError: there is no memory for a single crop.
    """
    checked = torch.as_tensor(pixels)
    _check(checked, stride)
    if not len(checked):
        one = checked.new_zeros((1, *checked.shape[1:]))
        return _map(lambda values: values[0][:0], [reconstruct(step, one, device, stride, second_pass, again, room)])
    then = again or step if second_pass else None
    with torch.inference_mode(), _exact(device):
        passes = (room or Room.on(device)).each(lambda part: _passes(step, then, _moved(part, device)), checked)
        return concat(list(passes))


def concat(parts: list[Reconstruction]) -> Reconstruction:
    """Reconstructions of several batches by one model as that of one batch."""
    return _map(torch.cat, parts)


def _passes(step: Step, then: Step | None, pixels: Tensor) -> Reconstruction:
    first = step(pixels)
    return first if then is None else replace(first, second=then(first.pixels))


def _moved(pixels: Tensor, device: torch.device) -> Tensor:
    """The pixels as float32 on the device; on their way to a GPU this thread does not wait for them."""
    if device.type == "cuda" and pixels.device.type == "cpu":
        return pixels.float().pin_memory().to(device, non_blocking=True)
    return pixels.to(device, torch.float32)


def _exact(device: torch.device) -> AbstractContextManager[None]:
    """Convolutions in float32 itself: cuDNN's default, TensorFloat-32, has ten bits where grey levels need more."""
    if device.type != "cuda":
        return nullcontext()
    exact: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return exact


def _check(pixels: Tensor, stride: int) -> None:
    side = pixels.shape[-1]
    check_shape("pixels", pixels, (None, 3, side, side))
    if side == 0 or side % stride:
        raise ShapeError(f"pixels: expected sides that are a multiple of {stride}, got {side}")
    if pixels.numel() and not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ShapeError(f"pixels: expected values in [0, 1], got {pixels.min():.3g} to {pixels.max():.3g}")


def _map(join: Callable[[list[Tensor]], Tensor], parts: list[Reconstruction]) -> Reconstruction:
    """The reconstruction whose every field is `join` of that field of `parts`; a field that is None stays None."""

    def joined(values: list[Any]) -> Any:
        if values[0] is None:
            return None
        return _map(join, values) if isinstance(values[0], Reconstruction) else join(values)

    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(Reconstruction)}
    return Reconstruction(**{name: joined(values) for name, values in columns.items()})
