"""Clips of any shape through models of few shapes: padded, and cut again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detector.errors import ShapeError
from detector.types import ClipReconstruction
from detector.vae.video.clips import Grid, reconstruct_clips

CPU = torch.device("cpu")


def identity(clips: Tensor) -> ClipReconstruction:
    """A perfect model, whose latents are means over blocks and whose NLL tells the pixel's red."""
    mean = torch.nn.functional.avg_pool3d(clips.movedim(1, 2), (1, 4, 4))
    return ClipReconstruction(clips, mean, mean, mean[:, 0], clips[:, :, 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.booleans())
def test_a_grid_adds_as_few_frames_as_fit(frames: int, step: int, alone: bool) -> None:
    length = Grid(8, step, alone).length(frames)
    assert (length - alone) % step == 0
    assert frames <= length < frames + step


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3), st.integers(1, 7), st.integers(1, 13), st.integers(1, 4), st.booleans(), st.booleans())
def test_what_was_padded_is_cut_again(
    count: int, length: int, side: int, frames: int, alone: bool, second: bool
) -> None:
    clips, grid = torch.rand(count, length, 3, side, side), Grid(4, frames, alone)
    made = reconstruct_clips(identity, clips, CPU, grid, second)
    assert torch.equal(made.pixels, clips)
    assert made.nll is not None
    assert torch.equal(made.nll, clips[:, :, 0])
    assert made.mean.shape == (count, 3, grid.length(length), -(-side // 4), -(-side // 4))
    assert (made.second is not None) == second
    if made.second is not None:
        assert torch.equal(made.second.pixels, clips)


def test_the_last_frame_is_held_and_the_edges_are_drawn_out() -> None:
    clip = torch.arange(2 * 3 * 2 * 2.0).view(1, 2, 3, 2, 2)
    padded = Grid(3, 4).pad(clip)
    assert padded.shape == (1, 4, 3, 3, 3)
    assert torch.equal(padded[:, :2, :, :2, :2], clip)
    assert torch.equal(padded[:, 2], padded[:, 1])
    assert torch.equal(padded[:, 3], padded[:, 1])
    assert torch.equal(padded[..., 2, :2], clip[:, [0, 1, 1, 1]][..., 1, :])
    assert torch.equal(padded[..., :, 2], padded[..., :, 1])


def test_a_clip_smaller_than_the_least_is_drawn_out_to_it() -> None:
    grid, clip = Grid(4, least=7), torch.rand(1, 1, 3, 3, 3)
    assert grid.pad(clip).shape[-1] == 8
    assert grid.pad(torch.rand(1, 1, 3, 9, 9)).shape[-1] == 12
    assert torch.equal(reconstruct_clips(identity, clip, CPU, grid, False).pixels, clip)


def test_many_clips_go_through_in_parts() -> None:
    seen: list[int] = []

    def step(clips: Tensor) -> ClipReconstruction:
        seen.append(len(clips))
        return identity(clips)

    clips = torch.rand(5, 2, 3, 256, 256)
    assert torch.equal(reconstruct_clips(step, clips, CPU, Grid(4), False).pixels, clips)
    assert seen == [1] * 5


@pytest.mark.parametrize(
    "clips",
    [torch.zeros(2, 3, 8, 8), torch.zeros(1, 2, 4, 8, 8), torch.zeros(1, 2, 3, 8, 7), torch.zeros(1, 0, 3, 8, 8)],
)
def test_other_shapes_are_refused(clips: Tensor) -> None:
    with pytest.raises(ShapeError, match="clips: expected"):
        reconstruct_clips(identity, clips, CPU, Grid(4), False)


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_other_ranges_are_refused(value: float) -> None:
    with pytest.raises(ShapeError, match=r"values in \[0, 1\], got"):
        reconstruct_clips(identity, torch.full((1, 2, 3, 4, 4), value), CPU, Grid(4), False)
