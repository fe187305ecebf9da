"""A clip against its shuffled and slowed self."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features import REGIONS, WHOLE
from detector.features.motion import compute_order
from detector.features.motion.orders import orders
from detector.types import Clip, ClipReconstruction
from tests.features.motion.clips import lively

CLIPS = [lively(0), lively(1, count=16), lively(2)]


def record(made: Tensor) -> ClipReconstruction:
    return ClipReconstruction(made, made.transpose(1, 2)[..., ::4, ::4])


def frame_wise(pixels: Tensor) -> ClipReconstruction:
    return record(F.avg_pool2d(pixels.flatten(0, 1), 3, 1, 1).reshape(pixels.shape))


def looks_back(pixels: Tensor) -> ClipReconstruction:
    """Takes each frame for what the one before was."""
    return record(torch.cat([pixels[:, :1], pixels[:, :-1]], dim=1))


def columns(clips: list[Clip], model: object, statistic: str) -> np.ndarray:
    table = compute_order(clips, model, "m")  # type: ignore[arg-type]
    return table.values[:, [n.endswith(statistic) for n in table.names]]


def test_a_frame_wise_model_sees_no_order() -> None:
    table = compute_order(CLIPS, frame_wise, "m")
    assert {name.split(".")[3] for name in table.names} == {*REGIONS, WHOLE}
    assert {tuple(name.split(".")[:3]) for name in table.names} == {("m", "clip", "order")}
    np.testing.assert_allclose(table.values, 0, atol=1e-4)


def test_a_model_of_clips_does_better_on_frames_in_their_order() -> None:
    time = np.linspace(0, 1, 16)[:, None, None, None]
    smooth = CLIPS[1].pixels[:1] * np.asarray(0.3 + 0.7 * time, np.float32)
    clip = Clip(smooth, CLIPS[1].landmarks, CLIPS[1].boxes, CLIPS[1].times_s, 0, 0)
    assert (columns([clip], looks_back, "shuffled") < -0.5).all()
    # Every other frame repeats the one before and costs nothing; the others cost what they did.
    assert columns([clip], looks_back, "slowed")[0, -1] > 0.3


def test_noise_is_the_same_in_any_order() -> None:
    pixels = np.random.default_rng(0).random((16, 3, 48, 48)).astype(np.float32)
    noise = Clip(pixels, CLIPS[1].landmarks, CLIPS[1].boxes, CLIPS[1].times_s, 0, 0)
    np.testing.assert_allclose(columns([noise], looks_back, "whole.shuffled"), 0, atol=0.1)


def test_clips_do_not_see_one_another() -> None:
    together = compute_order(CLIPS, looks_back, "m").values
    alone = np.vstack([compute_order([clip], looks_back, "m").values for clip in CLIPS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_fewer_than_four_frames_have_no_order() -> None:
    assert np.isnan(compute_order([lively(0, count=3)], looks_back, "m").values).all()


@pytest.mark.parametrize("length", [4, 5, 16, 33])
def test_the_orders_of_a_length(length: int) -> None:
    shuffled, slowed = orders(length)
    assert sorted(shuffled.tolist()) == list(range(length))
    assert shuffled.tolist() != list(range(length))
    assert slowed.tolist() == [place // 2 for place in range(length)]
    assert torch.equal(shuffled, orders(length)[0])
