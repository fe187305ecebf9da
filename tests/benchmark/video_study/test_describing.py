"""One row a piece: of whose frames, and what becomes of pieces that show nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detector.benchmark.video_study.containers import Coding, write_clip
from detector.benchmark.video_study.describing import Describer, Pieces, over_frames
from detector.types import FeatureTable
from detector.vae.video.frames import FrameByFrame
from tests.benchmark.fakes import Blur, MiddleFace
from tests.benchmark.video_study.test_containers import moving


class BothWays(Blur):
    """Does not mind whether the second pass is wanted."""

    def __call__(self, pixels: Any, **_: bool) -> Any:
        return super().__call__(pixels)


@pytest.fixture(scope="module")
def describer() -> Describer:
    pieces = Pieces(length=12, clip=6, frames=3)
    return Describer(MiddleFace(), FrameByFrame(BothWays()), None, pieces)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (24, 9, [(0, 12), (12, 24)]),
        (30, 9, [(0, 12), (12, 24), (24, 30)]),
        (29, 9, [(0, 12), (12, 24)]),
        (5, 9, []),
        (60, 2, [(0, 12), (24, 36)]),
    ],
)
def test_what_is_left_is_a_piece_if_it_is_half_as_long(count: int, most: int, expected: list[tuple[int, int]]) -> None:
    assert Pieces(length=12, most=most).starts(count) == expected


def test_each_piece_has_a_row_and_a_dark_one_a_reason(describer: Describer) -> None:
    pictures = moving(36)
    pictures[12:24] = [np.zeros_like(pixels) for pixels in pictures[12:24]]
    unit = describer(write_clip(pictures, Coding("h264", 10)))
    assert unit.frames == (0, 12, 24)
    assert unit.reasons == ("", "no_face", "")
    assert unit.table is not None
    assert unit.table.values.shape[0] == 2
    kinds = {name.split(".")[0] for name in unit.table.names}
    assert kinds == {"mean", "spread", "blur", "file"}
    assert any(name.startswith("blur.clip.flicker.") for name in unit.table.names)


def test_the_second_piece_is_described_as_if_it_came_alone(describer: Describer) -> None:
    pictures = moving(24)
    looked = list(describer.look(open_frames(pictures)))
    alone = describer.still(looked[12:], 0)
    again = describer.still(list(describer.look(open_frames(pictures)[12:])), 0)
    assert np.array_equal(alone.values, again.values, equal_nan=True)


def test_a_clip_that_stands_still_has_no_spread_and_no_flicker(describer: Describer) -> None:
    looked = list(describer.look(open_frames(moving(1) * 12)))
    still = describer.still(looked, 0)
    spread = still.values[0, [name.startswith("spread.") for name in still.names]]
    assert np.nanmax(np.abs(spread)) < 1e-5


def test_over_frames_leaves_out_what_is_not_known() -> None:
    table = FeatureTable(np.array([[1, np.nan, np.nan], [3, 5, np.nan]], np.float32), ("a", "b", "c"))
    told = over_frames(table)
    assert told.names == ("mean.a", "mean.b", "mean.c", "spread.a", "spread.b", "spread.c")
    assert np.array_equal(told.values, [[2, 5, np.nan, 1, 0, np.nan]], equal_nan=True)


def open_frames(pictures: list[Any]) -> list[Any]:
    from detector.types import Frame

    return [Frame(pixels, number / 25, number) for number, pixels in enumerate(pictures)]
